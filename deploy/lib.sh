# shellcheck shell=bash disable=SC2154
# What bootstrap.sh and deploy.sh share. Sourced, with $project and $dry_run set.

# Runs a command, and again while it is refused for what passes; prints it only where --dry-run says so.
run() {
  printf '%q ' "$@"
  echo
  [[ $dry_run ]] || "${PYTHON:-python3}" deploy/retry.py -- "$@"
}

# unless DESCRIBE… -- CREATE…: runs the second command where the first finds nothing.
unless() {
  local describe=()
  while [[ $1 != -- ]]; do describe+=("$1"); shift; done
  shift
  if [[ $dry_run ]] || ! "${describe[@]}" >/dev/null 2>&1; then run "$@"; fi
}

# The value of a gcloud command, or a word in its place while nothing is run.
value() {
  local placeholder=$1; shift
  if [[ $dry_run ]]; then echo "$placeholder"; else "$@"; fi
}
