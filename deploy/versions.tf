terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7, < 9"
    }
    archive = {
      source  = "hashicorp/archive"
      version = ">= 2.7, < 3"
    }
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = merge({ component = "cbi" }, var.labels)
}
