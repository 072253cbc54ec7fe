# The bucket's events. A trigger of its own, rather than one inside the function, because it tells which
# Pub/Sub subscription it made: that is where retries and dead letters are set.

resource "google_eventarc_trigger" "staged_file" {
  name            = "cbi-staged-file"
  location        = lower(local.data_location) # an event can only be had where its bucket is
  service_account = google_service_account.trigger.email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }
  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.staging.name
  }
  destination {
    cloud_run_service {
      service = google_cloudfunctions2_function.ingest.name
      region  = var.region
    }
  }

  depends_on = [
    time_sleep.event_grants,
    google_cloud_run_v2_service_iam_member.trigger_invokes,
    google_eventarc_google_channel_config.events,
  ]
}

# The key of all Eventarc triggers on Google's own events in this location and project, of others too.
resource "google_eventarc_google_channel_config" "events" {
  count = var.kms_key == null ? 0 : 1

  name            = "googleChannelConfig"
  location        = lower(local.data_location)
  crypto_key_name = var.kms_key
  depends_on      = [google_project_service.api, time_sleep.key_grants]
}

# Events that could not be delivered. They are only a sign: the sweep runs their files all the same.

resource "google_pubsub_topic" "dead_letters" {
  # checkov:skip=CKV_GCP_83:a customer's key is optional (kms_key)
  name         = "cbi-dead-letters"
  kms_key_name = var.kms_key
  depends_on   = [google_project_service.api, time_sleep.key_grants]
}

# Without a subscription a topic keeps nothing.
resource "google_pubsub_subscription" "dead_letters" {
  name                       = "cbi-dead-letters"
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "604800s"
  expiration_policy {
    ttl = "" # never
  }
}

locals {
  trigger_subscription = google_eventarc_trigger.staged_file.transport[0].pubsub[0].subscription

  # Delivered for up to 20 attempts, which the backoff stretches over 2 hours and 20 minutes; kept for 7 days
  # instead of Eventarc's one. The deadline is also the timeout of a delivery, so it must outlast the function.
  delivery = join(" ", [
    "--ack-deadline=600",
    "--message-retention-duration=7d",
    "--min-retry-delay=10s",
    "--max-retry-delay=600s",
    "--max-delivery-attempts=20",
    "--dead-letter-topic=${google_pubsub_topic.dead_letters.id}",
  ])
}

# Eventarc makes the subscription itself and takes no settings for it; changing it afterwards is the documented
# way (https://cloud.google.com/eventarc/docs/retry-events), and Terraform can neither adopt nor change it in
# the same apply. So gcloud does it, and the check below says at every plan whether it is still so.
resource "terraform_data" "delivery" {
  triggers_replace = [local.trigger_subscription, local.delivery]

  provisioner "local-exec" {
    command = "gcloud pubsub subscriptions update '${local.trigger_subscription}' --project='${var.project}' ${local.delivery}"
  }
  depends_on = [
    google_pubsub_topic_iam_member.pubsub_buries_dead_letters,
    google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters,
  ]
}

check "dead_letters_are_kept" {
  data "google_pubsub_subscription" "trigger" {
    name       = basename(local.trigger_subscription)
    depends_on = [terraform_data.delivery]
  }
  assert {
    condition = (
      try(data.google_pubsub_subscription.trigger.dead_letter_policy[0].dead_letter_topic, "") ==
      google_pubsub_topic.dead_letters.id
    )
    error_message = "The trigger's subscription has no dead-letter topic: run `terraform apply -replace=terraform_data.delivery`."
  }
}
