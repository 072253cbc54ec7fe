output "root" {
  description = "The repository's folder"
  value       = local.root
}

output "tables" {
  description = "Every table, by dataset.table"
  value       = local.tables
}

output "datasets" {
  description = "Every dataset that has a table"
  value       = toset([for table in local.tables : table.dataset])
}

output "feed_datasets" {
  description = "The datasets that files are loaded into"
  value       = toset([for name in local.feed_tables : split(".", name)[0]])
}

output "source_files" {
  description = "What the function is built from, as paths under root"
  value       = local.source_files
}
