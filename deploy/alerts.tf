# Each alert has a section of its name in README.md: what it means, what to run.

locals {
  # What whoever is woken runs first, and what then. The variables are those of the runbook.
  pages = {
    run-failed = {
      shown = "line `reports` of `python -m cbi doctor`, then `bq query --use_legacy_sql=false < deploy/queries/runs_today.sql`"
      fixed = "dropping the right file; for `load_failed`, `python -m cbi replay RUN_ID`"
    }
    rows-skipped = {
      shown = "line `quarantine` of `python -m cbi doctor`, then `bq query --use_legacy_sql=false < deploy/queries/runs_today.sql`"
      fixed = "`python -m cbi regimes --apply`, then `python -m cbi replay RUN_ID`"
    }
    events-lost = {
      shown = "line `sweep` of `python -m cbi doctor`, then `gcloud storage cat \"$(gcloud storage ls gs://$OUTPUT_BUCKET/sweeps/ | tail -1)\"`"
      fixed = "itself; if it comes again, `make deploy`"
    }
    retrying = {
      shown = "lines `tables` and `permissions` of `python -m cbi doctor`, then `gcloud logging read 'jsonPayload.event=\"will_retry\"' --freshness=1h --limit=5`"
      fixed = "`make deploy`, where a table or a permission is missing"
    }
    dead-letters = {
      shown = "line `sweep` of `python -m cbi doctor`, then `gcloud pubsub subscriptions pull cbi-dead-letters --limit=20`"
      fixed = "`gcloud scheduler jobs run cbi-sweep`, once the cause is gone"
    }
    feed-overdue = {
      shown = "line `feeds` of `python -m cbi doctor`, then `gcloud storage ls --long \"gs://$STAGING_BUCKET/staged/**\" | sort -k 2 | tail`"
      fixed = "the desk: `gcloud storage cp FILE gs://$STAGING_BUCKET/staged/FEED/`"
    }
    sweep-silent = {
      shown = "line `sweep` of `python -m cbi doctor`, then `gcloud logging read 'resource.labels.service_name=\"cbi-ingest\" severity>=WARNING' --freshness=1h`"
      fixed = "`gcloud scheduler jobs run cbi-sweep`, or `python -m cbi sweep` where that takes too long"
    }
    quota-day = {
      shown = "line `load jobs` of `python -m cbi doctor`, then `bq query --use_legacy_sql=false < deploy/queries/load_jobs_by_table.sql`"
      fixed = "fewer, larger files; then `gcloud scheduler jobs run cbi-sweep`"
    }
  }
  page = {
    for name, page in local.pages :
    name => "Shown by ${page.shown}. Fixed by ${page.fixed}. More in deploy/README.md, section `${name}`."
  }

  # Alerts on something that should not happen at all: one incident for each combination of the labels.
  unwanted = {
    run-failed = {
      says     = "A file was not loaded"
      severity = "ERROR"
      filter   = "${local.logged}cbi_runs\" AND metric.labels.status=\"failed\""
      by       = ["metric.labels.feed", "metric.labels.reason"]
      above    = 0
      within   = "300s"
    }
    rows-skipped = {
      says     = "Rows are in quarantine because their date has no regime"
      severity = "WARNING"
      filter   = "${local.logged}cbi_runs_with_skipped_rows\""
      by       = ["metric.labels.feed"]
      above    = 0
      within   = "300s"
    }
    events-lost = {
      says     = "The sweep found files without a report"
      severity = "WARNING"
      filter   = "${local.logged}cbi_sweeps_that_found\""
      by       = []
      above    = 0
      within   = "300s"
    }
    retrying = {
      says     = "Deliveries keep ending without a report"
      severity = "WARNING"
      filter   = "${local.logged}cbi_retries\""
      by       = []
      above    = 10
      within   = "3600s"
    }
    dead-letters = {
      says     = "Events were given up after their last attempt"
      severity = "ERROR"
      filter = join(" AND ", [
        "resource.type=\"pubsub_subscription\"",
        "resource.labels.subscription_id=\"${google_pubsub_subscription.dead_letters.name}\"",
        "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\"",
      ])
      by     = []
      above  = 0
      within = "300s"
    }
    feed-overdue = {
      says     = "No file came for longer than the feed's contract expects"
      severity = "WARNING"
      filter   = "${local.logged}cbi_overdue_feeds\""
      by       = ["metric.labels.feed"]
      above    = 0
      within   = "3600s"
    }
  }

  logged = "resource.type=\"cloud_run_revision\" AND metric.type=\"logging.googleapis.com/user/"
}

resource "google_monitoring_alert_policy" "unwanted" {
  for_each = local.unwanted

  display_name          = "cbi ${each.key}"
  severity              = each.value.severity
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.says
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "0s"
      aggregations {
        alignment_period     = each.value.within
        per_series_aligner   = each.key == "dead-letters" ? "ALIGN_MAX" : "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = each.value.by
      }
    }
  }
  # Else an incident stays open for a week after a single bad file, and the next one would not be told.
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    subject = "cbi: ${each.value.says}"
    content = "${each.value.says}. ${local.page[each.key]}"
  }
  depends_on = [google_logging_metric.counter]
}

# Not a condition of absence, which can only be met once there was something
# (https://cloud.google.com/monitoring/alerts/metric-absence): a first sweep that fails would never be told. So
# nothing at all counts as 0, and a new deployment has an hour.
resource "google_monitoring_alert_policy" "sweep_silent" {
  display_name          = "cbi sweep-silent"
  severity              = "ERROR"
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = "No sweep has ended for an hour"
    condition_prometheus_query_language {
      query                     = "(sum(increase(logging_googleapis_com:user_cbi_sweeps{monitored_resource=\"cloud_run_revision\"}[1h])) or vector(0)) == 0"
      duration                  = "3600s"
      evaluation_interval       = "300s"
      disable_metric_validation = true
    }
  }
  documentation {
    subject = "cbi: no sweep has ended for an hour"
    content = "No sweep has ended for an hour, so a lost event would go unnoticed. ${local.page["sweep-silent"]}"
  }
  depends_on = [google_logging_metric.counter]
}

resource "google_monitoring_alert_policy" "quota_day" {
  display_name          = "cbi quota-day"
  severity              = "WARNING"
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = "More than 1,000 load jobs into a table within a day; BigQuery takes 1,500"
    condition_prometheus_query_language {
      query                     = "sum by (table) (increase(logging_googleapis_com:user_cbi_load_jobs_ended{monitored_resource=\"bigquery_project\"}[1d])) > 1000"
      duration                  = "0s"
      evaluation_interval       = "300s"
      disable_metric_validation = true
    }
  }
  documentation {
    subject = "cbi: two thirds of a table's load jobs of the day are used"
    content = "More than 1,000 load jobs into a table within a day; BigQuery takes 1,500. ${local.page["quota-day"]}"
  }
  depends_on = [google_logging_metric.load_jobs_ended]
}
