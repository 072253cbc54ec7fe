data "archive_file" "source" {
  type        = "zip"
  output_path = "${path.module}/.terraform/source.zip"

  dynamic "source" {
    for_each = module.inputs.source_files
    content {
      filename = source.value
      content  = file("${module.inputs.root}/${source.value}")
    }
  }
  source {
    filename = "requirements.txt"
    content  = file("${path.module}/requirements.lock")
  }
}

resource "google_storage_bucket_object" "source" {
  name   = "${data.archive_file.source.output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84:the image holds this repository's code and no data
  repository_id = "cbi"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the function"
  depends_on    = [google_project_service.api]
}

resource "google_cloudfunctions2_function" "ingest" {
  name        = local.function
  location    = var.region
  description = "Takes a staged parquet file into BigQuery, once, with a report"

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
    })
  }

  depends_on = [
    google_project_service.api,
    google_project_iam_member.build_logs,
    google_project_iam_member.build_reads_source,
    google_artifact_registry_repository_iam_member.build_writes_images,
  ]
}
