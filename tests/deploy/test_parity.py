"""Both ways to deploy make the same, and the README says what."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.deploy_script import commands
from support.terraform import DEPLOY, TERRAFORM, copied, planned, values

pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

Grant = tuple[str, str, str, str]
"""Account, role, on what, and under which condition."""

# The script has no bucket of its own for the source; gcloud puts it where Cloud Functions does.
OWN_SOURCE = ' || resource.name.startsWith("projects/_/buckets/demo-cbi-source-us-central1")'


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, Any]:
    return planned(copied(tmp_path_factory.mktemp("parity")), environment, {"project": "demo"})


def words(*start: str) -> list[list[str]]:
    """The script's commands that begin so."""
    return [each for each in commands() if tuple(each[: len(start)]) == start]


def flags(command: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").partition("=")[::2] for word in command if word.startswith("--"))


def grants_of_script() -> set[Grant]:
    found = set()
    for command in commands():
        if "add-iam-policy-binding" in command:
            said = flags(command)
            place = (
                "project"
                if command[1] == "projects"
                else command[command.index("add-iam-policy-binding") + 1]
            )
            condition = said.get("condition", "None").partition("expression=")[2]
            found.add((account(said["member"]), said["role"], place.removeprefix("gs://"), condition))
        elif granted := re.fullmatch(r"GRANT `(\S+)` ON \w+ `(\S+)` TO '(\S+)'", command[-1]):
            found.add((account(granted[3]), granted[1], granted[2], ""))
    return found


def grants_of_terraform(plan: dict[str, Any]) -> set[Grant]:
    configured = {each["address"]: each for each in plan["configuration"]["root_module"]["resources"]}
    found = set()
    for address, known in values(plan).items():
        if "_iam_member." not in address:
            continue
        (member, *_) = configured[address.partition("[")[0]]["expressions"]["member"]["references"]
        if table := known.get("table_id"):
            place = f"{known['dataset_id']}.{table}"
        else:
            place = next((known[name] for name in ("bucket", "dataset_id") if name in known), "")
        named = {
            "google_artifact_registry_repository_iam_member": "cbi",
            "google_project_iam_member": "project",
            "google_cloud_run_v2_service_iam_member": "cbi-ingest",
            "google_pubsub_topic_iam_member": "cbi-dead-letters",
            "google_pubsub_subscription_iam_member": "SUBSCRIPTION",
        }
        place = place or named[address.partition(".")[0]]
        condition = "".join(each["expression"] for each in known["condition"]).replace(OWN_SOURCE, "")
        found.add((account(member), known["role"], place, condition))
    return found


def account(member: str) -> str:
    """An account's name, from however it is written."""
    agent = re.search(r"gcp-sa-(\w+)|\.agent\[\"(\w+)\"\]", member)
    if agent:
        return f"{(agent[1] or agent[2]).title()} agent"
    if member in ("serviceAccount:STORAGE_AGENT", "data.google_storage_project_service_account.agent.member"):
        return "Storage agent"
    own = re.search(r"serviceAccount:(cbi-\w+)@|google_service_account\.(\w+)\.", member)
    assert own, member
    return own[1] or f"cbi-{own[2]}"


def grants_of_readme() -> set[tuple[str, str]]:
    rows = re.findall(
        r"^\| `?([^|`]+?)`? \| `(roles/[\w.]+)` \|", (DEPLOY / "README.md").read_text(), re.MULTILINE
    )
    names = {"Cloud Storage agent": "Storage agent", "Pub/Sub agent": "Pubsub agent"}
    return {(names.get(account, account), role) for account, role in rows}


@pytest.mark.slow("a plan of Terraform takes a second")
def test_both_ways_give_the_same_roles(plan: dict[str, Any]) -> None:
    assert grants_of_script() == grants_of_terraform(plan)


def test_the_readme_names_every_role(plan: dict[str, Any]) -> None:
    assert grants_of_readme() == {(account, role) for account, role, _, _ in grants_of_terraform(plan)}


def test_nobody_is_an_editor_and_nothing_is_public(plan: dict[str, Any]) -> None:
    given = {role for _, role, _, _ in grants_of_terraform(plan)}
    assert not given & {"roles/editor", "roles/owner", "roles/viewer", "roles/storage.admin"}
    for path in [*Path(DEPLOY).glob("*.sh"), *Path(DEPLOY).glob("*.tf")]:
        assert not re.search("allUsers|allAuthenticatedUsers", path.read_text()), path


def test_what_the_function_cannot_delete() -> None:
    """Reports can be written and read, and neither removed nor replaced."""
    may = [
        grant for grant in grants_of_script() if grant[0] == "cbi-runtime" and grant[2] == "demo-cbi-output"
    ]
    assert {role for _, role, _, condition in may if not condition} == {
        "roles/storage.objectViewer",
        "roles/storage.objectCreator",
    }
    (condition,) = [condition for _, _, _, condition in may if condition]
    found = re.findall(r'startsWith\("projects/_/buckets/demo-cbi-output/objects/([^"]+)"\)', condition)
    folders = {"content/", "enriched/", "ops/", "pending/", "quarantine/", "runs/"}
    assert set(found) == folders | {"history/days.json", "index.html", "weeks/"}


def test_both_ways_enable_the_same_services(plan: dict[str, Any]) -> None:
    (enable,) = words("gcloud", "services", "enable")
    made = {it["service"] for name, it in values(plan).items() if name.startswith("google_project_service.")}
    assert {word for word in enable if word.endswith(".googleapis.com")} == made


def test_both_ways_make_the_same_agents(plan: dict[str, Any]) -> None:
    asked = {flags(command)["service"] for command in words("gcloud", "beta", "services", "identity")}
    made = values(plan)
    assert asked == {it["service"] for name, it in made.items() if "project_service_identity." in name}


def test_both_ways_make_the_same_function(plan: dict[str, Any]) -> None:
    (deploy,) = words("gcloud", "functions", "deploy")
    said = flags(deploy)
    function = values(plan)["google_cloudfunctions2_function.ingest"]
    build, service = function["build_config"][0], function["service_config"][0]
    assert said["runtime"] == build["runtime"]
    assert said["entry-point"] == build["entry_point"]
    assert said["memory"] == service["available_memory"]
    assert said["cpu"] == service["available_cpu"]
    assert int(said["concurrency"]) == service["max_instance_request_concurrency"]
    assert int(said["min-instances"]) == service["min_instance_count"]
    assert int(said["max-instances"]) == service["max_instance_count"]
    assert int(said["timeout"].removesuffix("s")) == service["timeout_seconds"]
    assert (
        said["ingress-settings"]
        == service["ingress_settings"].removeprefix("ALLOW_").replace("_", "-").lower()
    )
    assert (
        dict(pair.split("=") for pair in said["set-env-vars"].split(",")) == service["environment_variables"]
    )


def test_both_ways_make_the_same_buckets(plan: dict[str, Any]) -> None:
    for name in ("staging", "output"):
        (create,) = words("gcloud", "storage", "buckets", "create", f"gs://demo-cbi-{name}")
        (update,) = words("gcloud", "storage", "buckets", "update", f"gs://demo-cbi-{name}")
        bucket = values(plan)[f"google_storage_bucket.{name}"]
        assert "uniform-bucket-level-access" in flags(create)
        assert "public-access-prevention" in flags(create)
        assert bucket["uniform_bucket_level_access"]
        assert flags(create)["location"] == bucket["location"]
        assert ("versioning" in flags(update)) == bucket["versioning"][0]["enabled"]
        days = int(flags(update)["soft-delete-duration"].removesuffix("d"))
        assert days * 86400 == bucket["soft_delete_policy"][0]["retention_duration_seconds"]
        rules = json.loads((DEPLOY.parent / flags(update)["lifecycle-file"]).read_text())["rule"]
        assert [rule(each) for each in rules] == [planned_rule(each) for each in bucket["lifecycle_rule"]]


def rule(told: dict[str, Any]) -> tuple[Any, ...]:
    when = told["condition"]
    return (
        told["action"]["type"],
        when.get("age"),
        when.get("daysSinceNoncurrentTime"),
        when.get("matchesPrefix"),
    )


def planned_rule(made: dict[str, Any]) -> tuple[Any, ...]:
    (when,) = made["condition"]
    return (
        made["action"][0]["type"],
        when["age"],
        when["days_since_noncurrent_time"],
        when["matches_prefix"],
    )


def test_both_ways_deliver_and_sweep_alike(plan: dict[str, Any]) -> None:
    (update,) = words("gcloud", "pubsub", "subscriptions", "update")
    said = {
        f"--{name}={value}"
        for name, value in flags(update).items()
        if name not in ("project", "dead-letter-topic")
    }
    assert said == set(re.findall(r'"(--(?!dead)[\w-]+=\w+)"', (DEPLOY / "trigger.tf").read_text()))
    (job,) = words("gcloud", "scheduler", "jobs", "create")
    told, sweep = flags(job), values(plan)["google_cloud_scheduler_job.sweep"]
    retries = sweep["retry_config"][0]
    assert told["schedule"] == sweep["schedule"]
    assert told["attempt-deadline"] == sweep["attempt_deadline"]
    assert int(told["max-retry-attempts"]) == retries["retry_count"]
    assert f"{told['min-backoff']} {told['max-backoff']}" == "30s 300s"
    assert (retries["min_backoff_duration"], retries["max_backoff_duration"]) == ("30s", "300s")
    headers = dict(pair.split("=", 1) for pair in told["headers"].split(","))
    assert headers == sweep["http_target"][0]["headers"]
