output "vpc" {
  description = "Ids and ranges of the network."
  value = {
    id      = data.aws_vpc.main.id
    cidr    = data.aws_vpc.main.cidr_block
    private = sort(data.aws_subnets.private.ids)
  }
}

output "image" {
  description = "Newest image that was found."
  value       = data.aws_ami.linux.id
}

output "database" {
  description = "Host and port of the database."
  value       = aws_db_instance.main.endpoint
}

output "connection" {
  description = "How to connect, with the password."
  value       = "postgres://${aws_db_instance.main.username}:${var.db_password}@${aws_db_instance.main.endpoint}/wide"
  sensitive   = true
}

output "queue" {
  description = "Queue of work."
  value       = aws_sqs_queue.work.url
}
