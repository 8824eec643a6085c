# What `stackctl bootstrap` makes, as a stack: for those who want the state backend itself under review. Its own state is
# local until it is moved: see README.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "bucket" {
  description = "Name of the bucket that holds the states."
  type        = string
}

variable "region" {
  description = "Region of bucket, key and table."
  type        = string
}

variable "lock_table" {
  description = "Name of the table for locks and digests; null for none (use_lockfile)."
  type        = string
  default     = null
}

variable "seal" {
  description = "Whether new states in the bucket are sealed with its key."
  type        = bool
  default     = true
}

provider "aws" {
  region = var.region
}

data "aws_partition" "current" {}

resource "aws_kms_key" "states" {
  description         = "States in the bucket ${var.bucket}"
  enable_key_rotation = true

  # The tag stackctl:seal is what makes new states sealed.
  tags = merge({ "stackctl:bucket" = var.bucket }, var.seal ? { "stackctl:seal" = var.bucket } : {})

  lifecycle {
    # Without the key nobody can read what it has encrypted.
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "states" {
  name          = "alias/stackctl-state-${replace(var.bucket, ".", "-")}"
  target_key_id = aws_kms_key.states.key_id
}

resource "aws_s3_bucket" "states" {
  bucket = var.bucket

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "states" {
  bucket = aws_s3_bucket.states.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "states" {
  bucket                  = aws_s3_bucket.states.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "states" {
  bucket = aws_s3_bucket.states.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "StackctlTlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource = [
        "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}",
        "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/*",
      ]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.states]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "states" {
  bucket = aws_s3_bucket.states.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.states.arn
    }
  }
}

# Touches no object that is current: journals are current until a fold deletes them, and the fences in them have to stay
# for thirty days at least.
resource "aws_s3_bucket_lifecycle_configuration" "states" {
  bucket = aws_s3_bucket.states.id

  rule {
    id     = "stackctl-old-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days           = 365
      newer_noncurrent_versions = 50
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.states]
}

resource "aws_dynamodb_table" "locks" {
  count        = var.lock_table == null ? 0 : 1
  name         = var.lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  attribute {
    name = "LockID"
    type = "S"
  }

  lifecycle {
    prevent_destroy = true
  }
}

output "backend" {
  description = "The backend block of stacks that keep their state here."
  value = {
    bucket         = aws_s3_bucket.states.id
    region         = var.region
    dynamodb_table = var.lock_table
    use_lockfile   = var.lock_table == null
  }
}
