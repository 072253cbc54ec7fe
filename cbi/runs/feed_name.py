"""Which feed a file is of: its name says so."""

from cbi.contract import DEFAULT_FEED
from cbi.gcs.identity import STAGED_PREFIX, StagedFile
from cbi.gcs.outputs import QUARANTINE


def feed_name(file: StagedFile) -> str:
    """The feed a staged file belongs to: the folder under `staged/`, or the default one without.

    A folder such as `data_date=2024-01-02` is of a partitioned table, and no feed's. A quarantine file
    belongs to that of the file its rows were in.
    """
    name = file.name
    while name.startswith(QUARANTINE):
        name = name.removeprefix(QUARANTINE).rpartition("/")[0]
    folder, slash, _ = name.removeprefix(STAGED_PREFIX).partition("/")
    return folder if slash and "=" not in folder else DEFAULT_FEED
