# The application's security group and permissions. They move into the compute tier when there is one.

resource "aws_security_group" "app" {
  name_prefix = "${local.name}-app-"
  description = "MueJam application servers"
  vpc_id      = module.networking.vpc_id

  tags = {
    Name = "${local.name}-app"
  }

  # The database's rules refer to this group: the new one has to exist before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "app_from_vpc" {
  security_group_id = aws_security_group.app.id
  description       = "Application port from inside the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = var.app_port
  to_port           = var.app_port
}

resource "aws_vpc_security_group_egress_rule" "app_https" {
  security_group_id = aws_security_group.app.id
  description       = "HTTPS to AWS and other services"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "app_database" {
  security_group_id            = aws_security_group.app.id
  description                  = "PostgreSQL"
  referenced_security_group_id = module.rds.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = module.rds.port
  to_port                      = module.rds.port
}

data "aws_iam_policy_document" "app" {
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:ListBucket"]
    resources = [module.s3.media_bucket_arn, module.s3.static_bucket_arn]
  }

  statement {
    sid       = "UseMedia"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${module.s3.media_bucket_arn}/*"]
  }

  statement {
    sid       = "ReadStatic"
    actions   = ["s3:GetObject"]
    resources = ["${module.s3.static_bucket_arn}/*"]
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]
    resources = ["arn:${local.partition}:ssm:${local.arn_suffix}:parameter${local.parameter_path}/*"]
  }

  dynamic "statement" {
    for_each = local.db_password_managed ? [module.rds.master_user_secret_arn] : []

    content {
      sid       = "ReadDatabasePassword"
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = aws_sqs_queue.alarms

    content {
      sid       = "TakeAlarms"
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_policy" "app" {
  name        = "${local.name}-app"
  description = "What MueJam application servers may do"
  policy      = data.aws_iam_policy_document.app.json
}
