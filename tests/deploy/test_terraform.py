"""The Terraform code, held against what the providers accept."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.terraform import DEPLOY, TERRAFORM, planned, replace, terraform, values

pytestmark = pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")

KEY = "projects/demo/locations/europe/keyRings/cbi/cryptoKeys/cbi"
FUNCTION_KEY = "projects/demo/locations/us-central1/keyRings/cbi/cryptoKeys/cbi"

EVERY_OPTION = {
    "data_location": "EU",
    "staged_retention_days": 30,
    "environment": {"MAX_ROWS": "5"},
    "labels": {"team": "futures"},
    "notification_channels": ["projects/demo/notificationChannels/1"],
    "kms_key": KEY,
    "function_kms_key": FUNCTION_KEY,
    "vpc_connector": "projects/demo/locations/us-central1/connectors/cbi",
    "ingress": "ALLOW_INTERNAL_AND_GCLB",
    "delete_data": True,
}


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
    return values(planned(folder, environment, options))


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
    file: str, right: str, wrong: str, said: str, environment: dict[str, str], deploy: Path
) -> None:
    replace(deploy / file, right, wrong)
    (found,) = validate(deploy, environment)
    assert said in found


def test_a_first_apply_makes_everything_and_protects_the_data(
    environment: dict[str, str], deploy: Path
) -> None:
    made = plan(deploy, environment, {"project": "demo"})
    tables = [values for address, values in made.items() if address.startswith("google_bigquery_table.")]
    buckets = {
        values["name"]: values for address, values in made.items() if "google_storage_bucket." in address
    }
    assert set(buckets) == {"demo-cbi-staging", "demo-cbi-output", "demo-cbi-source-us-central1"}
    assert len(tables) >= 4
    assert all(table["deletion_protection"] for table in tables)
    assert all(bucket["public_access_prevention"] == "enforced" for bucket in buckets.values())
    assert {name for name, bucket in buckets.items() if bucket["force_destroy"]} == {
        "demo-cbi-source-us-central1"
    }
    assert not [address for address in made if "kms" in address]


@pytest.mark.slow("a plan of Terraform takes a second")
def test_data_is_only_deleted_when_told_to(environment: dict[str, str], deploy: Path) -> None:
    made = plan(deploy, environment, {"project": "demo", "delete_data": True})
    tables = [values for address, values in made.items() if address.startswith("google_bigquery_table.")]
    assert not any(table["deletion_protection"] for table in tables)


@pytest.mark.slow("a plan of Terraform takes a second")
def test_every_option_can_be_used(environment: dict[str, str], deploy: Path) -> None:
    assert set(EVERY_OPTION) <= set(_variables())
    made = plan(deploy, environment, {"project": "demo", **EVERY_OPTION})
    config = made["google_cloudfunctions2_function.ingest"]["service_config"][0]
    assert config["environment_variables"]["MAX_ROWS"] == "5"
    assert config["environment_variables"]["BIGQUERY_LOCATION"] == "EU"
    assert config["vpc_connector"] == EVERY_OPTION["vpc_connector"]
    assert made["google_eventarc_trigger.staged_file"]["location"] == "eu"
    services = {
        it["service"] for address, it in made.items() if address.startswith("google_project_service.")
    }
    assert {"cloudkms.googleapis.com", "vpcaccess.googleapis.com"} <= services


@pytest.mark.slow("a plan of Terraform takes a second")
def test_a_key_encrypts_everything_that_holds_data_or_code(environment: dict[str, str], deploy: Path) -> None:
    made = plan(deploy, environment, {"project": "demo", **EVERY_OPTION})
    keys = {
        **{
            f"google_storage_bucket.{name}": ("encryption", "default_kms_key_name", KEY)
            for name in ("staging", "output")
        },
        "google_storage_bucket.source": ("encryption", "default_kms_key_name", FUNCTION_KEY),
        'google_bigquery_dataset.dataset["features"]': (
            "default_encryption_configuration",
            "kms_key_name",
            KEY,
        ),
        "google_pubsub_topic.dead_letters": ("", "kms_key_name", KEY),
        "google_eventarc_google_channel_config.events[0]": ("", "crypto_key_name", KEY),
        "google_artifact_registry_repository.images": ("", "kms_key_name", FUNCTION_KEY),
        "google_cloudfunctions2_function.ingest": ("", "kms_key_name", FUNCTION_KEY),
    }
    for address, (block, name, key) in keys.items():
        assert (made[address][block][0] if block else made[address])[name] == key, address
    users = {address for address in made if address.startswith("google_kms_crypto_key_iam_member.")}
    assert len(users) == 8  # four agents with each key


@pytest.mark.slow("a plan of Terraform takes a second")
def test_one_key_will_do_where_data_is_in_the_functions_region(
    environment: dict[str, str], deploy: Path
) -> None:
    made = plan(deploy, environment, {"project": "demo", "kms_key": FUNCTION_KEY})
    assert made["google_cloudfunctions2_function.ingest"]["kms_key_name"] == FUNCTION_KEY
    assert len([address for address in made if address.startswith("google_kms_crypto_key_iam_member.")]) == 7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kms_key": KEY, "data_location": "EU"}, "set function_kms_key to one in us-central1"),
        ({"staged_retention_days": 3}, "staged_retention_days is shorter than a feed's expect_every_hours"),
    ],
)
@pytest.mark.slow("a plan of Terraform takes a second")
def test_options_that_do_not_fit_each_other_are_refused(
    options: dict[str, Any], said: str, environment: dict[str, str], deploy: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        plan(deploy, environment, {"project": "demo", **options})
    told = " ".join(re.sub(r"\x1b\[\d*m|│", "", refused.value.stderr).split())
    assert said in told


def _variables() -> list[str]:
    text = (DEPLOY / "variables.tf").read_text()
    return [line.split('"')[1] for line in text.splitlines() if line.startswith("variable ")]
