"""What keeps a file from being spliced is no fault of the file: it is rewritten instead."""


class Unsplicable(Exception):
    """A file that must be rewritten, not spliced; the text says why."""
