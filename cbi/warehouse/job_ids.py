"""The ids of a run's jobs, and the tables that its parts are merged from.

BigQuery takes an id once, ever: this is what keeps a part from loading twice. So these names may never change
for a run that has begun. Those of epoch 0 are those of version 0.1, which knew no other.
"""


def load_job_id(feed: str, run_id: str, part: int, epoch: int, attempt: int) -> str:
    """The id of a load job of a part."""
    return f"cbi_{feed}_{run_id}_{part}_{_in(epoch)}{attempt}"


def merge_job_id(feed: str, run_id: str, part: int, epoch: int, attempt: int) -> str:
    """The id of the job that merges a part from its staging table into the feed's."""
    return f"cbi_{feed}_{run_id}_{part}_merge_{_in(epoch)}{attempt}"


def delete_job_id(feed: str, run_id: str, part: int, attempt: int) -> str:
    """The id of the job that deletes a part's rows again."""
    return f"cbi_{feed}_{run_id}_{part}_undo_{attempt}"


def staging_table(table: str, run_id: str, part: int, epoch: int) -> str:
    """The table, beside the feed's own `dataset.table`, that a part is merged from."""
    return f"{table.partition('.')[0]}.cbi_staging_{run_id}_{part}{f'_e{epoch}' if epoch else ''}"


def _in(epoch: int) -> str:
    return f"e{epoch}_" if epoch else ""
