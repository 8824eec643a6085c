resource "aws_sns_topic" "alarms" {
  name         = "${var.name}-alarms"
  display_name = "Alarms, generation ${var.generation}"
  tags         = local.generation
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Generation${var.generation}"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
    }]
  })
}

resource "aws_sqs_queue" "dead" {
  name_prefix               = "${var.name}-dead-"
  message_retention_seconds = 86400 * var.generation
}

resource "aws_sqs_queue" "work" {
  name                       = "${var.name}-work-${var.replacement}"
  visibility_timeout_seconds = 30 * var.generation
  tags                       = local.generation

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_sqs_queue_policy" "work" {
  queue_url = aws_sqs_queue.work.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Topic"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.work.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.alarms.arn } }
    }]
  })
}

resource "aws_sns_topic_subscription" "work" {
  topic_arn            = aws_sns_topic.alarms.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.work.arn
  raw_message_delivery = local.first
  depends_on           = [aws_sqs_queue_policy.work]
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "/${var.name}/app"
  retention_in_days = local.first ? 30 : 60
  tags              = local.generation
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors-${var.replacement}"
  log_group_name = aws_cloudwatch_log_group.app.name
  pattern        = local.first ? "ERROR" : "FATAL"

  metric_transformation {
    name      = "Errors"
    namespace = "Forty"
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors-${var.replacement}"
  namespace           = "Forty"
  metric_name         = "Errors"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10 * var.generation
  period              = 300
  evaluation_periods  = 1
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [{
      type       = "text", x = 0, y = 0, width = 6, height = 6
      properties = { markdown = "Generation ${var.generation} of ${local.account}" }
    }]
  })
}

resource "aws_ssm_parameter" "plain" {
  name  = "/${var.name}/queue"
  type  = "String"
  value = aws_sqs_queue.work.name
  tags  = local.generation
}

resource "aws_ssm_parameter" "secret" {
  name        = "/${var.name}/password-${var.replacement}"
  description = "Generation ${var.generation}"
  type        = "SecureString"
  value       = random_password.database.result
}
