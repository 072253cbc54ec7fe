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
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.staged_retention_days[*]
    content {
      condition {
        age            = lifecycle_rule.value
        with_state     = "LIVE"
        matches_prefix = ["staged/"]
      }
      action {
        type = "Delete"
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.agents]
}

resource "google_storage_bucket" "output" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read and wrote; usage logs would need yet another bucket
  # checkov:skip=CKV_GCP_78:every object but a few pointers is written once under a name of its own; there are no versions to keep
  name                        = "${var.project}-cbi-output"
  location                    = local.data_location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.delete_data
  deletion_policy             = var.delete_data ? "DELETE" : "PREVENT"

  # Reports, quarantine and run records are kept. What only waits for its load job is not; a sweep removes it
  # earlier; a run that finds it gone says in its report to drop the file again.
  lifecycle_rule {
    condition {
      age            = 1
      matches_prefix = ["enriched/"]
    }
    action {
      type = "Delete"
    }
  }
  lifecycle_rule {
    condition {
      age            = 30
      matches_prefix = ["sweeps/"]
    }
    action {
      type = "Delete"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key[*]
    content {
      default_kms_key_name = encryption.value
    }
  }
  depends_on = [google_kms_crypto_key_iam_member.agents]
}

resource "google_storage_bucket" "source" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs tell who read and wrote; usage logs would need yet another bucket
  # checkov:skip=CKV_GCP_78:archives are named after their content and never overwritten
  name                        = "${var.project}-cbi-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # it can be made again from the repository
}
