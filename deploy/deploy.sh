#!/usr/bin/env bash
# Deploys without Terraform: the function, its trigger, its schedule, buckets, accounts and tables.
# Metrics, alerts and the dashboard are Terraform's alone. Safe to repeat.
#
#   deploy/deploy.sh --project PROJECT [--region REGION] [--data-location LOCATION] [--dry-run]
#
# --dry-run prints the commands for a project in which nothing is yet, and runs none.
set -euo pipefail
cd "$(dirname "$0")/.."

project='' region=us-central1 location='' dry_run=''
while (($#)); do
  case $1 in
    --project) project=$2; shift ;;
    --region) region=$2; shift ;;
    --data-location) location=$2; shift ;;
    --dry-run) dry_run=yes ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
[[ $project ]] || { echo "--project is missing: say which project to deploy to" >&2; exit 2; }
location=${location:-$region}
staging=$project-cbi-staging output=$project-cbi-output
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=deploy/lib.sh
source deploy/lib.sh

account() { echo "cbi-$1@$project.iam.gserviceaccount.com"; }

on_project() { # ROLE MEMBER [CONDITION]
  run gcloud projects add-iam-policy-binding "$project" --role="$1" --member="serviceAccount:$2" \
    --condition="${3:-None}"
}
on_bucket() { # BUCKET ROLE MEMBER [CONDITION]
  run gcloud storage buckets add-iam-policy-binding "gs://$1" --role="$2" --member="serviceAccount:$3" \
    --condition="${4:-None}"
}
on_dataset() { # DATASET ROLE MEMBER
  run bq query --project_id="$project" --location="$location" --use_legacy_sql=false \
    "GRANT \`$2\` ON SCHEMA \`$1\` TO 'serviceAccount:$3'"
}
on_table() { # DATASET.TABLE ROLE MEMBER
  run bq query --project_id="$project" --location="$location" --use_legacy_sql=false \
    "GRANT \`$2\` ON TABLE \`$1\` TO 'serviceAccount:$3'"
}
on_function() { # ROLE MEMBER
  run gcloud run services add-iam-policy-binding cbi-ingest --project="$project" --region="$region" \
    --role="$1" --member="serviceAccount:$2"
}

# Services, and Google's own agents, which else come into being when their service is first used

run gcloud services enable --project="$project" serviceusage.googleapis.com \
  artifactregistry.googleapis.com bigquery.googleapis.com cloudbuild.googleapis.com \
  cloudfunctions.googleapis.com cloudresourcemanager.googleapis.com cloudscheduler.googleapis.com \
  eventarc.googleapis.com iam.googleapis.com logging.googleapis.com monitoring.googleapis.com \
  pubsub.googleapis.com run.googleapis.com storage.googleapis.com
for service in eventarc pubsub; do
  run gcloud beta services identity create --project="$project" --service=$service.googleapis.com
done
number=$(value NUMBER gcloud projects describe "$project" --format='value(projectNumber)')
storage_agent=$(value STORAGE_AGENT gcloud storage service-agent --project="$project")
pubsub_agent=service-$number@gcp-sa-pubsub.iam.gserviceaccount.com
eventarc_agent=service-$number@gcp-sa-eventarc.iam.gserviceaccount.com

# Accounts

for name in runtime trigger scheduler build; do
  unless gcloud iam service-accounts describe "$(account $name)" --project="$project" -- \
    gcloud iam service-accounts create "cbi-$name" --project="$project"
done

# Buckets

for bucket in "$staging" "$output"; do
  unless gcloud storage buckets describe "gs://$bucket" -- \
    gcloud storage buckets create "gs://$bucket" --project="$project" --location="$location" \
    --uniform-bucket-level-access --public-access-prevention
done
run gcloud storage buckets update "gs://$staging" --versioning --soft-delete-duration=7d \
  --lifecycle-file=deploy/lifecycle/staging.json
run gcloud storage buckets update "gs://$output" --versioning --soft-delete-duration=7d \
  --lifecycle-file=deploy/lifecycle/output.json

# Tables, with the regimes

run env GOOGLE_CLOUD_PROJECT="$project" BIGQUERY_LOCATION="$location" STAGING_BUCKET="$staging" \
  OUTPUT_BUCKET="$output" "${PYTHON:-.venv/bin/python}" -m cbi init

# Images

unless gcloud artifacts repositories describe cbi --project="$project" --location="$region" -- \
  gcloud artifacts repositories create cbi --project="$project" --location="$region" --repository-format=docker
run gcloud artifacts repositories set-cleanup-policies cbi --project="$project" --location="$region" --no-dry-run \
  --policy=deploy/lifecycle/images.json

# Who may do what

on_bucket "$staging" roles/storage.objectViewer "$(account runtime)"
on_bucket "$output" roles/storage.objectViewer "$(account runtime)"
on_bucket "$output" roles/storage.objectCreator "$(account runtime)"
replaced=''
for prefix in content/ enriched/ history/days.json index.html ops/ pending/ quarantine/ runs/ weeks/; do
  replaced+="${replaced:+ || }resource.name.startsWith(\"projects/_/buckets/$output/objects/$prefix\")"
done
on_bucket "$output" roles/storage.objectUser "$(account runtime)" \
  "title=Objects that are removed or replaced,expression=$replaced"
