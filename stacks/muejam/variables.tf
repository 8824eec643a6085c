variable "environment" {
  description = "Environment that this run provisions. It is part of every name."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "production"], var.environment)
    error_message = "The environment must be dev, staging or production."
  }
}

variable "aws_region" {
  description = "Region of everything except global services."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "The region must look like us-east-1."
  }
}

# Networking

variable "vpc_cidr" {
  description = "IPv4 range of the VPC."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "The VPC's range must be an IPv4 CIDR block such as 10.0.0.0/16."
  }
}

variable "availability_zones" {
  description = "Availability zones, one for each pair of a public and a private subnet. Null takes the region's first ones."
  type        = list(string)
  default     = null
}

variable "public_subnet_cidrs" {
  description = "IPv4 ranges of the public subnets, one for each availability zone."
  type        = list(string)
  default     = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
}

variable "private_subnet_cidrs" {
  description = "IPv4 ranges of the private subnets, one for each availability zone."
  type        = list(string)
  default     = ["10.0.11.0/24", "10.0.12.0/24", "10.0.13.0/24"]
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all availability zones instead of one in each: cheaper, but its zone takes the others down with it."
  type        = bool
  default     = false
}

# Application

variable "app_port" {
  description = "TCP port on which the application listens inside the VPC."
  type        = number
  default     = 8000

  validation {
    condition     = var.app_port >= 1 && var.app_port <= 65535 && floor(var.app_port) == var.app_port
    error_message = "The application's port must be a whole number from 1 to 65535."
  }
}

# Database

variable "db_name" {
  description = "Name of the database that is created with the primary instance."
  type        = string
  default     = "muejam"
}

variable "db_master_username" {
  description = "Name of the master user."
  type        = string
  default     = "muejam_admin"
}

variable "db_master_password" {
  description = "Password of the master user. Null lets RDS make, keep and rotate one in Secrets Manager, which RDS for PostgreSQL allows only for an instance without read replicas."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.db_master_password == null ? true : can(regex("^[!#-.0-?A-~]{8,128}$", var.db_master_password))
    error_message = "The master password must have 8 to 128 printable ASCII characters other than slash, double quote, at sign and space."
  }
}

variable "db_postgres_version" {
  description = "PostgreSQL version: 15.4 pins the minor version, 15 lets RDS upgrade it."
  type        = string
  default     = "15.4"
}

variable "db_instance_class" {
  description = "Instance class of the primary."
  type        = string
  default     = "db.t3.medium"
}

variable "db_replica_instance_class" {
  description = "Instance class of the read replicas. Null takes the primary's."
  type        = string
  default     = null
}

variable "db_allocated_storage" {
  description = "Storage to start with, in GiB."
  type        = number
  default     = 100
}

variable "db_max_allocated_storage" {
  description = "Limit in GiB up to which RDS grows the storage by itself."
  type        = number
  default     = 500
}

variable "db_max_connections" {
  description = "Limit of client connections of each instance. The connections alarm goes off at 80 % of it."
  type        = number
  default     = 200
}

variable "db_create_read_replicas" {
  description = "Whether the primary gets read replicas."
  type        = bool
  default     = true
}

variable "db_replica_count" {
  description = "Number of read replicas where they are created."
  type        = number
  default     = 1
}

variable "db_multi_az" {
  description = "Whether the primary has a standby in another availability zone."
  type        = bool
  default     = true
}

variable "db_backup_retention_period" {
  description = "Days for which automated backups are kept."
  type        = number
  default     = 30
}

variable "db_monitoring_interval" {
  description = "Seconds between two points of enhanced monitoring. 0 turns it off."
  type        = number
  default     = 60
}

variable "db_performance_insights_enabled" {
  description = "Whether Performance Insights records the database load."
  type        = bool
  default     = true
}

variable "db_apply_immediately" {
  description = "Whether changes of the database are made at once and not in the next maintenance window."
  type        = bool
  default     = false
}

variable "db_deletion_protection" {
  description = "Whether AWS refuses to delete the primary."
  type        = bool
  default     = false
}

variable "db_skip_final_snapshot" {
  description = "Whether the primary is deleted without a last snapshot."
  type        = bool
  default     = false
}

# Storage

variable "s3_bucket_suffix" {
  description = "Suffix of all bucket names, for when the plain names are taken: bucket names are unique across all AWS accounts."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$", var.s3_bucket_suffix))
    error_message = "The suffix may have up to 32 lower-case letters, digits and inner hyphens."
  }
}

variable "s3_enable_versioning" {
  description = "Whether the media and static buckets keep former versions of their objects. The backups bucket always does."
  type        = bool
  default     = true
}

variable "s3_allowed_origins" {
  description = "Origins from which browsers may use the media and static buckets."
  type        = list(string)
  default     = ["https://muejam.com"]
}

variable "s3_backup_retention_days" {
  description = "Days for which objects in the backups bucket are kept."
  type        = number
  default     = 90
}

variable "s3_bucket_size_alert_threshold" {
  description = "Bucket size in bytes above which an alarm goes off."
  type        = number
  default     = 107374182400
}

variable "s3_force_destroy" {
  description = "Whether buckets are deleted together with their objects."
  type        = bool
  default     = false
}

# Alarms

variable "alarm_email" {
  description = "Address that is told about alarms. AWS sends it a message to confirm first. Null tells nobody."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null ? true : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", var.alarm_email))
    error_message = "The alarm address must be an e-mail address."
  }
}

variable "alarm_queue_enabled" {
  description = "Whether alarms also go to a queue, from which the application's alert manager takes them."
  type        = bool
  default     = true
}
