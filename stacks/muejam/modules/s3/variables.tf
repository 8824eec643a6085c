variable "environment" {
  description = "Environment, the first part of every name."
  type        = string
}

variable "bucket_suffix" {
  description = "Suffix of the buckets' names; empty for none."
  type        = string
  default     = ""
}

variable "enable_versioning" {
  description = "Whether the media and static buckets keep former versions of their objects. The backups bucket always does."
  type        = bool
  default     = true
}

variable "allowed_origins" {
  description = "Origins from which browsers may use the media and static buckets."
  type        = list(string)

  validation {
    condition     = length(var.allowed_origins) > 0 && alltrue([for origin in var.allowed_origins : can(regex("^https?://[^/]+$", origin))])
    error_message = "Each origin must be http:// or https:// and a host, without a path."
  }
}

variable "backup_retention_days" {
  description = "Days for which backups are kept. From the 30th day on they are in Glacier."
  type        = number
  default     = 90

  validation {
    condition     = var.backup_retention_days >= 1 && floor(var.backup_retention_days) == var.backup_retention_days
    error_message = "Backups must be kept for a whole number of days, at least one."
  }
}

variable "bucket_size_alert_threshold" {
  description = "Bucket size in bytes above which an alarm goes off."
  type        = number
}

variable "force_destroy" {
  description = "Whether buckets are deleted together with their objects."
  type        = bool
  default     = false
}

variable "alarm_actions" {
  description = "ARNs to notify when an alarm goes off and when it ends."
  type        = list(string)
  default     = []
}
