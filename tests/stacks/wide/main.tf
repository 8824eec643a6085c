# Every resource type and data source of AWS that the engine started with, with many of their arguments.
#
# generation changes what AWS changes in place, replacement what it replaces.

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Stack = "wide"
    }
  }
}

variable "name" {
  description = "First part of every name."
  type        = string
  default     = "wide"
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

variable "db_password" {
  description = "Password of the database's master user."
  type        = string
  default     = "not-a-real-secret-1"
  sensitive   = true
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  state         = "available"
  exclude_names = ["us-east-1f"]
}

data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "architecture"
    values = ["x86_64"]
  }

  filter {
    name   = "name"
    values = ["amzn2-ami-hvm-*"]
  }
}

locals {
  account    = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
  zones      = slice(data.aws_availability_zones.available.names, 0, 2)
  first      = var.generation == 1
  generation = { Generation = tostring(var.generation) }
}

resource "terraform_data" "edition" {
  input            = { image = data.aws_ami.linux.id, generation = var.generation }
  triggers_replace = [var.replacement]
}
