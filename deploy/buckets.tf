# Lifecycle rules are in lifecycle/, in Cloud Storage's own form, which deploy.sh hands over as it is.

locals {
  lifecycle = { for bucket in ["output", "staging"] : bucket => jsondecode(file("${path.module}/lifecycle/${bucket}.json")).rule }
}

resource "google_storage_bucket" "staging" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read and wrote; usage logs would need yet another bucket
  name                        = "${var.project}-cbi-staging"
  location                    = local.data_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_data
  deletion_policy             = var.delete_data ? "DELETE" : "PREVENT"

  # An overwritten or deleted file can be had back for 30 days.
  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  dynamic "lifecycle_rule" {
    for_each = concat(local.lifecycle.staging, [
      for days in var.staged_retention_days[*] :
      { action = { type = "Delete" }, condition = { age = days, isLive = true, matchesPrefix = ["staged/"] } }
    ])
    content {
      action {
        type = lifecycle_rule.value.action.type
      }
      condition {
        age                        = try(lifecycle_rule.value.condition.age, null)
        days_since_noncurrent_time = try(lifecycle_rule.value.condition.daysSinceNoncurrentTime, null)
        matches_prefix             = try(lifecycle_rule.value.condition.matchesPrefix, null)
        with_state                 = try(lifecycle_rule.value.condition.isLive, false) ? "LIVE" : null
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle {
    # A feed is overdue when its newest file is older than it expects; a file that is gone tells nothing.
    precondition {
      condition = alltrue([
        for hours in values(module.inputs.expect_every_hours) : try(var.staged_retention_days * 24 > hours, true)
      ])
      error_message = "staged_retention_days is shorter than a feed's expect_every_hours, whose alert could then never come: keep files longer, or expect them oftener."
    }
  }
  depends_on = [google_project_service.api, time_sleep.key_grants]
}

resource "google_storage_bucket" "output" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read and wrote; usage logs would need yet another bucket
  name                        = "${var.project}-cbi-output"
  location                    = local.data_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_data
  deletion_policy             = var.delete_data ? "DELETE" : "PREVENT"

  # Reports, quarantine and run records are kept, and can be had back for 30 days. What only waits for its load
  # job is not; a sweep removes it earlier; a run that finds it gone says in its report to drop the file again.
  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  dynamic "lifecycle_rule" {
    for_each = local.lifecycle.output
    content {
      action {
        type = lifecycle_rule.value.action.type
      }
      condition {
        age                        = try(lifecycle_rule.value.condition.age, null)
        days_since_noncurrent_time = try(lifecycle_rule.value.condition.daysSinceNoncurrentTime, null)
        matches_prefix             = try(lifecycle_rule.value.condition.matchesPrefix, null)
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
  depends_on = [google_project_service.api, time_sleep.key_grants]
}

resource "google_storage_bucket" "source" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read and wrote; usage logs would need yet another bucket
  # checkov:skip=CKV_GCP_78:archives are named after their content and never overwritten
  name                        = "${var.project}-cbi-source-${var.region}" # the function may move
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # it can be made again from the repository

  dynamic "encryption" {
    for_each = local.function_kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
  depends_on = [google_project_service.api, time_sleep.key_grants]
}
