# The six types that the engine was shaped on, with the corners that make each of them hard.
#
# generation changes what AWS changes in place, replacement what it replaces.

terraform {
  required_version = ">= 1.9.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Stack = "six"
    }
  }
}

variable "name" {
  description = "First part of every name."
  type        = string
  default     = "six"
}

variable "generation" {
  description = "Each number gives other values to arguments that AWS changes in place."
  type        = number
  default     = 1
}

variable "replacement" {
  description = "Each number gives other values to arguments that AWS cannot change."
  type        = number
  default     = 1
}

variable "db_password" {
  description = "Password of the primary's master user."
  type        = string
  default     = "not-a-real-secret-1"
  sensitive   = true
}

locals {
  tags = {
    Generation = tostring(var.generation)
  }
}

# Security groups: rules as blocks, among them one on the group itself.

resource "aws_security_group" "web" {
  name                   = "${var.name}-web-${var.replacement}"
  description            = "Web servers, edition ${var.replacement}"
  revoke_rules_on_delete = true

  ingress {
    description = "HTTP and more from everywhere"
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80 + var.generation
    cidr_blocks = ["0.0.0.0/0"]
  }

  ingress {
    description      = "HTTPS over both families"
    protocol         = "tcp"
    from_port        = 443
    to_port          = 443
    cidr_blocks      = ["10.0.0.0/8", "172.16.0.0/12"]
    ipv6_cidr_blocks = ["2001:db8::/32"]
  }

  ingress {
    description = "Everything among themselves"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    self        = true
  }

  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }

  tags = local.tags

  # The databases' rule refers to this group: the new one has to exist before the old one goes.
  lifecycle {
    create_before_destroy = true
  }
}

# A rule whose source is another group; no way out.
resource "aws_security_group" "database" {
  name_prefix = "${var.name}-database-"
  description = "Databases"

  ingress {
    protocol        = "tcp"
    from_port       = 5432
    to_port         = 5432
    security_groups = [aws_security_group.web.id]
  }

  egress = []

  lifecycle {
    create_before_destroy = true
  }
}

# The same argument written as an attribute.
resource "aws_security_group" "listed" {
  name = "${var.name}-listed"

  ingress = [
    for port in range(9000, 9001 + var.generation) : {
      description      = ""
      protocol         = "tcp"
      from_port        = port
      to_port          = port
      cidr_blocks      = ["192.0.2.0/24"]
      ipv6_cidr_blocks = []
      prefix_list_ids  = []
      security_groups  = []
      self             = false
    }
  ]
}

# Database: a primary with a secret, and its replica.

resource "aws_db_instance" "primary" {
  identifier                 = "${var.name}-primary"
  engine                     = "postgres"
  engine_version             = "15.4"
  instance_class             = var.generation == 1 ? "db.t3.medium" : "db.t3.large"
  db_name                    = "six"
  username                   = "six_admin"
  password                   = var.db_password
  port                       = 5432
  storage_type               = "gp3"
  storage_encrypted          = true
  allocated_storage          = 20 * var.generation
  max_allocated_storage      = 200
  vpc_security_group_ids     = [aws_security_group.database.id]
  backup_retention_period    = 1 + var.generation
  backup_window              = "03:00-04:00"
  maintenance_window         = "sun:05:00-sun:06:00"
  auto_minor_version_upgrade = false
  copy_tags_to_snapshot      = true
  apply_immediately          = true
  skip_final_snapshot        = true
  tags                       = local.tags
}

resource "aws_db_instance" "replica" {
  identifier                 = "${var.name}-replica-${var.replacement}"
  replicate_source_db        = aws_db_instance.primary.identifier
  instance_class             = "db.t3.medium"
  storage_encrypted          = true
  max_allocated_storage      = 200
  vpc_security_group_ids     = [aws_security_group.database.id]
  maintenance_window         = "sun:06:00-sun:07:00"
  auto_minor_version_upgrade = false
  apply_immediately          = true
  skip_final_snapshot        = true
  tags                       = merge(local.tags, { Role = "replica" })

  lifecycle {
    replace_triggered_by = [terraform_data.edition]
  }
}

# Bucket: one object of AWS, three resources, many APIs.

resource "aws_s3_bucket" "data" {
  bucket        = "${var.name}-data-${var.replacement}"
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id

  versioning_configuration {
    status = var.generation == 1 ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    id     = "logs"
    status = "Enabled"

    filter {
      prefix = "logs/"
    }

    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }

    transition {
      days          = 90
      storage_class = "GLACIER"
    }

    expiration {
      days = 364 + var.generation
    }
  }

  rule {
    id     = "scratch"
    status = var.generation == 1 ? "Enabled" : "Disabled"

    filter {
      and {
        prefix = "scratch/"

        tags = {
          keep  = "no"
          owner = "nobody"
        }
      }
    }

    expiration {
      days = 1
    }
  }

  rule {
    id     = "versions"
    status = "Enabled"

    filter {}

    noncurrent_version_transition {
      noncurrent_days = 30
      storage_class   = "STANDARD_IA"
    }

    noncurrent_version_expiration {
      noncurrent_days = 60 + var.generation
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.data]
}

# Role: policies as JSON, compared by meaning.

resource "aws_iam_role" "app" {
  name                  = "${var.name}-app"
  path                  = "/${var.name}/"
  description           = "Application, generation ${var.generation}"
  max_session_duration  = 3600 * var.generation
  force_detach_policies = true

  # Written as AWS never gives it back: order of keys, a list of one, blanks.
  assume_role_policy = <<-JSON
    {
      "Statement": [
        { "Principal": { "Service": ["ec2.amazonaws.com"] }, "Effect": "Allow", "Action": ["sts:AssumeRole"] }
      ],
      "Version": "2012-10-17"
    }
  JSON

  inline_policy {
    name = "read-data"

    policy = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = var.generation == 1 ? ["s3:GetObject"] : ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = "${aws_s3_bucket.data.arn}/*"
      }]
    })
  }

  managed_policy_arns = concat(
    ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"],
    var.generation == 1 ? [] : ["arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"],
  )

  tags = local.tags
}

resource "aws_iam_role" "plain" {
  name_prefix = "${var.name}-plain-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

# The engine's own type.

resource "terraform_data" "edition" {
  input            = { generation = var.generation, bucket = aws_s3_bucket.data.id }
  triggers_replace = [var.replacement]
}

resource "terraform_data" "each" {
  for_each = toset([for number in range(var.generation + 1) : "part-${number}"])

  input = "${each.key} of ${terraform_data.edition.output.generation}"
}

output "endpoints" {
  description = "Hosts and ports of both databases."
  value       = { primary = aws_db_instance.primary.endpoint, replica = aws_db_instance.replica.endpoint }
}

output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.data.id
}

output "connection" {
  description = "How to connect, with the password."
  value       = "postgres://${aws_db_instance.primary.username}:${var.db_password}@${aws_db_instance.primary.endpoint}/six"
  sensitive   = true
}

output "role_arns" {
  description = "ARNs of the roles."
  value       = [aws_iam_role.app.arn, aws_iam_role.plain.arn]
}
