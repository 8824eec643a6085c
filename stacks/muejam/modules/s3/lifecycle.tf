resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.main["media"].id

  rule {
    id     = "infrequent-access"
    status = "Enabled"

    filter {}

    transition {
      days          = 90
      storage_class = "STANDARD_IA"
    }
  }

  rule {
    id     = "former-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # A rule on former versions must not run while versioning is being set.
  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_lifecycle_configuration" "static" {
  bucket = aws_s3_bucket.main["static"].id

  rule {
    id     = "former-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = 7
      newer_noncurrent_versions = 3
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  bucket = aws_s3_bucket.main["backups"].id

  rule {
    id     = "retention"
    status = "Enabled"

    filter {}

    # Glacier pays off only for what stays long enough.
    dynamic "transition" {
      for_each = var.backup_retention_days > 30 ? [30] : []

      content {
        days          = transition.value
        storage_class = "GLACIER"
      }
    }

    expiration {
      days = var.backup_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.main]
}
