# Keys and tables, and data sources that read what the stack itself has made.
#
# generation changes what AWS changes in place, replacement what it replaces.

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Stack = "keys"
    }
  }
}

variable "name" {
  description = "First part of every name."
  type        = string
  default     = "keys"
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

locals {
  first      = var.generation == 1
  generation = { Generation = tostring(var.generation) }
}

data "aws_caller_identity" "current" {}

resource "aws_kms_key" "main" {
  description             = "Data of generation ${var.generation}"
  enable_key_rotation     = local.first
  deletion_window_in_days = 7

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Account"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = local.first ? ["kms:*"] : ["kms:*", "kms:CreateGrant"]
      Resource  = "*"
    }]
  })

  tags = local.generation
}

resource "aws_kms_key" "signing" {
  description              = "Signatures ${var.replacement}"
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = var.replacement == 1 ? "RSA_2048" : "ECC_NIST_P256"
  is_enabled               = local.first
  deletion_window_in_days  = 7
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.name}-main-${var.replacement}"
  target_key_id = aws_kms_key.main.key_id
}

resource "aws_dynamodb_table" "locks" {
  name         = "${var.name}-locks"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  attribute {
    name = "LockID"
    type = "S"
  }

  point_in_time_recovery {
    enabled = local.first
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }

  tags = local.generation
}

resource "aws_dynamodb_table" "events" {
  name           = "${var.name}-events-${var.replacement}"
  billing_mode   = "PROVISIONED"
  read_capacity  = 5 * var.generation
  write_capacity = 5
  hash_key       = "Source"
  range_key      = "At"

  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "Source"
    type = "S"
  }

  attribute {
    name = "At"
    type = "N"
  }

  attribute {
    name = "Kind"
    type = "S"
  }

  global_secondary_index {
    name            = "by-kind"
    hash_key        = "Kind"
    range_key       = "At"
    projection_type = "ALL"
    read_capacity   = 5
    write_capacity  = 5 * var.generation
  }

  local_secondary_index {
    name               = "by-kind-of-source"
    range_key          = "Kind"
    projection_type    = "INCLUDE"
    non_key_attributes = ["Text"]
  }

  ttl {
    attribute_name = "Expires"
    enabled        = local.first
  }
}

data "aws_kms_alias" "main" {
  name = aws_kms_alias.main.name
}

output "key" {
  description = "Key behind the alias."
  value       = data.aws_kms_alias.main.target_key_arn
}

output "stream" {
  description = "Stream of events."
  value       = aws_dynamodb_table.events.stream_arn
}
