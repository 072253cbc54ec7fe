"""All checks side by side, each after those that it needs, within ten seconds."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from cbi.clients import CLOUD_FAULTS
from cbi.deadline import Deadline
from cbi.errors import CbiError
from cbi.faults import cloud_error
from cbi.ops.doctor.background import in_background
from cbi.ops.doctor.checks import CHECKS, Check
from cbi.ops.doctor.deployment import Deployment
from cbi.ops.doctor.finding import Finding, Mark

SECONDS = 9.0


@dataclass(frozen=True)
class Line:
    """What a check found."""

    check: str
    mark: Mark
    found: str
    fix: str | None


def examine(
    deployment: Deployment, checks: tuple[Check, ...] = CHECKS, seconds: float = SECONDS
) -> list[Line]:
    """Look at everything. What has not answered in time is red, and is not waited for any longer."""
    deadline = Deadline.after(seconds)
    found: dict[str, Future[Finding]] = {}
    for check in checks:
        found[check.name] = in_background(_look, check, deployment, found)
    lines = []
    for name, future in found.items():
        try:
            finding = future.result(timeout=deadline.seconds_left)
        except TimeoutError:
            fix = "run this again; if it stays, see https://status.cloud.google.com"
            finding = Finding("red", f"no answer within {seconds:.0f} s", fix)
        lines.append(Line(name, finding.mark, finding.found, finding.fix))
    return lines


def _look(check: Check, deployment: Deployment, found: Mapping[str, "Future[Finding]"]) -> Finding:
    for name in check.needs:
        if (needed := found[name].result()).mark == "red":
            return Finding("unknown", f"not looked at, as {name} is red")
        if needed.found.startswith("not looked at"):
            return needed
    try:
        return check.look(deployment)
    except CbiError as error:
        return Finding("red", " ".join(str(error).split()))
    except CLOUD_FAULTS as error:
        return Finding("red", " ".join(str(cloud_error(error, "this could not be looked at")).split()))
