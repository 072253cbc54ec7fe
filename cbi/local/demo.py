"""`make run`: a file dropped in the local bucket, and what comes of it.

python -m cbi.local.demo [--file x.parquet] [--out report.json]
"""

import gc
import tempfile
import time
from pathlib import Path

import click

from cbi.local.stack import running_servers


@click.command()
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What to drop.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to save the report too.")
def main(file: Path | None, out: Path | None) -> None:
    """Start the local stack, drop FILE or a sample of 100 rows, and show what becomes of it."""
    begun = time.monotonic()
    gc.disable()  # in the few seconds that this takes, looking for garbage among what is imported costs most
    click.echo("starting Cloud Storage, BigQuery and the function on this machine …", err=True)
    with (
        tempfile.TemporaryDirectory(prefix="cbi-") as folder,
        running_servers(Path(folder), disposable=True) as servers,
    ):
        # what this imports is there by now: it was imported while the servers started
        from cbi.local.show import drop_and_show

        succeeded = drop_and_show(servers, file, out, begun)
    raise SystemExit(0 if succeeded else 1)


if __name__ == "__main__":
    main(prog_name="python -m cbi.local.demo")
