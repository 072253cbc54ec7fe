"""`python -m cbi integration`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cbi.settings import Settings


@click.command()
@click.option("--local", is_flag=True, help="Start a stack on this machine for it.")
def integration(local: bool) -> None:
    """Load 100 rows of ZL_TEST, read them back, hold them against a checklist, and delete them again.

    Prints the checklist line by line and exits with 1 where a line does not hold. Without --local it uses the
    project that the environment names.
    """
    from cbi.local.sample import sample_table
    from cbi.ops.integration import integration as run_integration
    from cbi.runs.pipeline import IngestionPipeline

    failed = 0
    with _local_settings() if local else _settings() as settings:
        for line in run_integration(IngestionPipeline(settings), sample_table()):
            failed += not line.passed
            mark = click.style("✔", fg="green") if line.passed else click.style("✘", fg="red")
            click.echo(f"{mark} {line.what}: {line.found}")
    click.echo(f"{failed} of the checks failed" if failed else "all of it holds")
    raise SystemExit(1 if failed else 0)


@contextmanager
def _settings() -> Iterator[Settings]:
    yield Settings.from_environment()


@contextmanager
def _local_settings() -> Iterator[Settings]:
    from cbi.local.stack import running_servers

    with (
        TemporaryDirectory(prefix="cbi-") as folder,
        running_servers(Path(folder), with_function=False, with_trigger=False, disposable=True) as servers,
    ):
        yield servers.settings
