data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  name               = "${var.environment}-muejam"
  availability_zones = coalesce(var.availability_zones, slice(data.aws_availability_zones.available.names, 0, length(var.public_subnet_cidrs)))
  arn_suffix         = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  partition          = data.aws_partition.current.partition

  # Only whether there is a password is public.
  db_password_managed = nonsensitive(var.db_master_password == null)
}

module "networking" {
  source = "./modules/networking"

  environment          = var.environment
  vpc_cidr             = var.vpc_cidr
  availability_zones   = local.availability_zones
  public_subnet_cidrs  = var.public_subnet_cidrs
  private_subnet_cidrs = var.private_subnet_cidrs
  single_nat_gateway   = var.single_nat_gateway
}

module "rds" {
  source = "./modules/rds"

  environment           = var.environment
  vpc_id                = module.networking.vpc_id
  private_subnet_ids    = module.networking.private_subnet_ids
  app_security_group_id = aws_security_group.app.id

  database_name    = var.db_name
  master_username  = var.db_master_username
  master_password  = var.db_master_password
  postgres_version = var.db_postgres_version

  db_instance_class      = var.db_instance_class
  replica_instance_class = var.db_replica_instance_class
  allocated_storage      = var.db_allocated_storage
  max_allocated_storage  = var.db_max_allocated_storage
  max_connections        = var.db_max_connections

  create_read_replicas = var.db_create_read_replicas
  replica_count        = var.db_replica_count
  multi_az             = var.db_multi_az

  backup_retention_period      = var.db_backup_retention_period
  monitoring_interval          = var.db_monitoring_interval
  performance_insights_enabled = var.db_performance_insights_enabled
  apply_immediately            = var.db_apply_immediately
  deletion_protection          = var.db_deletion_protection
  skip_final_snapshot          = var.db_skip_final_snapshot

  alarm_actions = [aws_sns_topic.alarms.arn]
}

module "s3" {
  source = "./modules/s3"

  environment                 = var.environment
  bucket_suffix               = var.s3_bucket_suffix
  enable_versioning           = var.s3_enable_versioning
  allowed_origins             = var.s3_allowed_origins
  backup_retention_days       = var.s3_backup_retention_days
  bucket_size_alert_threshold = var.s3_bucket_size_alert_threshold
  force_destroy               = var.s3_force_destroy

  alarm_actions = [aws_sns_topic.alarms.arn]
}
