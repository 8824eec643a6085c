# Where the alarms of all modules go.

locals {
  alarm_topic_name = "${local.name}-alarms"
  alarm_topic_arn  = "arn:${local.partition}:sns:${local.arn_suffix}:${local.alarm_topic_name}"
  alarm_queue_name = "${local.name}-alarms"
  alarm_queue_arn  = "arn:${local.partition}:sqs:${local.arn_suffix}:${local.alarm_queue_name}"
}

data "aws_iam_policy_document" "alarm_topic" {
  statement {
    sid       = "CloudWatchPublishes"
    actions   = ["sns:Publish"]
    resources = [local.alarm_topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic" "alarms" {
  name         = local.alarm_topic_name
  display_name = "MueJam ${var.environment} alarms"
  policy       = data.aws_iam_policy_document.alarm_topic.json
}

resource "aws_sns_topic_subscription" "alarm_email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

data "aws_iam_policy_document" "alarm_queue" {
  statement {
    sid       = "TopicSends"
    actions   = ["sqs:SendMessage"]
    resources = [local.alarm_queue_arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.alarms.arn]
    }
  }
}

resource "aws_sqs_queue" "alarms_dead_letter" {
  count = var.alarm_queue_enabled ? 1 : 0

  name                      = "${local.alarm_queue_name}-dead-letter"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "alarms" {
  count = var.alarm_queue_enabled ? 1 : 0

  name                       = local.alarm_queue_name
  message_retention_seconds  = 345600
  receive_wait_time_seconds  = 20
  visibility_timeout_seconds = 60
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.alarm_queue.json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.alarms_dead_letter[0].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sns_topic_subscription" "alarm_queue" {
  count = var.alarm_queue_enabled ? 1 : 0

  topic_arn            = aws_sns_topic.alarms.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.alarms[0].arn
  raw_message_delivery = true
}
