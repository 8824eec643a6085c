locals {
  suffix = var.bucket_suffix == "" ? "" : "-${var.bucket_suffix}"

  buckets = {
    for purpose in ["media", "static", "backups"] : purpose => "${var.environment}-muejam-${purpose}${local.suffix}"
  }

  versioned = {
    media   = var.enable_versioning
    static  = var.enable_versioning
    backups = true
  }

  # What browsers may do with a bucket.
  cors_methods = {
    media  = ["GET", "HEAD", "POST", "PUT"]
    static = ["GET", "HEAD"]
  }
}

resource "aws_s3_bucket" "main" {
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy

  tags = {
    Name    = each.value
    Purpose = each.key
  }
}

resource "aws_s3_bucket_ownership_controls" "main" {
  for_each = aws_s3_bucket.main

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "main" {
  for_each = aws_s3_bucket.main

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "main" {
  for_each = aws_s3_bucket.main

  bucket = each.value.id

  versioning_configuration {
    status = local.versioned[each.key] ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  for_each = aws_s3_bucket.main

  bucket = each.value.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "main" {
  for_each = local.cors_methods

  bucket = aws_s3_bucket.main[each.key].id

  cors_rule {
    id              = "browsers"
    allowed_headers = ["*"]
    allowed_methods = each.value
    allowed_origins = var.allowed_origins
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = aws_s3_bucket.main

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "main" {
  for_each = aws_s3_bucket.main

  bucket = each.value.id
  policy = data.aws_iam_policy_document.tls_only[each.key].json

  # S3 refuses two changes of a bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.main]
}
