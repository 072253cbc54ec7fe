terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.7, < 9"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 8.7, < 9"
    }
    archive = {
      source  = "hashicorp/archive"
      version = ">= 2.7, < 3"
    }
    time = {
      source  = "hashicorp/time"
      version = ">= 0.12, < 1"
    }
  }

  # The bucket, which bootstrap.sh makes, is named at `terraform init`: each project keeps its own state.
  backend "gcs" {
    prefix = "cbi"
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = merge({ component = "cbi" }, var.labels)
}

# Only for google_project_service_identity, which the other provider does not have.
provider "google-beta" {
  project = var.project
  region  = var.region
}
