resource "aws_db_subnet_group" "main" {
  name        = var.name
  description = "Private subnets, generation ${var.generation}"
  subnet_ids  = aws_subnet.private[*].id
  tags        = local.generation
}

resource "aws_db_parameter_group" "main" {
  name_prefix = "${var.name}-"
  family      = "postgres15"
  description = "Edition ${var.replacement}"

  parameter {
    name         = "max_connections"
    value        = local.first ? "100" : "150"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }

  dynamic "parameter" {
    for_each = local.first ? { log_connections = "1" } : { log_disconnections = "1" }

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  tags = local.generation

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "main" {
  identifier                            = "${var.name}-main"
  engine                                = "postgres"
  engine_version                        = "15.4"
  license_model                         = "postgresql-license"
  instance_class                        = local.first ? "db.t3.medium" : "db.t3.large"
  multi_az                              = !local.first
  db_name                               = "wide"
  username                              = "wide_admin"
  password                              = var.db_password
  port                                  = 5433
  storage_type                          = "gp3"
  storage_encrypted                     = true
  allocated_storage                     = 20
  max_allocated_storage                 = 100 * var.generation
  db_subnet_group_name                  = aws_db_subnet_group.main.name
  parameter_group_name                  = aws_db_parameter_group.main.name
  vpc_security_group_ids                = [aws_security_group.database.id, aws_security_group.inline.id]
  publicly_accessible                   = false
  ca_cert_identifier                    = "rds-ca-rsa2048-g1"
  network_type                          = "IPV4"
  iam_database_authentication_enabled   = local.first
  backup_retention_period               = 1 + var.generation
  backup_window                         = "02:00-03:00"
  maintenance_window                    = "mon:04:00-mon:05:00"
  auto_minor_version_upgrade            = false
  copy_tags_to_snapshot                 = true
  delete_automated_backups              = true
  deletion_protection                   = false
  enabled_cloudwatch_logs_exports       = local.first ? ["postgresql"] : ["postgresql", "upgrade"]
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  performance_insights_enabled          = true
  performance_insights_retention_period = 7
  apply_immediately                     = true
  skip_final_snapshot                   = true
  tags                                  = merge(local.generation, { Name = "${var.name}-main" })

  timeouts {
    create = "60m"
    update = "60m"
  }

  depends_on = [aws_cloudwatch_log_group.database]
}
