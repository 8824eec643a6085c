data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "Services"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = local.first ? ["ec2.amazonaws.com"] : ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]
    }
  }

  statement {
    sid     = "Account"
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = ["wide"]
    }
  }
}

resource "aws_iam_role" "app" {
  name                 = "${var.name}-app-${var.replacement}"
  path                 = "/${var.name}/"
  description          = "Application, generation ${var.generation}"
  max_session_duration = 3600 * var.generation
  permissions_boundary = local.first ? aws_iam_policy.boundary.arn : null
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  tags                 = local.generation
}

resource "aws_iam_role" "monitoring" {
  name_prefix = "${var.name}-monitoring-"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "monitoring.rds.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

data "aws_iam_policy_document" "bucket" {
  source_policy_documents = [data.aws_iam_policy_document.logs.json]

  statement {
    sid       = "Bucket"
    actions   = local.first ? ["s3:GetObject"] : ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
  }
}

data "aws_iam_policy_document" "logs" {
  statement {
    sid       = "Logs"
    actions   = ["logs:PutLogEvents", "logs:CreateLogStream"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:*"]
  }
}

resource "aws_iam_policy" "bucket" {
  name        = "${var.name}-bucket"
  path        = "/${var.name}/"
  description = "Edition ${var.replacement}"
  policy      = data.aws_iam_policy_document.bucket.json
  tags        = local.generation
}

resource "aws_iam_policy" "boundary" {
  name_prefix = "${var.name}-boundary-"

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "bucket" {
  role       = aws_iam_role.app.name
  policy_arn = aws_iam_policy.bucket.arn
}

resource "aws_iam_role_policy" "queue" {
  name = "queue"
  role = aws_iam_role.app.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = local.first ? ["sqs:SendMessage"] : ["sqs:SendMessage", "sqs:ReceiveMessage"]
      Resource = aws_sqs_queue.work.arn
    }]
  })
}

resource "aws_iam_role_policy" "generated" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.app.name
  policy      = data.aws_iam_policy_document.logs.json
}

resource "aws_iam_instance_profile" "app" {
  name = "${var.name}-app"
  path = "/${var.name}/"
  role = aws_iam_role.app.name
  tags = local.generation
}
