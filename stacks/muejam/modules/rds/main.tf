locals {
  name       = "${var.environment}-muejam"
  primary_id = "${local.name}-db-primary"

  replica_ids = {
    for number in range(1, (var.create_read_replicas ? var.replica_count : 0) + 1) : tostring(number) => "${local.name}-db-replica-${number}"
  }

  # Only whether there is a password is public.
  password_managed = nonsensitive(var.master_password == null)

  log_types = ["postgresql", "upgrade"]
}

# An instance cannot move to another subnet group of the same VPC: the name must survive a change of the environment's.
resource "aws_db_subnet_group" "main" {
  name_prefix = "muejam-db-"
  description = "Private subnets of the MueJam database"
  subnet_ids  = var.private_subnet_ids

  tags = {
    Name = "${local.name}-db"
  }
}

resource "aws_db_parameter_group" "main" {
  name_prefix = "${local.name}-postgres-"
  family      = "postgres${split(".", var.postgres_version)[0]}"
  description = "MueJam ${var.environment}"

  parameter {
    name         = "max_connections"
    value        = var.max_connections
    apply_method = "pending-reboot"
  }

  parameter {
    name         = "shared_preload_libraries"
    value        = "pg_stat_statements"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # A group cannot be deleted while an instance uses it.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "main" {
  name_prefix = "${local.name}-db-"
  description = "MueJam database"
  vpc_id      = var.vpc_id

  tags = {
    Name = "${local.name}-db"
  }

  # A group cannot be deleted while an instance uses it.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "app" {
  security_group_id            = aws_security_group.main.id
  description                  = "PostgreSQL from the application"
  referenced_security_group_id = var.app_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

# RDS would create these groups itself, but without an end to their retention.
resource "aws_cloudwatch_log_group" "main" {
  for_each = {
    for pair in setproduct(concat([local.primary_id], values(local.replica_ids)), local.log_types) : join("/", pair) => pair
  }

  name              = "/aws/rds/instance/${each.value[0]}/${each.value[1]}"
  retention_in_days = var.log_retention_days
}

resource "aws_db_instance" "primary" {
  identifier     = local.primary_id
  engine         = "postgres"
  engine_version = var.postgres_version
  instance_class = var.db_instance_class
  multi_az       = var.multi_az

  db_name                     = var.database_name
  port                        = var.port
  username                    = var.master_username
  password                    = var.master_password
  manage_master_user_password = local.password_managed ? true : null

  storage_type          = "gp3"
  storage_encrypted     = true
  allocated_storage     = var.allocated_storage
  max_allocated_storage = var.max_allocated_storage

  db_subnet_group_name   = aws_db_subnet_group.main.name
  parameter_group_name   = aws_db_parameter_group.main.name
  vpc_security_group_ids = [aws_security_group.main.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period   = var.backup_retention_period
  backup_window             = var.backup_window
  maintenance_window        = var.maintenance_window
  copy_tags_to_snapshot     = true
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = var.skip_final_snapshot
  final_snapshot_identifier = "${local.name}-db-final-${trimprefix(var.vpc_id, "vpc-")}"

  # With a full version RDS must not upgrade past it.
  auto_minor_version_upgrade = !strcontains(var.postgres_version, ".")
  apply_immediately          = var.apply_immediately

  enabled_cloudwatch_logs_exports = local.log_types
  monitoring_interval             = var.monitoring_interval
  monitoring_role_arn             = one(aws_iam_role.monitoring[*].arn)
  performance_insights_enabled    = var.performance_insights_enabled

  tags = {
    Name = local.primary_id
    Role = "primary"
  }

  depends_on = [aws_cloudwatch_log_group.main, aws_iam_role_policy_attachment.monitoring]
}

resource "aws_db_instance" "replica" {
  for_each = local.replica_ids

  identifier          = each.value
  replicate_source_db = aws_db_instance.primary.identifier
  instance_class      = coalesce(var.replica_instance_class, var.db_instance_class)

  storage_type          = "gp3"
  storage_encrypted     = true
  max_allocated_storage = var.max_allocated_storage

  port                   = var.port
  parameter_group_name   = aws_db_parameter_group.main.name
  vpc_security_group_ids = [aws_security_group.main.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period = 0
  maintenance_window      = var.maintenance_window
  copy_tags_to_snapshot   = true
  skip_final_snapshot     = true

  auto_minor_version_upgrade = !strcontains(var.postgres_version, ".")
  apply_immediately          = var.apply_immediately

  enabled_cloudwatch_logs_exports = local.log_types
  monitoring_interval             = var.monitoring_interval
  monitoring_role_arn             = one(aws_iam_role.monitoring[*].arn)
  performance_insights_enabled    = var.performance_insights_enabled

  tags = {
    Name = each.value
    Role = "replica"
  }

  # A replica keeps its source for life, and knows it by its identifier.
  lifecycle {
    replace_triggered_by = [aws_db_instance.primary.identifier]
  }

  depends_on = [aws_cloudwatch_log_group.main, aws_iam_role_policy_attachment.monitoring]
}
