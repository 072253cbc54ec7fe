data "archive_file" "source" {
  type        = "zip"
  output_path = "${path.module}/.terraform/source.zip"

  dynamic "source" {
    for_each = module.inputs.source_files
    content {
      filename = source.value
      content  = file("${module.inputs.source_root}/${source.value}")
    }
  }
  source {
    filename = "requirements.txt"
    content  = file("${module.inputs.source_root}/deploy/requirements.lock")
  }
}

resource "google_storage_bucket_object" "source" {
  name   = "${data.archive_file.source.output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84:a customer's key is optional (kms_key)
  repository_id = "cbi"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the function"
  kms_key_name  = local.function_kms_key

  # Every deployment leaves an image. Cloud Run keeps its own copy of those that it serves.
  dynamic "cleanup_policies" {
    for_each = jsondecode(file("${path.module}/lifecycle/images.json"))
    iterator = policy
    content {
      id     = policy.value.name
      action = upper(policy.value.action.type)
      dynamic "condition" {
        for_each = try([policy.value.condition], [])
        content {
          older_than = condition.value.olderThan
        }
      }
      dynamic "most_recent_versions" {
        for_each = try([policy.value.mostRecentVersions], [])
        content {
          keep_count = most_recent_versions.value.keepCount
        }
      }
    }
  }
  depends_on = [google_project_service.api, time_sleep.key_grants]
}

resource "google_cloudfunctions2_function" "ingest" {
  name        = local.function
  location    = var.region
  description = "Takes a staged parquet file into BigQuery, once, with a report"
  # It needs images under the same key.
  kms_key_name = local.function_kms_key

  build_config {
    runtime           = "python313"
    entry_point       = "ingest"
    service_account   = google_service_account.build.id
    docker_repository = google_artifact_registry_repository.images.id
    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.runtime.email
    timeout_seconds                  = 540 # the longest that an event-driven function may take
    available_memory                 = var.memory
    available_cpu                    = var.cpu
    max_instance_request_concurrency = var.concurrency
    min_instance_count               = var.min_instances
    max_instance_count               = var.max_instances
    ingress_settings                 = var.ingress
    vpc_connector                    = var.vpc_connector
    vpc_connector_egress_settings    = var.vpc_connector == null ? null : "PRIVATE_RANGES_ONLY"

    environment_variables = merge(var.environment, {
      STAGING_BUCKET           = google_storage_bucket.staging.name
      OUTPUT_BUCKET            = google_storage_bucket.output.name
      GOOGLE_CLOUD_PROJECT     = var.project
      BIGQUERY_LOCATION        = local.data_location
      FUNCTION_TIMEOUT_SECONDS = "540"
      # Else google-cloud-storage asks for each bucket's location, which takes storage.buckets.get.
      DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA = "true"
    })
  }

  lifecycle {
    precondition {
      condition     = try(split("/", local.function_kms_key)[3] == var.region, true)
      error_message = "The function needs a key of its own region: set function_kms_key to one in ${var.region}."
    }
  }

  # What runs as the account may do all it must from its first event on.
  depends_on = [
    google_project_service.api,
    time_sleep.build_grants,
    time_sleep.key_grants,
    google_storage_bucket_iam_member.runtime_reads_staging,
    google_storage_bucket_iam_member.runtime_reads_output,
    google_storage_bucket_iam_member.runtime_creates_output,
    google_storage_bucket_iam_member.runtime_replaces_output,
    google_bigquery_dataset_iam_member.runtime_writes,
    google_bigquery_table_iam_member.runtime_appends,
    google_bigquery_dataset_iam_member.runtime_reads_training,
    google_project_iam_member.runtime_runs_jobs,
  ]
}