for feed in cbi/feeds/*.yaml; do
  table=$(sed -n 's/^table: *\([^ #]*\).*/\1/p' "$feed")
  if grep -q '^write: *upsert' "$feed"; then
    on_dataset "${table%%.*}" roles/bigquery.dataEditor "$(account runtime)"
  else
    on_table "$table" roles/bigquery.dataEditor "$(account runtime)"
  fi
done
on_table ops.ingestion_runs roles/bigquery.dataEditor "$(account runtime)"
on_dataset training roles/bigquery.dataViewer "$(account runtime)"
on_project roles/bigquery.jobUser "$(account runtime)"
on_project roles/eventarc.eventReceiver "$(account trigger)"
on_project roles/logging.logWriter "$(account build)"
on_project roles/storage.objectViewer "$(account build)" \
  'title=Source of functions,expression=resource.name.startsWith("projects/_/buckets/gcf-v2-")'
run gcloud artifacts repositories add-iam-policy-binding cbi --project="$project" --location="$region" \
  --role=roles/artifactregistry.writer --member="serviceAccount:$(account build)"
on_project roles/pubsub.publisher "$storage_agent"
on_project roles/eventarc.serviceAgent "$eventarc_agent"
run sleep 60 # a grant holds some time after it is made

# The function, with its packages pinned

mkdir "$work/source"
cp -R main.py cbi .gcloudignore "$work/source"
cp deploy/requirements.lock "$work/source/requirements.txt"
run gcloud functions deploy cbi-ingest --gen2 --project="$project" --region="$region" --quiet \
  --source="$work/source" --runtime=python313 --entry-point=ingest --trigger-http --no-allow-unauthenticated \
  --service-account="$(account runtime)" --timeout=540s --memory=2Gi --cpu=1 --concurrency=4 \
  --build-service-account="projects/$project/serviceAccounts/$(account build)" \
  --docker-repository="projects/$project/locations/$region/repositories/cbi" \
  --min-instances=0 --max-instances=10 --ingress-settings=internal-only \
  --set-env-vars="STAGING_BUCKET=$staging,OUTPUT_BUCKET=$output,GOOGLE_CLOUD_PROJECT=$project,BIGQUERY_LOCATION=$location,FUNCTION_TIMEOUT_SECONDS=540,DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA=true"
on_function roles/run.invoker "$(account trigger)"
on_function roles/run.invoker "$(account scheduler)"

# The trigger. Its subscription is Eventarc's; retries and dead letters are set on it afterwards.

trigger_location=$(tr '[:upper:]' '[:lower:]' <<<"$location")
unless gcloud eventarc triggers describe cbi-staged-file --project="$project" --location="$trigger_location" -- \
  gcloud eventarc triggers create cbi-staged-file --project="$project" --location="$trigger_location" \
  --event-filters=type=google.cloud.storage.object.v1.finalized --event-filters=bucket="$staging" \
  --destination-run-service=cbi-ingest --destination-run-region="$region" \
  --service-account="$(account trigger)"
unless gcloud pubsub topics describe cbi-dead-letters --project="$project" -- \
  gcloud pubsub topics create cbi-dead-letters --project="$project"
unless gcloud pubsub subscriptions describe cbi-dead-letters --project="$project" -- \
  gcloud pubsub subscriptions create cbi-dead-letters --project="$project" --topic=cbi-dead-letters \
  --message-retention-duration=7d --expiration-period=never
subscription=$(value SUBSCRIPTION gcloud eventarc triggers describe cbi-staged-file --project="$project" \
  --location="$trigger_location" --format='value(transport.pubsub.subscription)')
run gcloud pubsub topics add-iam-policy-binding cbi-dead-letters --project="$project" \
  --role=roles/pubsub.publisher --member="serviceAccount:$pubsub_agent"
run gcloud pubsub subscriptions add-iam-policy-binding "$subscription" --project="$project" \
  --role=roles/pubsub.subscriber --member="serviceAccount:$pubsub_agent"
run gcloud pubsub subscriptions update "$subscription" --project="$project" \
  --ack-deadline=600 --message-retention-duration=7d --min-retry-delay=10s --max-retry-delay=600s \
  --max-delivery-attempts=20 --dead-letter-topic="projects/$project/topics/cbi-dead-letters"

# The sweep

url=$(value https://FUNCTION_URL gcloud functions describe cbi-ingest --gen2 --project="$project" \
  --region="$region" --format='value(serviceConfig.uri)')
source=//cloudscheduler.googleapis.com/projects/$project/locations/$region/jobs/cbi-sweep
headers="Content-Type=application/json,ce-id=sweep,ce-source=$source,ce-specversion=1.0,ce-type=cbi.sweep.v1"
schedule=(--project="$project" --location="$region" --schedule='*/10 * * * *' --time-zone=Etc/UTC
  --uri="$url" --http-method=POST --message-body='{}' --attempt-deadline=600s
  --oidc-service-account-email="$(account scheduler)" --oidc-token-audience="$url"
  --max-retry-attempts=3 --min-backoff=30s --max-backoff=300s)
if [[ ! $dry_run ]] && gcloud scheduler jobs describe cbi-sweep --project="$project" --location="$region" >/dev/null 2>&1; then
  run gcloud scheduler jobs update http cbi-sweep "${schedule[@]}" --update-headers="$headers"
else
  run gcloud scheduler jobs create http cbi-sweep "${schedule[@]}" --headers="$headers"
fi
