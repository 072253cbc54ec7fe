"""What is to be said of a column whose type was guessed."""

from cbi.authoring.column_guess import ColumnGuess


def about_column(guess: ColumnGuess) -> str:
    """A sentence for the contract; empty where the file's type says it all."""
    found = " and ".join(map(str, guess.found))
    assert guess.best is not None
    if guess.found == ["null"]:
        return "Guessed: the files have no value of it."
    if guess.best.times.as_date:
        zone = next((kind.tz for kind in guess.found if getattr(kind, "tz", None)), None)
        said = f"in {zone}" if zone else "its clock shows"
        return f"Guessed: the day {said}; `timezone` says whose day it is where that is another."
    if guess.best.times.format is not None:
        return f"Guessed: the {found} values are all dates of this format."
    if guess.best.type in ("DATE", "TIMESTAMP") and "string" in found:
        return f"Guessed: all text is a {'date' if guess.best.type == 'DATE' else 'time'}."
    return ""
