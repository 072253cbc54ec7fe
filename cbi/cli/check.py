"""`python -m cbi check FILE`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cbi.cli.options import feed_option, json_option
from cbi.cli.output import console, echo_json, for_people

if TYPE_CHECKING:
    from cbi.ops.check import FileVerdict


@click.command()
@click.argument("file")
@feed_option
@json_option
def check(file: str, feed: str, as_json: bool) -> None:
    """Validate FILE, and print what would be loaded of it, what not, and why.

    FILE is a local parquet file, a folder of some, or a glob, which takes no cloud; or a gs:// URI, in which
    * and ** stand for parts of names. The regimes are those of the package's regimes.yaml. Exits with 1 when
    a file would fail.
    """
    failed = False
    people, written = for_people(as_json), list[object]()
    for name, verdict in _verdicts(file, feed):
        failed |= verdict.status == "failed"
        if people:
            from cbi.view.terminal import verdict_text

            if name != file:
                console().print(name, style="bold")
            found = verdict.validation_report
            console().print(verdict_text(verdict.status, verdict.message, found, verdict.warnings))
        elif name == file:
            echo_json(verdict.as_written())
        else:
            written.append({"file": name, **verdict.as_written()})
    if written:
        echo_json(written)
    raise SystemExit(1 if failed else 0)


def _verdicts(source: str, feed: str) -> "Iterator[tuple[str, FileVerdict]]":
    from cbi.ops.check import check_file, find_files

    if source.startswith("gs://"):
        from cbi.ops.check_objects import check_objects, open_store

        yield from check_objects(open_store(), source, feed)
        return
    for path in find_files(source):
        yield str(path), check_file(path, feed)
