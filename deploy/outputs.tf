output "staging_bucket" {
  description = "Drop files under staged/ in here"
  value       = google_storage_bucket.staging.name
}

output "output_bucket" {
  description = "Reports and quarantine are in here"
  value       = google_storage_bucket.output.name
}

output "data_location" {
  description = "What BIGQUERY_LOCATION must say"
  value       = local.data_location
}

output "function_url" {
  description = "The function's URL; only the trigger and the scheduler may call it"
  value       = google_cloudfunctions2_function.ingest.service_config[0].uri
}

output "trigger_subscription" {
  description = "The Pub/Sub subscription that delivers the bucket's events"
  value       = local.trigger_subscription
}
