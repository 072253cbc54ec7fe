"""What has to be there first: the settings, the services, the buckets, and the right to use them."""

from collections.abc import Mapping

from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import bigquery
from google.cloud.storage import Bucket

from cbi.clients import REQUEST_TIMEOUT
from cbi.gcs.faults import storage_faults
from cbi.ops.doctor.deployment import Deployment
from cbi.ops.doctor.finding import Finding, first_few
from cbi.ops.services import bigquery_url, storage_url, why_unreachable
from cbi.warehouse.statements import no_statement

STAGING_PERMISSIONS = ("storage.objects.get", "storage.objects.list")
OUTPUT_PERMISSIONS = ("storage.objects.create", "storage.objects.get", "storage.objects.list")
"""What deploy/accounts.tf gives the function on a whole bucket. What it may replace and remove it may by a
condition on objects' names, of which a bucket cannot be asked."""

TABLE_PERMISSIONS = ("bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData")

_APPLY = "make what is missing with `make deploy PROJECT=…`"
_IMPERSONATE = (
    "give the roles of deploy/accounts.tf by `make deploy PROJECT=…`; to look as the function does, first"
    " `gcloud auth application-default login"
    " --impersonate-service-account=cbi-runtime@PROJECT.iam.gserviceaccount.com`"
)


def settings(deployment: Deployment) -> Finding:
    """Whether the settings can be read; what is wrong is raised."""
    found = deployment.settings
    return Finding(
        "ok",
        f"project {deployment.bigquery.project}, {found.staging_bucket} to {found.output_bucket},"
        f" tables in {found.bigquery_location}",
    )


def cloud_storage(deployment: Deployment) -> Finding:
    """Whether Cloud Storage answers."""
    return _answers(storage_url(deployment.settings))


def big_query(deployment: Deployment) -> Finding:
    """Whether BigQuery answers."""
    return _answers(bigquery_url(deployment.settings))


def buckets(deployment: Deployment) -> Finding:
    """Whether both buckets are there, and so alike that a file can be spliced, its bytes unmoved."""
    names = (deployment.settings.require_staging_bucket(), deployment.settings.require_output_bucket())
    found: list[Bucket] = []
    for name in names:
        with storage_faults(f"looking at gs://{name}"):
            try:
                found.append(deployment.storage.get_bucket(name, timeout=REQUEST_TIMEOUT))
            except NotFound:
                return Finding("red", f"gs://{name} is not there", _APPLY)
            except Forbidden:
                return Finding(
                    "unknown",
                    f"whoever runs this may not look at gs://{name}",
                    "ask for `roles/storage.bucketViewer`",
                )
    staging, output = (
        f"{str(bucket.location).upper()} {str(bucket.storage_class).upper()}" for bucket in found
    )
    if staging != output:
        return Finding(
            "warning",
            f"{names[0]} is {staging} and {names[1]} is {output}: no file can be spliced, all are rewritten,"
            " which takes longer and more memory",
            "put both in one location and storage class: `make deploy PROJECT=…` to a new project",
        )
    return Finding("ok", f"both are {staging}, so files can be spliced")


def permissions(deployment: Deployment) -> Finding:
    """Whether whoever runs this may do what the function must: on its buckets, its tables, and with jobs."""
    if deployment.settings.storage_emulator_host:
        return Finding(
            "unknown", "the local stack has no IAM, so who may do what can only be told of a project"
        )
    missing = [
        f"{permission} on gs://{bucket}"
        for bucket, wanted in _on_buckets(deployment).items()
        for permission in _missing_on_bucket(deployment, bucket, wanted)
    ]
    feeds, _ = deployment.contracts
    for table in dict.fromkeys(feed.table for feed in feeds):
        missing += [
            f"{permission} on {table}" for permission in _missing_on_table(deployment.bigquery, table)
        ]
    if not _may_run_jobs(deployment.bigquery):
        missing.append(f"bigquery.jobs.create in {deployment.bigquery.project}")
    if missing:
        return Finding("red", f"whoever runs this lacks {first_few(missing)}", _IMPERSONATE)
    return Finding("ok", "whoever runs this may read, write and load what the function must")


def _answers(url: str) -> Finding:
    if reason := why_unreachable(url):
        return Finding(
            "red",
            f"{url} cannot be reached ({reason})",
            "see the network and https://status.cloud.google.com; of a local stack, `make serve`",
        )
    return Finding("ok", f"{url} can be reached")


def _on_buckets(deployment: Deployment) -> Mapping[str, tuple[str, ...]]:
    return {
        deployment.settings.require_staging_bucket(): STAGING_PERMISSIONS,
        deployment.settings.require_output_bucket(): OUTPUT_PERMISSIONS,
    }


def _missing_on_bucket(deployment: Deployment, bucket: str, wanted: tuple[str, ...]) -> list[str]:
    """Anybody may ask this of a bucket: https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions"""
    with storage_faults(f"asking what may be done in gs://{bucket}"):
        granted = deployment.storage.bucket(bucket).test_iam_permissions(list(wanted))
    return [permission for permission in wanted if permission not in granted]


def _missing_on_table(client: bigquery.Client, table: str) -> list[str]:
    try:
        answer = client.test_iam_permissions(
            f"{client.project}.{table}", TABLE_PERMISSIONS, timeout=REQUEST_TIMEOUT
        )
    except NotFound:  # which is for another check to say
        return []
    granted = answer.get("permissions", ())
    return [permission for permission in TABLE_PERMISSIONS if permission not in granted]


def _may_run_jobs(client: bigquery.Client) -> bool:
    """Ask for a job that is not run, which is free: a project is not asked without one more API."""
    try:
        sql = no_statement("asked by doctor, and not run")
        client.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True), timeout=REQUEST_TIMEOUT)
    except Forbidden:
        return False
    return True
