locals {
  function      = "cbi-ingest"
  data_location = coalesce(var.data_location, var.region)

  apis = [
    "artifactregistry", "bigquery", "cloudbuild", "cloudfunctions", "cloudscheduler", "eventarc", "iam",
    "logging", "monitoring", "pubsub", "run", "storage",
  ]
}

data "google_project" "this" {}

module "inputs" {
  source = "./inputs"
}

resource "google_project_service" "api" {
  for_each = toset(local.apis)

  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false # others in the project may use it
}
