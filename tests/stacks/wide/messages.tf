resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  display_name      = "Alarms, generation ${var.generation}"
  kms_master_key_id = local.first ? "alias/aws/sns" : null
  tracing_config    = "PassThrough"
  signature_version = 2

  delivery_policy = jsonencode({
    http = {
      defaultHealthyRetryPolicy = {
        minDelayTarget     = 20
        maxDelayTarget     = 20
        numRetries         = 3 + var.generation
        numMaxDelayRetries = 0
        numNoDelayRetries  = 0
        numMinDelayRetries = 0
        backoffFunction    = "linear"
      }
      disableSubscriptionOverrides = false
    }
  })

  tags = local.generation
}

resource "aws_sns_topic" "ordered" {
  name                        = "${var.name}-ordered-${var.replacement}.fifo"
  fifo_topic                  = true
  content_based_deduplication = local.first

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Publish"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}-ordered-${var.replacement}.fifo"
    }]
  })
}

resource "aws_sqs_queue" "dead" {
  name_prefix               = "${var.name}-dead-"
  message_retention_seconds = 1209600

  redrive_allow_policy = jsonencode({
    redrivePermission = "allowAll"
  })
}

resource "aws_sqs_queue" "work" {
  name                              = "${var.name}-work"
  delay_seconds                     = 5 * var.generation
  max_message_size                  = 131072
  message_retention_seconds         = 86400
  receive_wait_time_seconds         = 10
  visibility_timeout_seconds        = 30 * var.generation
  kms_master_key_id                 = "alias/aws/sqs"
  kms_data_key_reuse_period_seconds = 600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Topic"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-work"
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.alarms.arn } }
    }]
  })

  tags = local.generation
}

resource "aws_sqs_queue" "ordered" {
  name                        = "${var.name}-ordered-${var.replacement}.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
  sqs_managed_sse_enabled     = true
}

resource "aws_sns_topic_subscription" "work" {
  topic_arn            = aws_sns_topic.alarms.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.work.arn
  raw_message_delivery = local.first
  filter_policy_scope  = "MessageBody"

  filter_policy = jsonencode({
    AlarmName = [{ prefix = "${var.name}-" }]
  })

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
  })
}

resource "aws_sns_topic_subscription" "ordered" {
  topic_arn = aws_sns_topic.ordered.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.ordered.arn
}
