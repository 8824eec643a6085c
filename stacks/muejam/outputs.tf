# Network

output "vpc_id" {
  description = "VPC of the environment."
  value       = module.networking.vpc_id
}

output "public_subnet_ids" {
  description = "Public subnets in the order of the availability zones."
  value       = module.networking.public_subnet_ids
}

output "private_subnet_ids" {
  description = "Private subnets in the order of the availability zones."
  value       = module.networking.private_subnet_ids
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet."
  value       = module.networking.nat_public_ips
}

# Application

output "app_security_group_id" {
  description = "Security group for application servers."
  value       = aws_security_group.app.id
}

output "app_policy_arn" {
  description = "IAM policy for the role of application servers."
  value       = aws_iam_policy.app.arn
}

# Database

output "db_primary_endpoint" {
  description = "Host and port of the primary."
  value       = module.rds.primary_endpoint
}

output "db_replica_1_endpoint" {
  description = "Host and port of the first read replica; null without one."
  value       = try(module.rds.replica_endpoints[0], null)
}

output "db_replica_endpoints" {
  description = "Hosts and ports of all read replicas."
  value       = module.rds.replica_endpoints
}

output "db_master_username" {
  description = "Name of the master user."
  value       = module.rds.master_username
  sensitive   = true
}

output "db_master_user_secret_arn" {
  description = "Secret with the master password that RDS manages; null where a password was given."
  value       = module.rds.master_user_secret_arn
}

# S3

output "s3_media_bucket_id" {
  description = "Bucket of user uploads."
  value       = module.s3.media_bucket_id
}

output "s3_static_bucket_id" {
  description = "Bucket of static assets."
  value       = module.s3.static_bucket_id
}

output "s3_backups_bucket_id" {
  description = "Bucket of backups."
  value       = module.s3.backups_bucket_id
}

# Alarms

output "alarm_topic_arn" {
  description = "Topic to which all alarms go."
  value       = aws_sns_topic.alarms.arn
}

output "alarm_queue_url" {
  description = "Queue from which the application takes alarms; null where it is turned off."
  value       = one(aws_sqs_queue.alarms[*].url)
}
