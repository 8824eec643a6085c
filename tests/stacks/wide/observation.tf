resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["postgresql", "upgrade"])

  name              = "/aws/rds/instance/${var.name}-main/${each.key}"
  retention_in_days = local.first ? 30 : 60
  tags              = local.generation
}

resource "aws_cloudwatch_log_group" "archive" {
  name_prefix     = "/${var.name}/archive-"
  log_group_class = var.replacement == 1 ? "INFREQUENT_ACCESS" : "STANDARD"
  skip_destroy    = false
}

resource "aws_cloudwatch_metric_alarm" "simple" {
  alarm_name                = "${var.name}-cpu"
  alarm_description         = "CPU utilization, generation ${var.generation}"
  namespace                 = "AWS/RDS"
  metric_name               = "CPUUtilization"
  statistic                 = "Average"
  unit                      = "Percent"
  comparison_operator       = "GreaterThanOrEqualToThreshold"
  threshold                 = 80 + var.generation
  period                    = 300
  evaluation_periods        = 3
  datapoints_to_alarm       = 2
  treat_missing_data        = "missing"
  actions_enabled           = local.first
  alarm_actions             = [aws_sns_topic.alarms.arn]
  ok_actions                = [aws_sns_topic.alarms.arn]
  insufficient_data_actions = []
  tags                      = local.generation

  dimensions = {
    DBInstanceIdentifier = aws_db_instance.main.identifier
  }
}

resource "aws_cloudwatch_metric_alarm" "percentile" {
  alarm_name                            = "${var.name}-latency"
  namespace                             = "AWS/RDS"
  metric_name                           = "ReadLatency"
  extended_statistic                    = "p99.9"
  evaluate_low_sample_count_percentiles = "ignore"
  comparison_operator                   = "GreaterThanThreshold"
  threshold                             = 0.25
  period                                = 60
  evaluation_periods                    = 5

  dimensions = {
    DBInstanceIdentifier = aws_db_instance.main.identifier
  }
}

resource "aws_cloudwatch_metric_alarm" "expression" {
  alarm_name          = "${var.name}-share"
  comparison_operator = "LessThanThreshold"
  threshold           = 10
  evaluation_periods  = 2
  treat_missing_data  = "breaching"

  metric_query {
    id          = "share"
    expression  = "100 * used / (used + free)"
    label       = "Share in use"
    return_data = true
  }

  metric_query {
    id = "used"

    metric {
      namespace   = "Wide"
      metric_name = "Used"
      period      = 300
      stat        = "Sum"
      unit        = "Count"

      dimensions = {
        Pool = var.name
      }
    }
  }

  metric_query {
    id = "free"

    metric {
      namespace   = "Wide"
      metric_name = "Free"
      period      = 300
      stat        = "Sum"
    }
  }
}

resource "aws_ssm_parameter" "plain" {
  name            = "/${var.name}/plain"
  description     = "Generation ${var.generation}"
  type            = "String"
  value           = "value-${var.generation}"
  allowed_pattern = "^value-[0-9]+$"
  data_type       = "text"
  tier            = "Standard"
  tags            = local.generation
}

resource "aws_ssm_parameter" "list" {
  name  = "/${var.name}/list"
  type  = "StringList"
  value = join(",", data.aws_subnets.private.ids)
}

resource "aws_ssm_parameter" "secret" {
  name   = "/${var.name}/secret"
  type   = "SecureString"
  value  = var.db_password
  key_id = "alias/aws/ssm"
  tier   = local.first ? "Standard" : "Advanced"
}

resource "aws_ssm_parameter" "image" {
  name           = "/${var.name}/image"
  type           = "String"
  insecure_value = data.aws_ami.linux.id
}
