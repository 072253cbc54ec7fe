"""The order that Terraform works in: nothing before its service is enabled, nobody before what he may do."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.terraform import DEPLOY, TERRAFORM, replace, terraform

pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

Graph = Mapping[str, set[str]]
"""What each resource needs, directly or by way of others."""

ENABLED = "google_project_service.api"

# Which service answers for a resource, by what its type begins with.
SERVICES = {
    "google_artifact_registry_": "artifactregistry",
    "google_bigquery_": "bigquery",
    "google_cloud_run_": "run",
    "google_cloud_scheduler_": "cloudscheduler",
    "google_cloudfunctions2_": "cloudfunctions",
    "google_eventarc_": "eventarc",
    "google_kms_": "cloudkms",
    "google_logging_": "logging",
    "google_monitoring_": "monitoring",
    "google_project_iam_": "cloudresourcemanager",
    "google_project_service": "serviceusage",
    "google_pubsub_": "pubsub",
    "google_service_account": "iam",
    "google_storage_": "storage",
}

# Grants to Google's own agents, and what fails where they are missing. Every other grant is to an account of
# ours, and precedes whatever names the account.
USERS_OF_AGENTS = {
    "google_project_iam_member.storage_publishes_events": {"google_eventarc_trigger.staged_file"},
    "google_project_iam_member.eventarc_makes_triggers": {"google_eventarc_trigger.staged_file"},
    "google_pubsub_topic_iam_member.pubsub_buries_dead_letters": {"terraform_data.delivery"},
    "google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters": {"terraform_data.delivery"},
    "google_kms_crypto_key_iam_member.agents": {
        "google_artifact_registry_repository.images",
        "google_bigquery_dataset.dataset",
        "google_cloudfunctions2_function.ingest",
        "google_eventarc_google_channel_config.events",
        "google_eventarc_trigger.staged_file",
        "google_pubsub_topic.dead_letters",
        "google_storage_bucket.output",
        "google_storage_bucket.source",
        "google_storage_bucket.staging",
    },
}

# What fails at once where a grant does not hold yet: https://cloud.google.com/iam/docs/access-change-propagation
WAITS = {
    "google_cloudfunctions2_function.ingest": {"time_sleep.build_grants", "time_sleep.key_grants"},
    "google_eventarc_trigger.staged_file": {"time_sleep.event_grants", "time_sleep.key_grants"},
}


def graph(folder: Path, environment: dict[str, str]) -> Graph:
    """What `terraform graph` says, with what follows from it."""
    terraform("init", "-reconfigure", "-input=false", cwd=folder, **environment)
    text = terraform("graph", cwd=folder, **environment)
    needs: dict[str, set[str]] = {name: set() for name in re.findall(r'^  "([^"]+)" \[', text, re.MULTILINE)}
    for user, needed in re.findall(r'^  "([^"]+)" -> "([^"]+)";', text, re.MULTILINE):
        needs[user].add(needed)

    def reached(name: str) -> set[str]:
        return needs[name].union(*(reached(each) for each in needs[name]))

    return {name: reached(name) for name in needs}


def blocks(folder: Path) -> dict[str, str]:
    """The text of each resource, by its address."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    found = re.findall(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
    return {f"{kind}.{name}": body for kind, name, body in found}


def early(folder: Path, needs: Graph) -> list[str]:
    """The resources that Terraform may come to before their service is enabled."""
    enabled, by_bootstrap = services(folder), bootstrapped(folder)
    found = []
    for name, reached in needs.items():
        kind = name.split(".")[-2]
        service = next((it for prefix, it in SERVICES.items() if kind.startswith(prefix)), None)
        if service is None or name == ENABLED:
            continue
        # Data is read at plan time, before anything is made, unless it hangs on something that is.
        planned = name.startswith("data.") and all(each.startswith("data.") for each in reached)
        if service not in (by_bootstrap if planned else enabled) or not (planned or ENABLED in reached):
            found.append(name)
    return found


def unprepared(folder: Path, needs: Graph) -> list[str]:
    """The pairs of a resource and a grant that it needs and may come before."""
    text = blocks(folder)
    grants = {name: body for name, body in text.items() if "_iam_member." in name}
    found = []
    for grant, body in grants.items():
        account = re.search(r"member += google_service_account\.(\w+)\.member", body)
        if account is None:
            users = USERS_OF_AGENTS[grant]
        else:
            named = re.compile(rf"google_service_account\.{account[1]}\b")
            users = {name for name, it in text.items() if name not in grants and named.search(it)}
            assert users, f"nobody uses {account[0]}"
        found += [f"{user} before {grant}" for user in users if grant not in needs[user]]
    return sorted(found)


def services(folder: Path) -> set[str]:
    (lists,) = re.findall(r"^  apis = setunion\((.*?)^  \)", (folder / "project.tf").read_text(), re.M | re.S)
    return set(re.findall(r'"(\w+)"', lists))


