"""The Terraform code, held against what the providers accept."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.terraform import DEPLOY, TERRAFORM, terraform
from support.terraform_providers import recorded_providers

pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

SCHEMAS = json.loads((Path(__file__).parent / "provider_schema.json").read_text())

EVERY_OPTION = {
    "data_location": "EU",
    "staged_retention_days": 30,
    "environment": {"MAX_ROWS": "5"},
    "labels": {"team": "futures"},
    "notification_channels": ["projects/demo/notificationChannels/1"],
    "kms_key": "projects/demo/locations/eu/keyRings/cbi/cryptoKeys/cbi",
    "vpc_connector": "projects/demo/locations/us-central1/connectors/cbi",
    "ingress": "ALLOW_INTERNAL_AND_GCLB",
    "delete_data": True,
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What terraform needs to find the recorded providers, and to leave nothing in the repository."""
    folder = tmp_path_factory.mktemp("terraform")
    with recorded_providers(SCHEMAS, folder) as addresses:
        yield {"TF_REATTACH_PROVIDERS": addresses, "TF_DATA_DIR": str(folder / "data")}


def validate(folder: Path, environment: dict[str, str]) -> list[str]:
    """The errors that `terraform validate` finds in a folder."""
    terraform("init", "-backend=false", "-input=false", cwd=folder, **environment)
    try:
        terraform("validate", "-json", cwd=folder, **environment)
    except subprocess.CalledProcessError as error:
        return [each["detail"] for each in json.loads(error.output)["diagnostics"]]
    return []


def plan(folder: Path, environment: dict[str, str], options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What `terraform apply` would make in an empty project: the known values by address."""
    file = Path(environment["TF_DATA_DIR"]) / "plan"
    variables = [f"-var={name}={json.dumps(value).strip(chr(34))}" for name, value in options.items()]
    terraform("init", "-backend=false", "-input=false", cwd=folder, **environment)
    terraform("plan", "-input=false", "-lock=false", f"-out={file}", *variables, cwd=folder, **environment)
    shown = json.loads(terraform("show", "-json", str(file), cwd=folder, **environment))
    resources = shown["planned_values"]["root_module"]["resources"]
    return {each["address"]: each.get("values", {}) for each in resources}


def test_it_is_formatted() -> None:
    terraform("fmt", "-check", "-recursive", cwd=DEPLOY)


def test_every_resource_argument_and_reference_is_what_the_providers_know(
    environment: dict[str, str],
) -> None:
    assert validate(DEPLOY, environment) == []


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        ("function.tf", "ingress_settings ", "ingres_settings ", "ingress_settings"),
        ("trigger.tf", ".pubsub[0].subscription", ".pubsub[0].subscripton", "subscripton"),
        (
            "buckets.tf",
            "uniform_bucket_level_access = true",
            "uniform_bucket_level_access = []",
            "bool required",
        ),
    ],
)
def test_a_wrong_one_is_found(
    file: str, right: str, wrong: str, said: str, environment: dict[str, str], tmp_path: Path
) -> None:
    copy = shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copytree(DEPLOY.parent / "cbi", tmp_path / "cbi")
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong, 1))
    (found,) = validate(copy, environment)
    assert said in found


def test_a_first_apply_makes_everything_and_protects_the_data(environment: dict[str, str]) -> None:
    made = plan(DEPLOY, environment, {"project": "demo"})
    tables = [values for address, values in made.items() if address.startswith("google_bigquery_table.")]
    buckets = {
        values["name"]: values for address, values in made.items() if "google_storage_bucket." in address
    }
    assert set(buckets) == {"demo-cbi-staging", "demo-cbi-output", "demo-cbi-source"}
    assert len(tables) >= 4
    assert all(table["deletion_protection"] for table in tables)
    assert all(bucket["public_access_prevention"] == "enforced" for bucket in buckets.values())
    assert {name for name, bucket in buckets.items() if bucket["force_destroy"]} == {"demo-cbi-source"}
    assert not [address for address in made if "kms" in address]


def test_data_is_only_deleted_when_told_to(environment: dict[str, str]) -> None:
    made = plan(DEPLOY, environment, {"project": "demo", "delete_data": True})
    tables = [values for address, values in made.items() if address.startswith("google_bigquery_table.")]
    assert not any(table["deletion_protection"] for table in tables)


def test_every_option_can_be_used(environment: dict[str, str]) -> None:
    assert set(EVERY_OPTION) <= set(_variables())
    made = plan(DEPLOY, environment, {"project": "demo", **EVERY_OPTION})
    config = made["google_cloudfunctions2_function.ingest"]["service_config"][0]
    assert config["environment_variables"]["MAX_ROWS"] == "5"
    assert config["environment_variables"]["BIGQUERY_LOCATION"] == "EU"
    assert config["vpc_connector"] == EVERY_OPTION["vpc_connector"]
    assert made["google_eventarc_trigger.staged_file"]["location"] == "eu"
    for bucket in ("staging", "output"):
        encryption = made[f"google_storage_bucket.{bucket}"]["encryption"]
        assert encryption[0]["default_kms_key_name"] == EVERY_OPTION["kms_key"]


def _variables() -> list[str]:
    text = (DEPLOY / "variables.tf").read_text()
    return [line.split('"')[1] for line in text.splitlines() if line.startswith("variable ")]
