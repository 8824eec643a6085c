# More than forty objects of more than forty types, as small as each of them can be: the stack that is killed at every request.
#
# generation changes what AWS changes in place, replacement what it replaces, in both orders.

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Stack = "forty"
    }
  }
}

variable "name" {
  description = "First part of every name."
  type        = string
  default     = "forty"
}

variable "generation" {
  description = "Each number gives other values to arguments that AWS changes in place."
  type        = number
  default     = 1
}

variable "replacement" {
  description = "Each number gives other values to arguments that AWS cannot change."
  type        = number
  default     = 1
}

data "aws_caller_identity" "current" {}

locals {
  account    = data.aws_caller_identity.current.account_id
  first      = var.generation == 1
  generation = { Generation = tostring(var.generation) }
}

resource "terraform_data" "edition" {
  input            = { bucket = aws_s3_bucket.data.id, generation = var.generation }
  triggers_replace = [var.replacement]
}

resource "random_password" "database" {
  length  = 20
  special = false
  keepers = { Edition = tostring(var.replacement) }
}

output "bucket" {
  description = "Name of the bucket."
  value       = terraform_data.edition.output.bucket
}

output "connection" {
  description = "How to connect, with the password."
  value       = "postgres://${aws_db_instance.main.username}:${random_password.database.result}@${aws_db_instance.main.endpoint}/forty"
  sensitive   = true
}
