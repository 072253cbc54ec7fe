# Made from the same YAML files as by `python -m cbi init`, which also adds the columns a contract gains later.

resource "google_bigquery_dataset" "dataset" {
  for_each = module.inputs.datasets

  dataset_id                 = each.value
  location                   = local.data_location
  delete_contents_on_destroy = var.delete_data
  deletion_policy            = var.delete_data ? "DELETE" : "PREVENT"

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key[*]
    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
  depends_on = [google_project_service.api, time_sleep.key_grants]
}

resource "google_bigquery_table" "table" {
  # checkov:skip=CKV_GCP_80:a customer's key is optional (kms_key) and comes from the dataset
  # checkov:skip=CKV_GCP_121:protected unless delete_data says otherwise
  for_each = module.inputs.tables

  dataset_id          = google_bigquery_dataset.dataset[each.value.dataset].dataset_id
  table_id            = each.value.name
  description         = each.value.description
  schema              = each.value.schema
  clustering          = length(each.value.cluster_by) > 0 ? each.value.cluster_by : null
  deletion_protection = !var.delete_data

  dynamic "time_partitioning" {
    for_each = each.value.partition_by[*]
    content {
      type  = "DAY"
      field = time_partitioning.value
    }
  }

  # The provider drops a column that is gone from the schema in place, with all that is in it, and replaces the
  # table when a nested one is gone (https://github.com/GoogleCloudPlatform/magic-modules/pull/10170). Going back
  # to an older contract must do neither.
  lifecycle {
    ignore_changes = [schema]
  }
}
