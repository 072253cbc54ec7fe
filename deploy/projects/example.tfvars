# The settings of one project: copy this to PROJECT.tfvars and commit that. variables.tf describes all of them.

# region              = "us-east1"
# data_location       = "US" # or EU: the data outlives the outage of one region; decide before the first deploy
# min_instances       = 1
# staged_retention_days = 90
# notification_channels = ["projects/my-project/notificationChannels/123"]

# Customer's keys: for buckets, datasets and events in data_location (for EU in europe), for the function in region.
# kms_key          = "projects/my-keys/locations/us/keyRings/data/cryptoKeys/cbi"
# function_kms_key = "projects/my-keys/locations/us-east1/keyRings/data/cryptoKeys/cbi"
