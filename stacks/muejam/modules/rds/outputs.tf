output "primary_endpoint" {
  description = "Host and port of the primary."
  value       = aws_db_instance.primary.endpoint
}

output "replica_endpoints" {
  description = "Hosts and ports of the read replicas, by their number."
  value       = [for number in range(1, length(aws_db_instance.replica) + 1) : aws_db_instance.replica[tostring(number)].endpoint]
}

output "port" {
  description = "TCP port of all instances."
  value       = var.port
}

output "master_username" {
  description = "Name of the master user."
  value       = aws_db_instance.primary.username
}

output "master_user_secret_arn" {
  description = "Secret with the master password that RDS manages; null where a password was given."
  value       = local.password_managed ? aws_db_instance.primary.master_user_secret[0].secret_arn : null
}

output "security_group_id" {
  description = "Security group of all instances."
  value       = aws_security_group.main.id
}
