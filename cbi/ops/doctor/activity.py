"""What the deployment has done of late: sweeps, runs, load jobs, and what is wanted of runs."""

from collections import Counter
from datetime import timedelta
from itertools import islice

from google.api_core.exceptions import Forbidden
from google.cloud import bigquery

from cbi.clients import REQUEST_TIMEOUT
from cbi.gcs.outputs import PENDING
from cbi.ops.doctor.deployment import MOST_RUNS, Deployment
from cbi.ops.doctor.finding import Finding, first_few
from cbi.ops.status import LOADS_PER_DAY, PARTITIONS_PER_DAY, last_sweep, summarise
from cbi.wording import counted, duration

_SWEEP_EVERY = timedelta(hours=1)
_MOST_JOBS = 5_000
_SWEEP = "`gcloud scheduler jobs run cbi-sweep --location=REGION`, or `python -m cbi sweep`"


def load_jobs(deployment: Deployment) -> Finding:
    """How much of each table's daily quotas is used: jobs by BigQuery's list, partitions by the reports."""
    entries = deployment.last_day
    _, used = summarise(entries)
    jobs = Counter({table.table: table.load_jobs for table in used})
    partitions = Counter({table.table: table.partitions for table in used})
    try:
        listed, source = _listed_jobs(deployment)
    except Forbidden:
        listed, source = Counter(), "by the reports, as whoever runs this may not list the project's jobs"
    jobs |= listed
    if not jobs and not partitions:
        return Finding("ok", f"none in 24 h ({source})")
    shares = {
        f"{table}: {number:,} of {quota:,} {what}": number / quota
        for what, quota, counts in (
            ("load jobs", LOADS_PER_DAY, jobs),
            ("partition changes", PARTITIONS_PER_DAY, partitions),
        )
        for table, number in counts.items()
    }
    fullest = max(shares, key=lambda text: shares[text])
    found = f"{fullest} in 24 h, the most used ({source})"
    fix = (
        "drop fewer, larger files; who uses them:"
        " `bq query --use_legacy_sql=false < deploy/queries/load_jobs_by_table.sql`"
    )
    if shares[fullest] >= 0.9:
        return Finding("red", found, fix)
    return Finding("warning", found, fix) if shares[fullest] > 2 / 3 else Finding("ok", found)


def sweep(deployment: Deployment) -> Finding:
    """Whether the last sweep is young, and what it found and could not run."""
    last = last_sweep(deployment.outputs, deployment.now)
    if last is None:
        return Finding("red", "none since yesterday: lost events go unnoticed", _SWEEP)
    age = deployment.now - last.started_at
    found = f"the last began {duration(max(0.0, age.total_seconds()))} ago"
    if age > _SWEEP_EVERY:
        return Finding("red", f"{found}: lost events go unnoticed", _SWEEP)
    if waiting := last.left + last.failed:
        text = f"{found}, and {counted(waiting, 'file waits', 'files wait')} without a report"
        return Finding("red", text, f"what the lines above are red of, then {_SWEEP}")
    if last.found:
        text = f"{found}, and ran {counted(last.found, 'file', 'files')} whose event had not come to its end"
        return Finding("warning", text, "if it comes again, `make deploy PROJECT=…`")
    return Finding("ok", f"{found}, and nothing waits")


def reports(deployment: Deployment) -> Finding:
    """Whether a file of the last 24 hours failed, and none of its name was loaded since."""
    entries = deployment.last_day
    if not entries:
        newest = next(iter(deployment.history.newest(limit=1)), None)
        if newest is None:
            return Finding("unknown", "there is none yet")
        return Finding("ok", f"none in 24 h; the last is of {newest.finished_at:%Y-%m-%d %H:%M} UTC")
    done: set[str] = set()
    failed = []
    for entry in entries:
        if entry.status == "failed" and entry.uri not in done:
            failed.append(f"{entry.name} ({entry.reason}, {entry.run_id})")
        done.add(entry.uri)
    count = f"{'at least ' if len(entries) == MOST_RUNS else ''}{len(entries):,}"
    age = duration(max(0.0, (deployment.now - entries[0].finished_at).total_seconds()))
    found = f"{count} in 24 h, the last {age} ago"
    if failed:
        fix = "`python -m cbi show RUN_ID` says why and what to do"
        return Finding("red", f"{found}; not loaded: {first_few(failed)}", fix)
    return Finding("ok", found)


def quarantine(deployment: Deployment) -> Finding:
    """Whether files of the last 24 hours left rows out."""
    left_out = [
        f"{entry.rows_skipped:,} of {entry.name} ({entry.run_id})"
        for entry in deployment.last_day
        if entry.status == "success" and entry.rows_skipped
    ]
    if left_out:
        return Finding(
            "warning",
            f"rows left out in 24 h: {first_few(left_out)}",
            "`python -m cbi show RUN_ID` says why; after `python -m cbi regimes --apply`, where dates lack a"
            " regime, `python -m cbi replay RUN_ID`",
        )
    return Finding("ok", "no rows were left out in 24 h")


def feeds(deployment: Deployment) -> Finding:
    """Whether each feed had a file within the time that its contract expects one."""
    expecting = [feed for feed in deployment.contracts[0] if feed.expect_every_hours is not None]
    overdue = []
    for feed in expecting:
        since = deployment.now - timedelta(hours=feed.expect_every_hours or 0)
        if next(iter(deployment.history.newest(limit=1, since=since, feed=feed.name)), None) is None:
            overdue.append(f"{feed.name} had no file for {feed.expect_every_hours:g} h")
    if overdue:
        fix = "the desk drops one: `gcloud storage cp FILE gs://$STAGING_BUCKET/staged/FEED/`"
        return Finding("warning", first_few(overdue), fix)
    return Finding(
        "ok", f"{counted(len(expecting), 'feed expects', 'feeds expect')} files, and none is overdue"
    )


def marks(deployment: Deployment) -> Finding:
    """Whether undoings and replays that were asked for are carried out."""
    listed = list(deployment.outputs.list(PENDING))
    if not listed:
        return Finding("ok", "no undoing or replay waits")
    oldest = deployment.now - min(each.finalized_at for each in listed)
    age = duration(max(0.0, oldest.total_seconds()))
    count = counted(len(listed), "undoing or replay waits", "undoings and replays wait")
    found = f"{count}, the oldest for {age}"
    if oldest > _SWEEP_EVERY:
        return Finding("red", found, _SWEEP)
    return Finding("ok", f"{found}; the next sweep takes what nobody is at")


def _listed_jobs(deployment: Deployment) -> "tuple[Counter[str], str]":
    """Load jobs by table, failed ones and other programs' included, and where that is from."""
    jobs = list(
        islice(
            deployment.bigquery.list_jobs(
                all_users=True, min_creation_time=deployment.now - timedelta(days=1), timeout=REQUEST_TIMEOUT
            ),
            _MOST_JOBS,
        )
    )
    loads = (job.destination for job in jobs if isinstance(job, bigquery.LoadJob))
    tables = Counter(f"{table.dataset_id}.{table.table_id}" for table in loads if table is not None)
    return tables, "by the newest 5,000 jobs" if len(jobs) == _MOST_JOBS else "by BigQuery's list of jobs"
