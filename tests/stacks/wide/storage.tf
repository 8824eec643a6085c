resource "aws_s3_bucket" "data" {
  bucket        = "${var.name}-data-${var.replacement}"
  force_destroy = true
  tags          = merge(local.generation, { Name = "${var.name}-data" })
}

resource "aws_s3_bucket" "generated" {
  bucket_prefix = "${var.name}-generated-"
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    object_ownership = local.first ? "BucketOwnerPreferred" : "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = local.first
  restrict_public_buckets = !local.first
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id

  versioning_configuration {
    status = local.first ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    bucket_key_enabled = local.first

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "alias/aws/s3"
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "generated" {
  bucket = aws_s3_bucket.generated.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  cors_rule {
    id              = "upload"
    allowed_headers = ["*"]
    allowed_methods = ["POST", "PUT"]
    allowed_origins = ["https://www.example.com"]
    expose_headers  = ["ETag", "x-amz-request-id"]
    max_age_seconds = 600 * var.generation
  }

  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["*"]
  }
}

data "aws_iam_policy_document" "tls" {
  policy_id = "tls-only"

  statement {
    sid         = "DenyWithoutTls"
    effect      = "Deny"
    not_actions = ["s3:ListAllMyBuckets"]
    resources   = [aws_s3_bucket.data.arn, "${aws_s3_bucket.data.arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = [local.first ? "1.2" : "1.3"]
    }
  }
}

resource "aws_s3_bucket_policy" "data" {
  bucket     = aws_s3_bucket.data.id
  policy     = data.aws_iam_policy_document.tls.json
  depends_on = [aws_s3_bucket_public_access_block.data]
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    id     = "by-tag"
    status = "Enabled"

    filter {
      tag {
        key   = "keep"
        value = "no"
      }
    }

    expiration {
      days = 10 * var.generation
    }
  }

  rule {
    id     = "by-prefix"
    status = local.first ? "Enabled" : "Disabled"

    filter {
      prefix = "logs/"
    }

    transition {
      days          = 30
      storage_class = "INTELLIGENT_TIERING"
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "by-size"
    status = "Enabled"

    filter {
      object_size_greater_than = 131072
    }

    noncurrent_version_transition {
      noncurrent_days           = 30
      newer_noncurrent_versions = 2
      storage_class             = "GLACIER"
    }

    noncurrent_version_expiration {
      noncurrent_days           = 90
      newer_noncurrent_versions = 2
    }
  }

  rule {
    id     = "by-all"
    status = "Enabled"

    filter {
      and {
        prefix                   = "mixed/"
        object_size_greater_than = 500
        object_size_less_than    = 64000

        tags = {
          one = "1"
        }
      }
    }

    expiration {
      days = 400
    }
  }

  rule {
    id     = "all"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  depends_on = [aws_s3_bucket_versioning.data]
}
