# What Terraform takes from the rest of the repository. No provider is needed here, so that a test can
# evaluate all of it with `terraform console`.

variable "source_root" {
  description = "Folder that has the function's source; null for the repository"
  type        = string
  default     = null
}

variable "contracts_root" {
  description = "Folder that has cbi/feeds and cbi/tables; null for the repository"
  type        = string
  default     = null
}

locals {
  root           = "${path.module}/../.."
  source_root    = coalesce(var.source_root, local.root)
  contracts_root = coalesce(var.contracts_root, local.root)

  contracts = {
    for path in fileset("${local.contracts_root}/cbi", "{feeds,tables}/*.yaml") :
    path => yamldecode(file("${local.contracts_root}/cbi/${path}"))
  }

  tables = {
    for contract in local.contracts : contract.table => {
      dataset      = split(".", contract.table)[0]
      name         = split(".", contract.table)[1]
      description  = try(contract.description, "")
      partition_by = try(contract.partition_by, null)
      cluster_by   = try(contract.cluster_by, [])
      # A contract is BigQuery's own schema form but for two things, put right in the text at any depth of
      # STRUCTs: keys that say where values come from are ours, and the API answers with the older names of some
      # types, which would show as a change in every plan. jsonencode sorts keys, so that each of ours is always
      # followed by "name" or "type"; in a text every quote has a backslash before it.
      schema = replace(replace(replace(replace(replace(jsonencode(contract.schema),
        "/\"(as|constant|format|from_path|optional|source|timezone)\":(\"([^\"\\\\]|\\\\.)*\"|[^\",]+),/", ""),
        "\"type\":\"INT64\"", "\"type\":\"INTEGER\""),
        "\"type\":\"FLOAT64\"", "\"type\":\"FLOAT\""),
        "\"type\":\"BOOL\"", "\"type\":\"BOOLEAN\""),
      "\"type\":\"STRUCT\"", "\"type\":\"RECORD\"")
    }
  }

  feeds = { for path, contract in local.contracts : trimsuffix(basename(path), ".yaml") => contract if startswith(path, "feeds/") }

  upsert_datasets = toset([
    for feed in local.feeds : split(".", feed.table)[0] if try(feed.write, "append") == "upsert"
  ])
  append_tables = setunion(
    [for feed in local.feeds : feed.table if try(feed.write, "append") != "upsert"],
    ["ops.ingestion_runs"],
  )

  # What .gcloudignore leaves, but for requirements.txt, which is uploaded with pinned versions.
  source_files = setunion(
    ["main.py"],
    [for path in fileset(local.source_root, "cbi/**/*.{py,yaml,json,html}") : path if !startswith(path, "cbi/local/")],
  )
}
