"""The measurements: every way does the same work, and `make bench` runs from end to end."""

import importlib
import json
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench import __main__ as program
from bench import growth
from bench.contest import REWRITE, SPLICE, WAYS, Role, Way
from bench.data import flat_table, write_flat_file
from bench.imports import ROOT
from bench.readme import replace_marked
from bench.relay import Exchange
from bench.task import Found, Task, make_task, wide_feed
from bench.timeline import assign_rows

ROWS = 4_000
WORKING = [way for way in WAYS if way.role is not Role.FLOOR]


@pytest.fixture(scope="module")
def flat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "flat.parquet"
    write_flat_file(path, ROWS, row_groups=2)
    return path


@pytest.mark.parametrize("way", [way for way in WORKING if way is not REWRITE], ids=lambda way: way.module)
def test_all_ways_write_the_same_rows(way: Way, flat_file: Path, tmp_path: Path) -> None:
    assert _written(way, flat_file, tmp_path / "it").equals(_written(REWRITE, flat_file, tmp_path / "sure"))


@pytest.mark.parametrize("way", WORKING, ids=lambda way: way.module)
def test_all_ways_find_duplicates_and_dates_without_a_regime(way: Way, tmp_path: Path) -> None:
    rows = flat_table(wide_feed(), 0, 50, ROWS)
    place = rows.schema.get_field_index("data_date")
    days = rows["data_date"].slice(0, 48).to_pylist() + [date(2040, 1, 1)] * 2
    rows = rows.set_column(place, "data_date", pa.array(days, pa.date32()))
    source = tmp_path / "flat.parquet"
    pq.write_table(pa.concat_tables([rows, rows.slice(3, 1)]), source)
    assert _run(way, make_task(source, tmp_path / "target")) == Found(duplicates=2, uncovered=1)


def test_what_a_request_takes_is_not_the_functions_own_time() -> None:
    exchanges = [
        Exchange(b"GET /download/b/out/o/runs%2Fx.json?alt=media HTTP/1.1", asked=1.0, answered=4.0),
        Exchange(b"POST /bigquery/v2/projects/p/jobs?x HTTP/1.1", asked=6.0, answered=7.0),
        Exchange(b"GET /storage/v1/b/out?fields=name HTTP/1.1", asked=6.5, answered=9.0),
    ]
    event = assign_rows(exchanges, begin=0.5, end=10.0)
    assert event.steps == {"taking the event": 0.5, "validating": 2.0, "acknowledging": 3.0}
    assert event.waited == 4.0


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="found 0 pairs"):
        replace_marked("nothing here", "numbers")


@pytest.mark.servers
def test_the_bench_renews_its_part_of_the_readme_and_the_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_WARM_EVENTS", 2)
    monkeypatch.setattr(program, "_IMPORTS", 1)
    for name in ("COLUMN_ROWS", "ROW_GROUP_ROWS"):
        monkeypatch.setattr(growth, name, 500)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    readme, chart, cache = tmp_path / "README.md", tmp_path / "bench.svg", tmp_path / "cache"
    readme.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n")
    places = [f"--readme={readme}", f"--chart={chart}", f"--cache={cache}"]
    sizes = ["--rows=600", "--repeats=1", "--columns=44", "--row-groups=2"]
    program.main([*places, *sizes], standalone_mode=False)
    text = readme.read_text()
    assert text.startswith("before\n<!-- bench -->\nMeasured on ")
    assert text.endswith("<!-- /bench -->\nafter\n")
    assert "](bench.svg)" in text
    drawn = "".join(ET.parse(chart).getroot().itertext())
    for way in WAYS:
        assert way.title in text
        assert way.title in drawn
    assert json.loads((cache / "results.json").read_text())["contests"][0]["rows"] == 600


def test_the_readme_has_numbers_of_every_way() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert replace_marked(text, "") != text
    assert [way.title for way in WAYS if way.title not in text] == []


def _run(way: Way, task: Task) -> Found:
    found: Found = importlib.import_module(f"bench.ways.{way.module}").run(task)
    return found


def _written(way: Way, source: Path, target: Path) -> pa.Table:
    """A way's rows in the table's types and order; what a splice writes is appended to the file."""
    task = make_task(source, target)
    assert _run(way, task).clean
    if way is SPLICE:
        target.write_bytes(source.read_bytes() + target.read_bytes())
    table = pq.read_table(target).cast(task.feed.arrow_schema)
    return table.sort_by([("symbol", "ascending"), ("data_date", "ascending")]).combine_chunks()
