# Files whose event was lost are found by looking. The schedule posts a CloudEvent to the function's URL.

resource "google_cloud_scheduler_job" "sweep" {
  name             = "cbi-sweep"
  region           = var.region
  description      = "Runs staged files that have no report, and tidies up"
  schedule         = var.sweep_schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "600s" # a sweep works for as long as the function may

  retry_config {
    retry_count          = 3
    min_backoff_duration = "30s"
    max_backoff_duration = "300s"
  }

  http_target {
    uri         = google_cloudfunctions2_function.ingest.service_config[0].uri
    http_method = "POST"
    body        = base64encode("{}")
    headers = {
      "Content-Type"   = "application/json"
      "ce-id"          = "sweep"
      "ce-source"      = "//cloudscheduler.googleapis.com/projects/${var.project}/locations/${var.region}/jobs/cbi-sweep"
      "ce-specversion" = "1.0"
      "ce-type"        = "cbi.sweep.v1"
    }
    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = google_cloudfunctions2_function.ingest.service_config[0].uri
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.scheduler_invokes]
}
