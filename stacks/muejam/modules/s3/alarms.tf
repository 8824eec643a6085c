# S3 reports a bucket's size once a day.
resource "aws_cloudwatch_metric_alarm" "size" {
  for_each = aws_s3_bucket.main

  alarm_name          = "${each.value.id}-size-high"
  alarm_description   = "The bucket ${each.value.id} is larger than ${floor(var.bucket_size_alert_threshold / 1073741824)} GiB."
  namespace           = "AWS/S3"
  metric_name         = "BucketSizeBytes"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.bucket_size_alert_threshold
  period              = 86400
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  dimensions = {
    BucketName  = each.value.id
    StorageType = "StandardStorage"
  }
}
