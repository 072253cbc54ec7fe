# Who may do what. README.md has the same as a table, with the reasons.

resource "google_service_account" "runtime" {
  account_id   = "cbi-runtime"
  display_name = "What the function runs as"
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "trigger" {
  account_id   = "cbi-trigger"
  display_name = "What Eventarc calls the function as"
  depends_on   = [google_project_service.api]
}

resource "google_service_account" "scheduler" {
  account_id   = "cbi-scheduler"
  display_name = "What Cloud Scheduler calls the function as"
  depends_on   = [google_project_service.api]
}

# Without an account of its own a build runs as the project's default one, which may be an editor.
resource "google_service_account" "build" {
  account_id   = "cbi-build"
  display_name = "What builds the function"
  depends_on   = [google_project_service.api]
}

# runtime

resource "google_storage_bucket_iam_member" "runtime_reads_staging" {
  bucket = google_storage_bucket.staging.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

resource "google_storage_bucket_iam_member" "runtime_reads_output" {
  bucket = google_storage_bucket.output.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

resource "google_storage_bucket_iam_member" "runtime_creates_output" {
  bucket = google_storage_bucket.output.name
  role   = "roles/storage.objectCreator"
  member = google_service_account.runtime.member
}

# Removed are enriched files and marks, replaced are claims, logs of runs and the overview. A create-only write is repeated in `ops/` and
# `quarantine/` when a delivery goes on from another, and whether Cloud Storage answers that with 412 or, where the
# account may not delete, with 403 is not documented. Everything else is written once, and only read afterwards.
resource "google_storage_bucket_iam_member" "runtime_replaces_output" {
  bucket = google_storage_bucket.output.name
  role   = "roles/storage.objectUser"
  member = google_service_account.runtime.member
  condition {
    title = "Objects that are removed or replaced"
    expression = join(" || ", [
      for prefix in ["content/", "enriched/", "history/days.json", "index.html", "ops/", "pending/", "quarantine/", "runs/", "weeks/"] :
      "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.output.name}/objects/${prefix}\")"
    ])
  }
}

# Feeds that upsert make and drop staging tables beside their own, so they need the dataset.
resource "google_bigquery_dataset_iam_member" "runtime_writes" {
  for_each = module.inputs.upsert_datasets

  dataset_id = google_bigquery_dataset.dataset[each.value].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_service_account.runtime.member
}

# Where rows are only appended, the table is enough. No predefined role is narrower and lets a load job in.
resource "google_bigquery_table_iam_member" "runtime_appends" {
  for_each = module.inputs.append_tables

  dataset_id = google_bigquery_table.table[each.value].dataset_id
  table_id   = google_bigquery_table.table[each.value].table_id
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

# Google's own agents. Most come into being when their service is first used, which is too late for a grant, so
# they are made here. Those of Cloud Storage and BigQuery are made by asking for them, at plan time: their
# services must be enabled before, by bootstrap.sh. (With depends_on they would be unknown in every plan that
# enables one more service, and their grants be replaced.)

data "google_storage_project_service_account" "agent" {}

data "google_bigquery_default_service_account" "agent" {
  count = local.encrypted ? 1 : 0
}

resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = setunion(
    ["eventarc", "pubsub"],
    local.encrypted ? ["artifactregistry", "cloudfunctions", "run"] : [],
  )

  service    = "${each.value}.googleapis.com"
  depends_on = [google_project_service.api]
}

# Eventarc makes the topic that the bucket's events go to, so the role cannot be given on less than the project.
resource "google_project_iam_member" "storage_publishes_events" {
  project    = var.project
  role       = "roles/pubsub.publisher"
  member     = data.google_storage_project_service_account.agent.member
  depends_on = [google_project_service.api]
}

# Google grants it too, minutes after the agent is made.
resource "google_project_iam_member" "eventarc_makes_triggers" {
  # checkov:skip=CKV_GCP_49:it is Google's own agent, which has the role in any project that uses Eventarc
  project = var.project
  role    = "roles/eventarc.serviceAgent"
  member  = google_project_service_identity.agent["eventarc"].member
}

resource "google_pubsub_topic_iam_member" "pubsub_buries_dead_letters" {
  topic  = google_pubsub_topic.dead_letters.id
  role   = "roles/pubsub.publisher"
  member = google_project_service_identity.agent["pubsub"].member
}

resource "google_pubsub_subscription_iam_member" "pubsub_acknowledges_dead_letters" {
  subscription = local.trigger_subscription
  role         = "roles/pubsub.subscriber"
  member       = google_project_service_identity.agent["pubsub"].member
}

locals {
  # Which agent encrypts with which key: https://cloud.google.com/functions/docs/securing/cmek
  key_users = { for each in distinct(concat(
    var.kms_key == null ? [] : [
      for agent in ["bigquery", "eventarc", "pubsub", "storage"] : { agent = agent, key = var.kms_key }
    ],
    !local.encrypted ? [] : [
      for agent in ["artifactregistry", "cloudfunctions", "run", "storage"] : { agent = agent, key = local.function_kms_key }
    ],
  )) : "${each.agent} ${each.key}" => each }
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = local.key_users

  crypto_key_id = each.value.key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member = (
    each.value.agent == "storage" ? data.google_storage_project_service_account.agent.member :
    each.value.agent == "bigquery" ? data.google_bigquery_default_service_account.agent[0].member :
    google_project_service_identity.agent[each.value.agent].member
  )
  depends_on = [google_project_service.api]
}

# A grant holds some time after it is made. Google's samples wait a minute before a build; for what takes longer,
# `make deploy` repeats what was refused.

resource "time_sleep" "key_grants" {
  count = local.encrypted ? 1 : 0

  create_duration = "60s"
  depends_on      = [google_kms_crypto_key_iam_member.agents]
}

resource "time_sleep" "build_grants" {
  create_duration = "60s"
  depends_on = [
    google_project_iam_member.build_logs,
    google_project_iam_member.build_reads_source,
    google_artifact_registry_repository_iam_member.build_writes_images,
  ]
}

resource "time_sleep" "event_grants" {
  create_duration = "60s"
  depends_on = [
    google_project_iam_member.eventarc_makes_triggers,
    google_project_iam_member.storage_publishes_events,
    google_project_iam_member.trigger_receives_events,
  ]
}
