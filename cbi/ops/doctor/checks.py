"""What is looked at, in the order of the lines.

A new check is a function that returns a Finding, and a line here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cbi.ops.doctor import activity, places, tables
from cbi.ops.doctor.deployment import Deployment
from cbi.ops.doctor.finding import Finding


@dataclass(frozen=True)
class Check:
    """What its line is called, the function, and the checks before it, without which it can tell nothing.

    The function raises CbiError, or what the clients raise, where that makes the line red.
    """

    name: str
    look: Callable[[Deployment], Finding]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("settings", places.settings),
    Check("Cloud Storage", places.cloud_storage, ("settings",)),
    Check("BigQuery", places.big_query, ("settings",)),
    Check("buckets", places.buckets, ("Cloud Storage",)),
    Check("contracts", tables.contracts, ("settings",)),
    Check("tables", tables.tables, ("BigQuery",)),
    Check("permissions", places.permissions, ("buckets", "BigQuery")),
    Check("calendar", tables.calendar, ("BigQuery",)),
    Check("feeds", activity.feeds, ("buckets",)),
    Check("reports", activity.reports, ("buckets",)),
    Check("quarantine", activity.quarantine, ("buckets",)),
    Check("load jobs", activity.load_jobs, ("buckets", "BigQuery")),
    Check("marks", activity.marks, ("buckets",)),
    Check("sweep", activity.sweep, ("buckets",)),
)
