"""`python -m cbi check FILE`."""

from pathlib import Path

import click

from cbi.cli.options import echo_json, feed_option


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@feed_option
def check(file: Path, feed: str) -> None:
    """Validate the local FILE without any cloud, and print what its report would say.

    The regimes are those of the package's regimes.yaml. Exits with 1 when the file would fail.
    """
    from cbi.ops.check import check_file

    verdict = check_file(file, feed)
    echo_json(verdict)
    raise SystemExit(0 if verdict["status"] == "success" else 1)
