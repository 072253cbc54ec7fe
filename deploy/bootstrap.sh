#!/usr/bin/env bash
# What must be there before Terraform can plan: the services that enable others and that data is read from, and
# a bucket for its state, with versions. Safe to repeat; `make plan` and `make deploy` begin with it.
#
#   deploy/bootstrap.sh --project PROJECT [--region REGION] [--dry-run]
#
# Without --region it takes the one in deploy/projects/PROJECT.tfvars, as Terraform does, or us-central1.
set -euo pipefail
cd "$(dirname "$0")/.."

project='' region='' dry_run=''
while (($#)); do
  case $1 in
    --project) project=$2; shift ;;
    --region) region=$2; shift ;;
    --dry-run) dry_run=yes ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done
[[ $project ]] || { echo "--project is missing: say which project to deploy to" >&2; exit 2; }
# shellcheck source=deploy/lib.sh
source deploy/lib.sh

# A setting of the project's variables file, if it has one.
setting() { sed -n "s/^$1 *= *\"\([^\"]*\)\".*/\1/p" "deploy/projects/$project.tfvars" 2>/dev/null || true; }

region=${region:-$(setting region)} location=$(setting data_location) key=$(setting kms_key)
region=${region:-us-central1}
location=${location:-$region}
state=$project-cbi-terraform

run gcloud services enable --project="$project" serviceusage.googleapis.com cloudresourcemanager.googleapis.com \
  iam.googleapis.com storage.googleapis.com bigquery.googleapis.com
if [[ $key ]]; then
  run gcloud services enable cloudkms.googleapis.com --project="$project"
  run gcloud storage service-agent --project="$project" --authorize-cmek="$key"
fi
unless gcloud storage buckets describe "gs://$state" -- \
  gcloud storage buckets create "gs://$state" --project="$project" --location="$location" \
  --uniform-bucket-level-access --public-access-prevention ${key:+--default-encryption-key="$key"}
run gcloud storage buckets update "gs://$state" --versioning
