"""The contracts, the tables they speak of, and how far the calendar reaches."""

from datetime import date, timedelta
from threading import BoundedSemaphore

from google.api_core.exceptions import NotFound

from cbi.clients import REQUEST_TIMEOUT
from cbi.contract.catalog import other_tables
from cbi.contract.feed import Feed
from cbi.contract.table_changes import compare_table
from cbi.lookups.regime_cache import load_calendar
from cbi.lookups.regime_calendar import RegimeCalendar
from cbi.ops.doctor.background import in_background
from cbi.ops.doctor.deployment import Deployment
from cbi.ops.doctor.finding import Finding, first_few
from cbi.wording import counted

_FEW_DAYS, _SOON_DAYS = 14, 90

# The client keeps ten connections.
_AT_ONCE = BoundedSemaphore(6)


def contracts(deployment: Deployment) -> Finding:
    """Whether all contracts are sound."""
    feeds, errors = deployment.contracts
    if errors:
        broken = [" ".join(str(error).split()) for error in errors]
        return Finding("red", first_few(broken, 2), "`python -m cbi feed check` names all mistakes")
    return Finding("ok", f"{counted(len(feeds), 'contract is', 'contracts are')} sound")


def tables(deployment: Deployment) -> Finding:
    """Whether each table is there and has what its contract says."""
    feeds, _ = deployment.contracts
    all_contracts = (*feeds, *other_tables())
    compared = [in_background(_compare, deployment, contract) for contract in all_contracts]
    wrong: list[str] = []
    odd: list[str] = []
    for future in compared:
        one_wrong, one_odd = future.result()
        wrong += one_wrong
        odd += one_odd
    if wrong:
        return Finding(
            "red", first_few(wrong), "`python -m cbi init` makes what is missing and names the rest"
        )
    if odd:
        return Finding("warning", first_few(odd), "`python -m cbi init` names all of it")
    count = counted(len(all_contracts), "table is there and as its", "tables are there and as their")
    return Finding("ok", f"{count} {'contract says' if len(all_contracts) == 1 else 'contracts say'}")


def calendar(deployment: Deployment) -> Finding:
    """How many days ahead have a regime."""
    today = deployment.now.date()
    last = _covered_until(load_calendar(deployment.bigquery), today)
    fix = "set the next regime in cbi/regimes.yaml, then `python -m cbi regimes --apply`"
    if last is None:
        return Finding("red", f"today, {today}, has no regime: rows of it go to quarantine", fix)
    days = (last - today).days
    found = f"each day has a regime until {last}: {counted(days, 'day', 'days')} left"
    if days < _FEW_DAYS:
        return Finding("red", found, fix)
    return Finding("warning", found, fix) if days < _SOON_DAYS else Finding("ok", found)


def _compare(deployment: Deployment, contract: Feed) -> tuple[list[str], list[str]]:
    """What of a table loads may fail of, and what else differs from its contract."""
    client = deployment.bigquery
    with _AT_ONCE:
        try:
            table = client.get_table(f"{client.project}.{contract.table}", timeout=REQUEST_TIMEOUT)
        except NotFound:
            return [f"{contract.table} is not there"], []
    changes = compare_table(table.to_api_repr(), contract)
    wrong = [f"{contract.table} lacks {path}" for path in changes.added]
    odd: list[str] = []
    for difference in changes.differences:
        harmless = difference in changes.harmless
        (odd if harmless else wrong).append(f"{contract.table}: {difference}")
    return wrong, odd


def _covered_until(calendar: RegimeCalendar, today: date) -> date | None:
    """The last day of those from today on that have a regime without a gap, or None."""
    last = None
    for period in calendar.ranges:
        if period.first <= (today if last is None else last + timedelta(days=1)) <= period.last:
            last = period.last
    return last
