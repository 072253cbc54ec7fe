output "source_root" {
  description = "The folder that source_files are in"
  value       = local.source_root
}

output "tables" {
  description = "Every table, by dataset.table"
  value       = local.tables
}

output "datasets" {
  description = "Every dataset that has a table"
  value       = toset([for table in local.tables : table.dataset])
}

output "upsert_datasets" {
  description = "The datasets of feeds that upsert"
  value       = local.upsert_datasets
}

output "append_tables" {
  description = "The tables that rows are only appended to"
  value       = local.append_tables
}

output "expect_every_hours" {
  description = "How often each feed's file is expected, of those that say"
  value       = { for name, feed in local.feeds : name => feed.expect_every_hours if try(feed.expect_every_hours, null) != null }
}

output "source_files" {
  description = "What the function is built from, as paths under source_root"
  value       = local.source_files
}
