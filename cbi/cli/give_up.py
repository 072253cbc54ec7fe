"""`python -m cbi give-up RUN_ID`."""

import click


@click.command()
@click.argument("run_id")
def give_up(run_id: str) -> None:
    """End the run RUN_ID that cannot be loaded for a cause outside of it, and print its report.

    What is not loaded by now never will be, unless `replay` asks for it. Exits with 1 when the report says
    failed.
    """
    from cbi.ops.give_up import give_up as run_give_up
    from cbi.runs.pipeline import IngestionPipeline

    report = run_give_up(IngestionPipeline(), run_id)
    click.echo(report.to_json())
    raise SystemExit(1 if report.failed else 0)
