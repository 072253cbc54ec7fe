"""Whatever becomes of a contract, Terraform takes no column out of a table and no table away."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.terraform import DEPLOY, TERRAFORM, copied, replace, terraform
from support.terraform_providers import recorded_providers

pytestmark = [
    pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed"),
    pytest.mark.slow("Terraform plans and applies many times"),
]

SCHEMAS = json.loads((Path(__file__).parent / "provider_schema.json").read_text())
FEED = Path("cbi/feeds/daily_ml_matrix.yaml")
TABLE = 'google_bigquery_table.table["features.daily_ml_matrix"]'
RESULT = "google_cloudfunctions2_function.ingest"
SOURCE = "google_storage_bucket_object.source"

Contract = dict[str, Any]


class Deployment:
    """A copy of the repository that is deployed to nothing, with Terraform's state of that."""

    def __init__(self, folder: Path, addresses: str, cloud: dict[str, str]) -> None:
        self.folder, self.deploy, self.cloud = folder, folder / "deploy", cloud
        self.environment = {
            "TF_REATTACH_PROVIDERS": addresses,
            "TF_DATA_DIR": str(folder / "data"),
            "PATH": f"{folder / 'tools'}{os.pathsep}{os.environ['PATH']}",
        }

    def run(self, *arguments: str) -> str:
        command = [arguments[0], "-input=false", *arguments[1:]]
        return terraform(*command, cwd=self.deploy, **self.environment)

    def apply(self) -> None:
        self.run("apply", "-auto-approve", "-var=project=demo")

    def changes(self, *options: str) -> dict[str, tuple[list[str], Any, Any]]:
        """What an apply would do to each resource that it would do something to: how, before and after."""
        file = str(self.folder / "plan")
        self.run("plan", "-var=project=demo", f"-out={file}", *options)
        shown = json.loads(terraform("show", "-json", file, cwd=self.deploy, **self.environment))
        every = {each["address"]: each["change"] for each in shown["resource_changes"]}
        return {
            address: (it["actions"], it["before"], it["after"])
            for address, it in every.items()
            if it["actions"] not in (["no-op"], ["read"])
        }

    def change(self, edit: Callable[[Contract], object]) -> None:
        contract = yaml.safe_load((self.folder / FEED).read_text())
        edit(contract)
        (self.folder / FEED).write_text(yaml.safe_dump(contract, sort_keys=False))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A first deployment, which took the whole way."""
    folder, sockets = tmp_path_factory.mktemp("deployed"), tmp_path_factory.mktemp("sockets")
    cloud: dict[str, str] = {}

    def look(kind: str, state: dict[str, Any]) -> dict[str, Any]:
        schema = cloud.get(state["table_id"]) if kind == "google_bigquery_table" else None
        return {**state, "schema": schema} if schema else state

    copied(folder)
    (folder / "tools").mkdir()
    (folder / "tools" / "gcloud").write_text("#!/bin/sh\n")
    (folder / "tools" / "gcloud").chmod(0o755)
    with recorded_providers(SCHEMAS, sockets, look) as addresses:
        made = Deployment(folder, addresses, cloud)
        made.run("init", "-reconfigure")
        made.apply()
        yield made


@pytest.fixture
def deployment(deployed: Deployment, tmp_path: Path) -> Deployment:
    """A deployment that a test may change."""
    deployed.cloud.clear()
    folder = shutil.copytree(deployed.folder, tmp_path / "deployment")
    return Deployment(folder, deployed.environment["TF_REATTACH_PROVIDERS"], deployed.cloud)


def gain_a_column(contract: Contract) -> None:
    contract["schema"].append({"name": "new_one", "type": "STRING"})


def gain_a_nested_field(contract: Contract) -> None:
    nested(contract)["fields"].append({"name": "new_one", "type": "STRING"})


def lose_a_column(contract: Contract) -> None:
    contract["schema"].remove(nested(contract))


def lose_a_nested_field(contract: Contract) -> None:
    nested(contract)["fields"].pop()


def nested(contract: Contract) -> Any:
    return next(column for column in contract["schema"] if "fields" in column)


def test_a_second_apply_has_nothing_to_do(deployment: Deployment) -> None:
    assert deployment.changes() == {}


def test_a_changed_contract_changes_the_function_and_leaves_the_tables(deployment: Deployment) -> None:
    for edit in (gain_a_column, gain_a_nested_field, lose_a_nested_field, lose_a_column):
        deployment.change(edit)
        assert set(deployment.changes()) == {RESULT, SOURCE}, edit
        deployment.apply()
        assert deployment.changes() == {}, edit


def test_what_init_has_added_stays(deployment: Deployment) -> None:
    deployment.cloud["daily_ml_matrix"] = json.dumps([{"name": "added_by_init", "type": "STRING"}])
    assert deployment.changes() == {}


def test_without_that_rule_a_lost_column_would_be_dropped(deployment: Deployment) -> None:
    replace(deployment.deploy / "tables.tf", "ignore_changes = [schema]", "ignore_changes = []")
    deployment.change(lose_a_column)
    _, before, after = deployment.changes()[TABLE]
    assert len(json.loads(after["schema"])) < len(json.loads(before["schema"]))


def test_a_feed_that_is_gone_leaves_a_table_that_cannot_be_deleted(deployment: Deployment) -> None:
    (deployment.folder / FEED).unlink()
    actions, before, _ = deployment.changes()[TABLE]
    assert actions == ["delete"]
    assert before["deletion_protection"] is True  # so the provider refuses


def test_a_rollback_changes_the_function_alone(deployment: Deployment, tmp_path: Path) -> None:
    older = tmp_path / "older"
    command = ["git", "archive", "HEAD", "main.py", "cbi", "deploy/requirements.lock"]
    archive = subprocess.run(command, cwd=DEPLOY.parent, check=True, capture_output=True, timeout=60).stdout
    older.mkdir()
    subprocess.run(["tar", "-x", "-C", older], input=archive, check=True, timeout=60)
    (older / "main.py").write_text("# an older one\n" + (older / "main.py").read_text())
    deployment.change(lose_a_column)  # the tables are none of its business either way
    changes = deployment.changes(f"-var=source_root={older}", f"-target={RESULT}")
    assert {address: actions for address, (actions, _, _) in changes.items()} == {
        RESULT: ["update"],
        SOURCE: ["update"],
    }
