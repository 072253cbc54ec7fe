# Who may do what. README.md has the same as a table, with the reasons.

resource "google_service_account" "runtime" {
  account_id   = "cbi-runtime"
  display_name = "What the function runs as"
}

resource "google_service_account" "trigger" {
  account_id   = "cbi-trigger"
  display_name = "What Eventarc calls the function as"
}

resource "google_service_account" "scheduler" {
  account_id   = "cbi-scheduler"
  display_name = "What Cloud Scheduler calls the function as"
}

# Without an account of its own a build runs as the project's default one, which may be an editor.
resource "google_service_account" "build" {
  account_id   = "cbi-build"
  display_name = "What builds the function"
}

# runtime

resource "google_storage_bucket_iam_member" "runtime_reads_staging" {
  bucket = google_storage_bucket.staging.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

resource "google_storage_bucket_iam_member" "runtime_writes_output" {
  bucket = google_storage_bucket.output.name
  role   = "roles/storage.objectUser"
  member = google_service_account.runtime.member
}

resource "google_bigquery_dataset_iam_member" "runtime_writes" {
  for_each = setunion(module.inputs.feed_datasets, ["ops"])

  dataset_id = google_bigquery_dataset.dataset[each.value].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.runtime.member
}

resource "google_bigquery_dataset_iam_member" "runtime_reads_training" {
  dataset_id = google_bigquery_dataset.dataset["training"].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.runtime.member
}

resource "google_project_iam_member" "runtime_runs_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.runtime.member
}

# trigger and scheduler

resource "google_project_iam_member" "trigger_receives_events" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.trigger.member
}

resource "google_cloud_run_v2_service_iam_member" "trigger_invokes" {
  name     = google_cloudfunctions2_function.ingest.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.trigger.member
}

resource "google_cloud_run_v2_service_iam_member" "scheduler_invokes" {
  name     = google_cloudfunctions2_function.ingest.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

# build: https://cloud.google.com/functions/docs/securing/build-custom-sa, on less than the whole project

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

resource "google_artifact_registry_repository_iam_member" "build_writes_images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

# Cloud Functions copies the source to buckets of its own, which only come into being with the first build.
resource "google_project_iam_member" "build_reads_source" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member
  condition {
    title      = "Source of functions"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-\") || resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.source.name}\")"
  }
}

# Google's own agents

data "google_storage_project_service_account" "agent" {
  depends_on = [google_project_service.api]
}

data "google_bigquery_default_service_account" "agent" {
  depends_on = [google_project_service.api]
}

locals {
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# Eventarc makes the topic that the bucket's events go to, so the role cannot be given on less than the project.
resource "google_project_iam_member" "storage_publishes_events" {
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.agent.member
}

resource "google_pubsub_topic_iam_member" "pubsub_buries_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "pubsub_acknowledges_dead_letters" {
  subscription = local.trigger_subscription
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = var.kms_key == null ? {} : {
    storage  = data.google_storage_project_service_account.agent.member
    bigquery = data.google_bigquery_default_service_account.agent.member
    pubsub   = local.pubsub_agent
  }

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
