# Numbers out of the function's log lines: one line ends each run, one ends each sweep.

locals {
  logged_by_function = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${local.function}\""

  counters = {
    cbi_runs = {
      description = "Runs that ended, by how"
      filter      = "jsonPayload.event=\"run_finished\""
      labels      = ["feed", "status", "reason"]
    }
    cbi_runs_with_skipped_rows = {
      description = "Runs that put rows in quarantine"
      filter      = "jsonPayload.event=\"run_finished\" AND jsonPayload.rows_skipped>0"
      labels      = ["feed"]
    }
    cbi_retries = {
      description = "Deliveries that ended without a report and come again"
      filter      = "jsonPayload.event=\"will_retry\""
      labels      = []
    }
    cbi_sweeps = {
      description = "Sweeps that ended"
      filter      = "jsonPayload.event=\"sweep_finished\""
      labels      = []
    }
    cbi_sweeps_that_found = {
      description = "Sweeps that found files without a report"
      filter      = "jsonPayload.event=\"sweep_finished\" AND jsonPayload.found>0"
      labels      = []
    }
    cbi_overdue_feeds = {
      # A feed that never had a file has no age: on the first day nothing is overdue.
      description = "Feeds whose newest file is older than their contract expects, once a sweep"
      filter      = "jsonPayload.event=\"feed_overdue\" AND jsonPayload.newest_age_seconds>0"
      labels      = ["feed"]
    }
  }

  distributions = {
    cbi_rows_loaded = {
      description = "Rows a run loaded"
      filter      = "jsonPayload.event=\"run_finished\""
      value       = "jsonPayload.rows_loaded"
      unit        = "1"
      labels      = ["feed"]
    }
    cbi_rows_skipped = {
      description = "Rows a run put in quarantine"
      filter      = "jsonPayload.event=\"run_finished\""
      value       = "jsonPayload.rows_skipped"
      unit        = "1"
      labels      = ["feed"]
    }
    cbi_load_jobs = {
      description = "Load jobs of a run; a table takes 1,500 a day"
      filter      = "jsonPayload.event=\"run_finished\""
      value       = "jsonPayload.batches"
      unit        = "1"
      labels      = ["feed"]
    }
    cbi_duration = {
      description = "How long the delivery that ended a run took"
      filter      = "jsonPayload.event=\"run_finished\""
      value       = "jsonPayload.duration_seconds"
      unit        = "s"
      labels      = ["feed", "status"]
    }
    cbi_oldest_file_without_report = {
      description = "Age of the oldest file that a sweep found without a report"
      filter      = "jsonPayload.event=\"sweep_finished\" AND jsonPayload.found>0"
      value       = "jsonPayload.oldest_age_seconds"
      unit        = "s"
      labels      = []
    }
  }
}

resource "google_logging_metric" "counter" {
  for_each = local.counters

  name             = each.key
  description      = each.value.description
  filter           = "${local.logged_by_function} AND ${each.value.filter}"
  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  name             = each.key
  description      = each.value.description
  filter           = "${local.logged_by_function} AND ${each.value.filter}"
  value_extractor  = "EXTRACT(${each.value.value})"
  label_extractors = { for label in each.value.labels : label => "EXTRACT(jsonPayload.${label})" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.value
        value_type = "STRING"
      }
    }
  }
  # From a tenth (of a second) to 2^33 (rows), each bucket √2 times as wide as the one before.
  bucket_options {
    exponential_buckets {
      scale              = 0.1
      growth_factor      = 1.4142
      num_finite_buckets = 73
    }
  }
  depends_on = [google_project_service.api]
}

# Every load job that ended, whoever started it and however it ended, as BigQuery's own audit log has it (which is
# always on): https://cloud.google.com/bigquery/docs/reference/auditlogs/rest/Shared.Types/BigQueryAuditMetadata
# Only the function's log would miss the failed ones, which count as much. Staging tables have quotas of their own.
resource "google_logging_metric" "load_jobs_ended" {
  name        = "cbi_load_jobs_ended"
  description = "Load jobs that ended, failed ones too, by table"
  filter = join(" AND ", [
    "resource.type=\"bigquery_project\"",
    "protoPayload.metadata.jobChange.after=\"DONE\"",
    "protoPayload.metadata.jobChange.job.jobConfig.type=\"IMPORT\"",
    "NOT protoPayload.metadata.jobChange.job.jobConfig.loadConfig.destinationTable:\"/tables/cbi_staging_\"",
  ])
  label_extractors = {
    table = "REGEXP_EXTRACT(protoPayload.metadata.jobChange.job.jobConfig.loadConfig.destinationTable, \"datasets/(.+)\")"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
    labels {
      key        = "table"
      value_type = "STRING"
    }
  }
  depends_on = [google_project_service.api]
}

resource "google_monitoring_dashboard" "cbi" {
  dashboard_json = file("${path.module}/dashboard.json")
  depends_on     = [google_logging_metric.counter, google_logging_metric.distribution]
}
