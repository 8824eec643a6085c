resource "aws_iam_role" "app" {
  name                 = "${var.name}-app"
  path                 = "/${var.name}/"
  description          = "Application, generation ${var.generation}"
  max_session_duration = 3600 * var.generation

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role" "generated" {
  name_prefix = "${var.name}-generated-"
  description = "Edition ${var.replacement}"
  path        = "/${var.name}/${var.replacement}/"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

# Replaced where it stands: attachments have to go first.
resource "aws_iam_policy" "bucket" {
  name        = "${var.name}-bucket"
  description = "Edition ${var.replacement}"
  tags        = local.generation

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = local.first ? ["s3:GetObject"] : ["s3:GetObject", "s3:PutObject"]
      Resource = "${aws_s3_bucket.data.arn}/*"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "bucket" {
  role       = aws_iam_role.app.name
  policy_arn = aws_iam_policy.bucket.arn
}

resource "aws_iam_role_policy" "queue" {
  name = "queue"
  role = aws_iam_role.generated.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.work.arn }]
  })
}

resource "aws_iam_instance_profile" "app" {
  name = "${var.name}-app-${var.replacement}"
  role = aws_iam_role.app.name
  tags = local.generation
}

resource "aws_iam_openid_connect_provider" "builds" {
  url             = "https://token.example.com"
  client_id_list  = local.first ? ["sts.amazonaws.com"] : ["sts.amazonaws.com", "builds"]
  thumbprint_list = ["1111111111111111111111111111111111111111"]
}
