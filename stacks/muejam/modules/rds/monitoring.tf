# Enhanced monitoring

data "aws_partition" "current" {}

data "aws_iam_policy_document" "monitoring_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  count = var.monitoring_interval > 0 ? 1 : 0

  name_prefix        = "${local.name}-rds-monitoring-"
  description        = "Lets RDS send the metrics of enhanced monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring_assume.json

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = var.monitoring_interval > 0 ? 1 : 0

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# Alarms

locals {
  # Identifiers from the instances, so that no alarm is there before what it watches.
  instance_ids = merge(
    { primary = aws_db_instance.primary.identifier },
    { for number, instance in aws_db_instance.replica : "replica-${number}" => instance.identifier },
  )
}

resource "aws_cloudwatch_metric_alarm" "cpu" {
  for_each = local.instance_ids

  alarm_name          = "${each.value}-cpu-high"
  alarm_description   = "CPU utilization of ${each.value} is above 80 %."
  namespace           = "AWS/RDS"
  metric_name         = "CPUUtilization"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  period              = 300
  evaluation_periods  = 2
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  dimensions = {
    DBInstanceIdentifier = each.value
  }
}

resource "aws_cloudwatch_metric_alarm" "connections" {
  for_each = local.instance_ids

  alarm_name          = "${each.value}-connections-high"
  alarm_description   = "More than 80 % of the connections of ${each.value} are in use."
  namespace           = "AWS/RDS"
  metric_name         = "DatabaseConnections"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = floor(var.max_connections * 0.8)
  period              = 300
  evaluation_periods  = 2
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  dimensions = {
    DBInstanceIdentifier = each.value
  }
}

resource "aws_cloudwatch_metric_alarm" "replica_lag" {
  for_each = aws_db_instance.replica

  alarm_name          = "${each.value.identifier}-lag-high"
  alarm_description   = "${each.value.identifier} is more than 1 s behind the primary."
  namespace           = "AWS/RDS"
  metric_name         = "ReplicaLag"
  statistic           = "Average"
  unit                = "Seconds"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  dimensions = {
    DBInstanceIdentifier = each.value.identifier
  }
}
