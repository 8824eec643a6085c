resource "aws_s3_bucket" "data" {
  bucket = "${var.name}-data-${var.replacement}"
  tags   = local.generation
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id

  versioning_configuration {
    status = local.first ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    object_ownership = local.first ? "BucketOwnerPreferred" : "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket              = aws_s3_bucket.data.id
  block_public_acls   = true
  block_public_policy = local.first
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    bucket_key_enabled = local.first

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["*"]
    max_age_seconds = 600 * var.generation
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    id     = "old"
    status = "Enabled"

    filter {}

    expiration {
      days = 30 * var.generation
    }
  }

  depends_on = [aws_s3_bucket_versioning.data]
}

resource "aws_s3_bucket_policy" "data" {
  bucket = aws_s3_bucket.data.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = local.first ? "s3:PutObject" : "s3:*"
      Resource  = "${aws_s3_bucket.data.arn}/*"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.data]
}

resource "aws_kms_key" "main" {
  description             = "Data of generation ${var.generation}"
  deletion_window_in_days = 7
  enable_key_rotation     = local.first
  tags                    = local.generation
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.name}-${var.replacement}"
  target_key_id = aws_kms_key.main.key_id
}

resource "aws_dynamodb_table" "events" {
  name         = "${var.name}-events-${var.replacement}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "Source"

  attribute {
    name = "Source"
    type = "S"
  }

  point_in_time_recovery {
    enabled = local.first
  }

  tags = local.generation
}

resource "aws_db_subnet_group" "main" {
  name        = var.name
  description = "Subnets, generation ${var.generation}"
  subnet_ids  = [for subnet in aws_subnet.main : subnet.id]
}

resource "aws_db_parameter_group" "main" {
  name_prefix = "${var.name}-"
  family      = "postgres15"
  description = "Edition ${var.replacement}"

  parameter {
    name  = "log_min_duration_statement"
    value = tostring(500 * var.generation)
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "main" {
  identifier             = "${var.name}-main"
  engine                 = "postgres"
  engine_version         = "15.4"
  instance_class         = local.first ? "db.t3.medium" : "db.t3.large"
  username               = "forty"
  password               = random_password.database.result
  allocated_storage      = 20
  db_subnet_group_name   = aws_db_subnet_group.main.name
  parameter_group_name   = aws_db_parameter_group.main.name
  vpc_security_group_ids = [aws_security_group.database.id]
  backup_window          = "02:00-03:00"
  maintenance_window     = "mon:04:00-mon:05:00"
  apply_immediately      = true
  skip_final_snapshot    = true
  tags                   = local.generation
}
