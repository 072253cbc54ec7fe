"""A report in some ten lines, whatever became of the run."""

import dataclasses
import io

import pytest
from rich.console import Console, RenderableType
from support.stored_reports import RUNS, stored_report

from cbi.errors import Reason
from cbi.runs.report import Report
from cbi.view.next_steps import next_steps
from cbi.view.terminal import report_text, rows_text, steps_text


def shown(what: RenderableType, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(what)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("run", RUNS)
def test_a_report_is_some_ten_lines_and_begins_with_its_verdict(run: str) -> None:
    report = stored_report(run)
    lines = shown(report_text(report), width=400).splitlines()
    assert lines[0].split(": ")[0].endswith(report.status)
    assert report.message in lines[0]
    assert len(lines) <= 13
    assert any(report.run_id in line for line in lines)


def test_what_was_left_out_is_told_with_the_command_that_loads_it() -> None:
    report = stored_report("quarantined")
    text = shown(report_text(report, "cbi"))
    assert "3 in quarantine" in text
    assert f"cbi replay {report.run_id}" in text
    assert f"cbi undo {report.run_id}" in text


def test_a_run_that_was_undone_is_not_to_be_undone_or_replayed() -> None:
    text = shown(report_text(stored_report("quarantined"), "cbi", undone=True))
    assert "cbi undo" not in text
    assert "the same bytes may be dropped again" in text


def test_dates_without_a_regime_are_counted_and_named() -> None:
    assert "3 of its 7 dates have none, the first" in shown(report_text(stored_report("quarantined")))
    assert "all of its 7 dates have one" in shown(report_text(stored_report("success")))


def test_of_a_file_that_could_not_be_looked_at_nothing_is_claimed() -> None:
    text = shown(report_text(stored_report("unreadable")))
    assert "regimes" not in text.split("next")[0].split("\n", 1)[1]
    assert "100 %" not in text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_something_to_do(reason: Reason) -> None:
    report = dataclasses.replace(stored_report("success"), status="failed", reason=reason, rows_loaded=0)
    (step,) = next_steps(report, "cbi")
    assert "{" not in step


def with_warnings(number: int) -> Report:
    warnings = tuple(f"warning number {each}" for each in range(number))
    return dataclasses.replace(stored_report("success"), warnings=warnings)


def test_a_hundred_warnings_do_not_fill_the_screen() -> None:
    text = shown(report_text(with_warnings(100)))
    assert "warning number 2" in text
    assert "warning number 3" not in text
    assert "and 97 warnings more" in text
    assert "more" not in shown(report_text(with_warnings(3)))


def test_text_of_a_file_is_not_taken_for_markup() -> None:
    report = dataclasses.replace(stored_report("success"), message="[red]x[/red] [/]", warnings=("[bold]",))
    text = shown(report_text(report))
    assert "[red]x[/red] [/]" in text
    assert "[bold]" in text


def test_steps_are_told_in_words_with_their_times() -> None:
    report = dataclasses.replace(stored_report("success"), timings={"validate": 0.25, "new_step": 1.5})
    assert [line.split() for line in shown(steps_text(report)).splitlines()] == [
        ["validate", "250", "ms"],
        ["new_step", "1.5", "s"],
    ]


def test_rows_have_numbers_to_the_right_and_say_null() -> None:
    lines = shown(rows_text(["name", "weight"], [("a", 600), ("b", None), ("[c]", 0.5)])).splitlines()
    assert [line.split() for line in lines if line.strip()][1:] == [
        ["a", "600"],
        ["b", "NULL"],
        ["[c]", "0.5"],
    ]
    assert " 600" in next(line for line in lines if "600" in line)
