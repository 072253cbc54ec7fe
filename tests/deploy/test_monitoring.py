"""Metrics, alerts and dashboard fit each other, the function's log lines and the runbook."""

import json
import re
from dataclasses import fields
from pathlib import Path

from support.terraform import DEPLOY

from cbi.cli import COMMANDS
from cbi.ops.doctor.checks import CHECKS
from cbi.ops.sweep import SweepReport
from cbi.runs.report import Report

ROOT = DEPLOY.parent
METRICS = (DEPLOY / "metrics.tf").read_text()
ALERTS = (DEPLOY / "alerts.tf").read_text()
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())


def metrics() -> dict[str, str]:
    """The text of each metric's definition, by name."""
    parts = re.split(r"^    (cbi_\w+) = \{$", METRICS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def metrics_of_bigquery() -> set[str]:
    """The names of the metrics that are not of the function's log, but of BigQuery's."""
    return set(re.findall(r'^  name +=  *"(cbi_\w+)"$', METRICS, re.MULTILINE))


def alerts() -> set[str]:
    named = re.findall(r'display_name\s+= "cbi ([a-z-]+)"', ALERTS)
    (unwanted,) = re.findall(r"^  unwanted = \{\n(.*?)^  \}", ALERTS, re.MULTILINE | re.DOTALL)
    return {*named, *re.findall(r"^    ([a-z-]+) = \{$", unwanted, re.MULTILINE)}


def test_each_metric_reads_an_event_that_the_function_logs() -> None:
    source = "\n".join(path.read_text() for path in [ROOT / "main.py", *Path(ROOT / "cbi").rglob("*.py")])
    logged = set(re.findall(r'"event": "(\w+)"', source))
    for name, definition in metrics().items():
        (event,) = re.findall(r'jsonPayload\.event=\\"(\w+)\\"', definition)
        assert event in logged, f"{name} reads {event}, and the function logs {sorted(logged)}"


def test_each_metric_reads_fields_that_its_event_has() -> None:
    has = {
        "run_finished": {*(field.name for field in fields(Report)), "feed", "event"},
        "feed_overdue": {"event", "feed", "newest_age_seconds"},
        "sweep_finished": {*(field.name for field in fields(SweepReport)), "event"},
    }
    for name, definition in metrics().items():
        (event,) = re.findall(r'jsonPayload\.event=\\"(\w+)\\"', definition)
        labels = re.findall(r'"(\w+)"', definition.partition("labels")[2].partition("]")[0])
        read = {*re.findall(r"jsonPayload\.(\w+)", definition), *labels}
        assert read <= has.get(event, {"event", "feed"}), name


def test_alerts_and_dashboard_use_only_metrics_that_there_are() -> None:
    there = set(metrics()) | metrics_of_bigquery()
    shown = json.dumps(DASHBOARD)
    charted = {
        re.sub(r"_(sum|bucket|count)$", "", each) for each in re.findall(r"user_(cbi_\w+)", shown + ALERTS)
    }
    assert charted | set(re.findall(r"\}(cbi_\w+)", ALERTS)) <= there
    assert there - charted <= set(re.findall(r"(cbi_\w+)", ALERTS))


def test_a_sweep_that_never_was_is_told() -> None:
    (query,) = re.findall(r'query += "(.*user_cbi_sweeps.*)"$', ALERTS, re.MULTILINE)
    assert "or vector(0)" in query
    assert "condition_absent" not in ALERTS


def test_a_feed_that_never_had_a_file_is_not_overdue() -> None:
    assert "newest_age_seconds>0" in metrics()["cbi_overdue_feeds"]


def test_load_jobs_are_counted_whether_or_not_they_failed() -> None:
    assert metrics_of_bigquery() == {"cbi_load_jobs_ended"}
    assert "user_cbi_load_jobs_ended" in ALERTS
    (filters,) = re.findall(r"  filter = join\((.*?)^  \]\)", METRICS, re.MULTILINE | re.DOTALL)
    assert "jobConfig.type" in filters
    assert "jobStatus" not in filters


def test_each_section_says_what_shows_it_and_what_fixes_it() -> None:
    text = (DEPLOY / "README.md").read_text()
    parts = re.split(r"^#+ `([a-z-]+)`$", text, flags=re.MULTILINE)
    for name, section in zip(parts[1::2], parts[2::2], strict=True):
        section = section.partition("\n## ")[0]
        for what in ("Shown by", "Fixed by"):
            told = re.search(rf"^\*\*{what}\*\* (.*?)(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
            assert told, f"{name} does not say what it is {what.lower()}"
            assert "`" in told[1], f"{name} is {what.lower()} no command"


def test_each_alert_says_it_too() -> None:
    (pages,) = re.findall(r"^  pages = \{\n(.*?)^  \}", ALERTS, re.MULTILINE | re.DOTALL)
    told = re.findall(r"^    ([a-z-]+) = \{\n +shown += .*`.*\n +fixed += .*`.*\n    \}", pages, re.MULTILINE)
    assert set(told) == alerts()


def told_of_each_alert() -> list[tuple[str, str, str]]:
    """Each alert's name, what shows it and what fixes it: of its page, and of its section of the runbook."""
    pages = re.findall(r'^    ([a-z-]+) = \{\n +shown += "(.*)"\n +fixed += "(.*)"\n', ALERTS, re.MULTILINE)
    sections = re.findall(
        r"^### `([a-z-]+)`\n.*?^\*\*Shown by\*\* (.*?)\n\n\*\*Fixed by\*\* (.*?)(?=\n\n#|\Z)",
        (DEPLOY / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert {name for name, *_ in pages} == {name for name, *_ in sections} == alerts()
    return [*pages, *sections]


def test_each_alert_names_a_line_of_doctor() -> None:
    lines = {check.name for check in CHECKS}
    for name, shown, _ in told_of_each_alert():
        told = re.match(r"lines? (.*) of `python -m cbi doctor`", shown)
        assert told, f"{name} names no line of doctor"
        assert set(re.findall(r"`([^`]+)`", told[1])) <= lines, name


def test_each_alert_is_fixed_by_a_command_that_there_is() -> None:
    targets = set(re.findall(r"^## ([a-z-]+) ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    kinds = (
        (r"`make ([a-z-]+)", targets),
        (r"`python -m cbi ([a-z-]+)", set(COMMANDS)),
        (r"`gcloud ([a-z]+)", {"scheduler", "storage", "pubsub", "eventarc", "logging"}),
    )
    for name, shown, fixed in told_of_each_alert():
        for pattern, there in kinds:
            assert set(re.findall(pattern, shown + fixed)) <= there, name
        if name != "quota-day":  # fewer files are a matter of whoever drops them; the sweep runs the others
            assert any(re.search(pattern, fixed) for pattern, _ in kinds), f"nothing fixes {name}"


def test_each_alert_has_its_section_in_the_runbook() -> None:
    headings = set(re.findall(r"^#+ `([a-z-]+)`", (DEPLOY / "README.md").read_text(), re.MULTILINE))
    assert len(alerts()) >= 8
    assert headings == alerts()


def test_the_dashboards_tiles_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for tile in DASHBOARD["mosaicLayout"]["tiles"]:
        across = range(tile["xPos"], tile["xPos"] + tile["width"])
        cells = {(x, y) for x in across for y in range(tile["yPos"], tile["yPos"] + tile["height"])}
        assert not cells & taken, tile["widget"]["title"]
        assert across[-1] < DASHBOARD["mosaicLayout"]["columns"]
        taken |= cells
