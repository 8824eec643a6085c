# What the application has to know about its environment.

locals {
  parameter_path = "/muejam/${var.environment}"

  parameters = merge(
    {
      "database/name"             = { value = var.db_name, description = "Database name" }
      "database/primary_endpoint" = { value = module.rds.primary_endpoint, description = "Host and port for writing" }
      "storage/media_bucket"      = { value = module.s3.media_bucket_id, description = "Bucket of user uploads" }
      "storage/static_bucket"     = { value = module.s3.static_bucket_id, description = "Bucket of static assets" }
    },
    local.db_password_managed ? {
      "database/password_secret_arn" = { value = module.rds.master_user_secret_arn, description = "Secret that holds the master password" }
    } : {},
  )
}

resource "aws_ssm_parameter" "app" {
  for_each = local.parameters

  name        = "${local.parameter_path}/${each.key}"
  description = each.value.description
  type        = "String"
  value       = each.value.value
}

# The Parameter Store has no empty lists.
resource "aws_ssm_parameter" "database_replica_endpoints" {
  count = var.db_create_read_replicas && var.db_replica_count > 0 ? 1 : 0

  name        = "${local.parameter_path}/database/replica_endpoints"
  description = "Hosts and ports for reading"
  type        = "StringList"
  value       = join(",", module.rds.replica_endpoints)
}
