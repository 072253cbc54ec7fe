"""`python -m cbi check FILE`."""

from pathlib import Path

import click

from cbi.cli.options import feed_option, json_option
from cbi.cli.output import console, echo_json, for_people


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@feed_option
@json_option
def check(file: Path, feed: str, as_json: bool) -> None:
    """Validate the local FILE without any cloud, and print what its report would say.

    The regimes are those of the package's regimes.yaml. Exits with 1 when the file would fail.
    """
    from cbi.ops.check import check_file

    verdict = check_file(file, feed)
    if for_people(as_json):
        from cbi.view.terminal import verdict_text

        found = verdict.validation_report
        console().print(verdict_text(verdict.status, verdict.message, found, verdict.warnings))
    else:
        echo_json(verdict.as_written())
    raise SystemExit(0 if verdict.status == "success" else 1)
