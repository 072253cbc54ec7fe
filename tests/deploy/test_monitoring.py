"""Metrics, alerts and dashboard fit each other, the function's log lines and the runbook."""

import json
import re
from dataclasses import fields
from pathlib import Path

from support.terraform import DEPLOY

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


def alerts() -> set[str]:
    named = re.findall(r'display_name\s+= "cbi ([a-z-]+)"', ALERTS)
    return {*named, *re.findall(r"^    ([a-z-]+) = \{$", ALERTS, re.MULTILINE)}


def test_each_metric_reads_an_event_that_the_function_logs() -> None:
    source = "\n".join(path.read_text() for path in [ROOT / "main.py", *Path(ROOT / "cbi").rglob("*.py")])
    logged = set(re.findall(r'"event": "(\w+)"', source))
    for name, definition in metrics().items():
        (event,) = re.findall(r'jsonPayload\.event=\\"(\w+)\\"', definition)
        assert event in logged, f"{name} reads {event}, and the function logs {sorted(logged)}"


def test_each_metric_reads_fields_that_its_event_has() -> None:
    has = {
        "run_finished": {*(field.name for field in fields(Report)), "feed", "event"},
        "sweep_finished": {*(field.name for field in fields(SweepReport)), "event"},
    }
    for name, definition in metrics().items():
        (event,) = re.findall(r'jsonPayload\.event=\\"(\w+)\\"', definition)
        labels = re.findall(r'"(\w+)"', definition.partition("labels")[2].partition("]")[0])
        read = {*re.findall(r"jsonPayload\.(\w+)", definition), *labels}
        assert read <= has.get(event, {"event", "feed"}), name


def test_alerts_and_dashboard_use_only_metrics_that_there_are() -> None:
    there = set(metrics())
    shown = json.dumps(DASHBOARD)
    charted = {
        re.sub(r"_(sum|bucket|count)$", "", each) for each in re.findall(r"user_(cbi_\w+)", shown + ALERTS)
    }
    assert charted | set(re.findall(r"\}(cbi_\w+)", ALERTS)) <= there
    assert there - charted <= set(re.findall(r"(cbi_\w+)", ALERTS))


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
