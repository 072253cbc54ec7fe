variable "project" {
  description = "Id of the project that everything is made in"
  type        = string
}

variable "region" {
  description = "Region of the function and its schedule"
  type        = string
  default     = "us-central1"
}

variable "data_location" {
  description = "Where buckets and datasets are: a region, or US or EU; null for the function's region. It cannot be changed afterwards"
  type        = string
  default     = null
}

variable "min_instances" {
  description = "Instances kept warm. 0 costs nothing while no file comes; 1 saves the first file of a quiet hour a cold start"
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "Instances at most, which bounds cost; files beyond max_instances × concurrency wait in the subscription"
  type        = number
  default     = 10
}

variable "memory" {
  description = "Memory of an instance; README.md has the measurements behind the default"
  type        = string
  default     = "2Gi"
}

variable "cpu" {
  description = "vCPUs of an instance; below 1 it can work on only one file at a time"
  type        = string
  default     = "1"
}

variable "concurrency" {
  description = "Files an instance works on at once. Set 1 where files of more than a million rows are usual"
  type        = number
  default     = 4
}

variable "sweep_schedule" {
  description = "When to look for files whose event was lost (cron, UTC), every hour at least: an hour without a sweep is an alert"
  type        = string
  default     = "*/10 * * * *"
}

variable "staged_retention_days" {
  description = "Days until a staged file is deleted; null keeps all. It can be had back for 30 days more"
  type        = number
  default     = null
}

variable "contracts_root" {
  description = "Folder whose cbi/feeds and cbi/tables make the tables; null for this repository. `make deploy FEEDS=…` sets it"
  type        = string
  default     = null
}

variable "source_root" {
  description = "Folder the function is built from; null for this repository. `make rollback` sets it"
  type        = string
  default     = null
}

variable "environment" {
  description = "Further environment variables of the function, such as REGIME_TTL_SECONDS or the MAX_ and WORKER_ limits"
  type        = map(string)
  default     = {}
}

variable "labels" {
  description = "Labels put on everything that takes labels"
  type        = map(string)
  default     = {}
}

variable "notification_channels" {
  description = "Ids of the Monitoring channels that alerts go to (projects/…/notificationChannels/…)"
  type        = list(string)
  default     = []
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts buckets, datasets, events and the dead-letter topic (projects/…/cryptoKeys/…), in data_location (for EU: europe); null for Google's keys"
  type        = string
  default     = null
}

variable "function_kms_key" {
  description = "Cloud KMS key that encrypts the function, its images and its source, in region; null for kms_key"
  type        = string
  default     = null
}

variable "vpc_connector" {
  description = "Serverless VPC Access connector that the function's traffic to private addresses goes through"
  type        = string
  default     = null
}

variable "ingress" {
  description = "Who may reach the function's URL, besides needing an invoker's identity"
  type        = string
  # Eventarc and Cloud Scheduler of the same project count as internal:
  # https://cloud.google.com/run/docs/securing/ingress
  default = "ALLOW_INTERNAL_ONLY"

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"], var.ingress)
    error_message = "ingress must be ALLOW_ALL, ALLOW_INTERNAL_ONLY or ALLOW_INTERNAL_AND_GCLB."
  }
}

variable "delete_data" {
  description = "Let a destroy delete buckets, datasets and tables with what is in them"
  type        = bool
  default     = false
}
