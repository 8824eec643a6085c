variable "environment" {
  description = "Environment, the first part of every name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets of the database, in at least two availability zones."
  type        = list(string)
}

variable "app_security_group_id" {
  description = "Security group that may connect to the database."
  type        = string
}

variable "database_name" {
  description = "Name of the database that is created with the primary."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z_][a-zA-Z0-9_]{0,62}$", var.database_name))
    error_message = "The database's name must start with a letter or underscore, followed by up to 62 letters, digits and underscores."
  }
}

variable "master_username" {
  description = "Name of the master user."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9_]{0,62}$", var.master_username))
    error_message = "The master user's name must start with a letter, followed by up to 62 letters, digits and underscores."
  }
}

variable "master_password" {
  description = "Password of the master user. Null lets RDS manage one in Secrets Manager."
  type        = string
  default     = null
  sensitive   = true
}

variable "postgres_version" {
  description = "PostgreSQL version: 15.4 pins the minor version, 15 lets RDS upgrade it."
  type        = string

  validation {
    condition     = can(regex("^[1-9][0-9]([.][0-9]+)?$", var.postgres_version))
    error_message = "The PostgreSQL version must look like 15 or 15.4."
  }
}

variable "port" {
  description = "TCP port of all instances."
  type        = number
  default     = 5432
}

variable "db_instance_class" {
  description = "Instance class of the primary."
  type        = string

  validation {
    condition     = startswith(var.db_instance_class, "db.")
    error_message = "The instance class must start with db., as in db.t3.medium."
  }
}

variable "replica_instance_class" {
  description = "Instance class of the read replicas. Null takes the primary's."
  type        = string
  default     = null
}

variable "allocated_storage" {
  description = "Storage to start with, in GiB."
  type        = number

  validation {
    condition     = var.allocated_storage >= 20
    error_message = "General purpose storage starts at 20 GiB."
  }
}

variable "max_allocated_storage" {
  description = "Limit in GiB up to which RDS grows the storage by itself."
  type        = number

  validation {
    condition     = var.max_allocated_storage > var.allocated_storage
    error_message = "The limit of the storage must be greater than what it starts with."
  }
}

variable "max_connections" {
  description = "Limit of client connections of each instance."
  type        = number
  default     = 200
}

variable "create_read_replicas" {
  description = "Whether there are read replicas."
  type        = bool
  default     = false
}

variable "replica_count" {
  description = "Number of read replicas where they are created."
  type        = number
  default     = 1

  validation {
    condition     = var.replica_count >= 0 && var.replica_count <= 15 && floor(var.replica_count) == var.replica_count
    error_message = "The number of read replicas must be a whole number from 0 to 15."
  }
}

variable "multi_az" {
  description = "Whether the primary has a standby in another availability zone."
  type        = bool
  default     = false
}

variable "backup_retention_period" {
  description = "Days for which automated backups are kept. Replication needs at least one."
  type        = number
  default     = 30

  validation {
    condition     = var.backup_retention_period >= 1 && var.backup_retention_period <= 35
    error_message = "Automated backups can be kept for 1 to 35 days."
  }
}

variable "backup_window" {
  description = "Daily time of the backups, in UTC."
  type        = string
  default     = "03:00-04:00"
}

variable "maintenance_window" {
  description = "Weekly time of maintenance, in UTC."
  type        = string
  default     = "sun:05:00-sun:06:00"
}

variable "log_retention_days" {
  description = "Days for which the database's logs are kept."
  type        = number
  default     = 30
}

variable "monitoring_interval" {
  description = "Seconds between two points of enhanced monitoring. 0 turns it off."
  type        = number
  default     = 60

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_interval)
    error_message = "The interval must be 0, 1, 5, 10, 15, 30 or 60 seconds."
  }
}

variable "performance_insights_enabled" {
  description = "Whether Performance Insights records the database load."
  type        = bool
  default     = true
}

variable "apply_immediately" {
  description = "Whether changes are made at once and not in the next maintenance window."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the primary."
  type        = bool
  default     = false
}

variable "skip_final_snapshot" {
  description = "Whether the primary is deleted without a last snapshot."
  type        = bool
  default     = false
}

variable "alarm_actions" {
  description = "ARNs to notify when an alarm goes off and when it ends."
  type        = list(string)
  default     = []
}
