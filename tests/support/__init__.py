"""What the tests share: makers of files, and a stack as its user sees it."""
