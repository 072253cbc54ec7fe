locals {
  function      = "cbi-ingest"
  data_location = coalesce(var.data_location, var.region)

  # The function, its images and its source take a key of the region; data takes one of data_location.
  function_kms_key = try(coalesce(var.function_kms_key, var.kms_key), null)
  encrypted        = local.function_kms_key != null

  # bootstrap.sh enables what Terraform needs to begin; it is here too, so that one list has all.
  apis = setunion(
    [
      "artifactregistry", "bigquery", "cloudbuild", "cloudfunctions", "cloudresourcemanager", "cloudscheduler",
      "eventarc", "iam", "logging", "monitoring", "pubsub", "run", "serviceusage", "storage",
    ],
    local.encrypted ? ["cloudkms"] : [],
    var.vpc_connector == null ? [] : ["vpcaccess"],
  )
}

module "inputs" {
  source         = "./inputs"
  source_root    = var.source_root
  contracts_root = var.contracts_root
}

resource "google_project_service" "api" {
  for_each = local.apis

  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false # others in the project may use it
}