def bootstrapped(folder: Path) -> set[str]:
    commands = re.findall(r"services enable --project(?:.*\\\n)*.*", (folder / "bootstrap.sh").read_text())
    return set(re.findall(r"(\w+)\.googleapis\.com", commands[0]))


def cut(file: Path, resource: str, edge: str, *, missing_ok: bool = False) -> None:
    """Take a name out of a resource's `depends_on`."""
    before, start, rest = file.read_text().partition(f'resource "{resource} {{\n')
    block, end, after = rest.partition("\n}\n")
    assert start, resource
    assert missing_ok or edge in block, edge
    file.write_text(before + start + re.sub(rf"{re.escape(edge)},? ?", "", block) + end + after)


def test_every_resource_comes_after_its_service(deploy: Path, environment: dict[str, str]) -> None:
    needs = graph(deploy, environment)
    assert len(needs) > 40
    assert early(deploy, needs) == []


def test_bootstrap_enables_what_enabling_the_others_needs() -> None:
    assert (
        {"cloudresourcemanager", "iam", "serviceusage", "storage"} <= bootstrapped(DEPLOY) <= services(DEPLOY)
    )


def test_every_grant_comes_before_its_user(deploy: Path, environment: dict[str, str]) -> None:
    assert unprepared(deploy, graph(deploy, environment)) == []


def test_agents_are_made_before_they_are_granted_anything(deploy: Path, environment: dict[str, str]) -> None:
    needs = graph(deploy, environment)
    agents = {"google_project_service_identity.agent", "data.google_storage_project_service_account.agent"}
    assert all(agents & needs[grant] for grant in USERS_OF_AGENTS)


def test_what_needs_a_grant_at_once_waits_for_it_to_hold(deploy: Path, environment: dict[str, str]) -> None:
    needs = graph(deploy, environment)
    for user, waits in WAITS.items():
        assert waits <= needs[user], user


@pytest.mark.parametrize(
    ("file", "resource", "said"),
    [
        ("accounts.tf", 'google_service_account" "trigger"', "google_service_account.trigger"),
        ("buckets.tf", 'google_storage_bucket" "source"', "google_storage_bucket.source"),
        ("metrics.tf", 'google_logging_metric" "counter"', "google_logging_metric.counter"),
    ],
)
@pytest.mark.slow("a plan of Terraform takes a second")
def test_a_missing_edge_to_a_service_is_found(
    file: str, resource: str, said: str, deploy: Path, environment: dict[str, str]
) -> None:
    cut(deploy / file, resource, ENABLED)
    cut(deploy / file, resource, "time_sleep.key_grants", missing_ok=True)
    assert said in early(deploy, graph(deploy, environment))


def test_a_service_that_is_not_in_the_list_is_found(deploy: Path, environment: dict[str, str]) -> None:
    replace(deploy / "project.tf", '"monitoring", ', "")
    assert "google_monitoring_dashboard.cbi" in early(deploy, graph(deploy, environment))


def test_data_that_is_read_before_its_service_is_found(deploy: Path, environment: dict[str, str]) -> None:
    replace(deploy / "bootstrap.sh", "storage.googleapis.com", "")
    found = early(deploy, graph(deploy, environment))
    assert found == ["data.google_storage_project_service_account.agent"]


@pytest.mark.parametrize(
    ("file", "resource", "edge", "user"),
    [
        (
            "function.tf",
            'google_cloudfunctions2_function" "ingest"',
            "google_project_iam_member.runtime_runs_jobs",
            "google_cloudfunctions2_function.ingest",
        ),
        (
            "accounts.tf",
            'time_sleep" "build_grants"',
            "google_project_iam_member.build_logs",
            "google_cloudfunctions2_function.ingest",
        ),
        (
            "accounts.tf",
            'time_sleep" "event_grants"',
            "google_project_iam_member.storage_publishes_events",
            "google_eventarc_trigger.staged_file",
        ),
        (
            "sweep.tf",
            'google_cloud_scheduler_job" "sweep"',
            "google_cloud_run_v2_service_iam_member.scheduler_invokes",
            "google_cloud_scheduler_job.sweep",
        ),
        (
            "trigger.tf",
            'terraform_data" "delivery"',
            "google_pubsub_topic_iam_member.pubsub_buries_dead_letters",
            "terraform_data.delivery",
        ),
    ],
)
@pytest.mark.slow("a plan of Terraform takes a second")
def test_a_missing_edge_to_a_grant_is_found(
    file: str, resource: str, edge: str, user: str, deploy: Path, environment: dict[str, str]
) -> None:
    cut(deploy / file, resource, edge)
    assert unprepared(deploy, graph(deploy, environment)) == [f"{user} before {edge}"]


def test_a_bucket_before_the_grants_on_its_key_is_found(deploy: Path, environment: dict[str, str]) -> None:
    cut(deploy / "buckets.tf", 'google_storage_bucket" "output"', "time_sleep.key_grants")
    found = unprepared(deploy, graph(deploy, environment))
    assert found == ["google_storage_bucket.output before google_kms_crypto_key_iam_member.agents"]
