"""Run the local BigQuery: `python -m cbi.local.bigquery --port P --data-dir DIR --storage-root DIR`.

bqemulator has no way in for extensions, so two of its names are replaced here, and nowhere else.
"""

# ruff: noqa: E402

import gc
import sys

# Whoever starts the stack waits for the second and more that these imports take. Nothing of them becomes
# garbage, and rich would only draw tracebacks in a log that nobody sees in colour.
gc.disable()
sys.modules["rich"] = None  # type: ignore[assignment]

import argparse
from pathlib import Path

import bqemulator.server
from bqemulator.api.app import create_app
from bqemulator.api.dependencies import AppContext
from bqemulator.config import LogLevel, PersistenceMode, Settings
from bqemulator.versioning.snapshots import SnapshotManager
from duckdb_extensions import import_extension
from fastapi import FastAPI

from cbi.local.bigquery.jobs import LoadRules
from cbi.local.bigquery.requests import RequestGate
from cbi.settings import LocalSettings

gc.freeze()
gc.enable()


def replace_parts_of_bqemulator(rules: LoadRules) -> None:
    """Put the corrections in place."""

    def create_corrected_app(context: AppContext) -> FastAPI:
        app = create_app(context)
        app.add_middleware(RequestGate, context=context, rules=rules)
        return app

    # The server looks its application up by this name: the only place where a layer can be put in front.
    bqemulator.server.create_app = create_corrected_app  # type: ignore[attr-defined]
    # It copies the whole table at every write, for time travel: 0.9 GB per append to 2 million rows.
    SnapshotManager.capture = lambda *_, **__: None  # type: ignore[method-assign]


def main() -> None:
    """Serve until SIGINT or SIGTERM. CBI_LOCAL_* variables set the rules of load jobs."""
    parser = argparse.ArgumentParser(prog="python -m cbi.local.bigquery")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--data-dir", type=Path, required=True, help="where the tables are kept")
    parser.add_argument("--storage-root", type=Path, required=True, help="the folder of gs:// objects")
    options = parser.parse_args()
    local = LocalSettings.from_environment()
    rules = LoadRules(local.cbi_local_load_seconds, local.cbi_local_loads_per_table_per_day)
    import_extension("spatial")  # from its wheel: DuckDB would fetch it from the internet
    replace_parts_of_bqemulator(rules)
    bqemulator.server.run_forever(
        Settings(
            rest_port=options.port,
            grpc_port=0,
            persistence_mode=PersistenceMode.PERSISTENT,
            data_dir=options.data_dir,
            default_project_id=options.project,
            gcs_local_root=options.storage_root,
            enable_format_extensions=False,
            time_travel_retention_days=0,
            log_level=LogLevel.WARNING,
        )
    )


if __name__ == "__main__":
    main()
