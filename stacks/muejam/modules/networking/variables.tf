variable "environment" {
  description = "Environment, the first part of every name."
  type        = string
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr))
    error_message = "The VPC's range must be an IPv4 CIDR block such as 10.0.0.0/16."
  }
}

variable "availability_zones" {
  description = "Availability zones, one for each pair of a public and a private subnet."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 2 && length(distinct(var.availability_zones)) == length(var.availability_zones)
    error_message = "There must be at least two availability zones, each named once."
  }
}

variable "public_subnet_cidrs" {
  description = "IPv4 ranges of the public subnets, in the order of the availability zones."
  type        = list(string)

  validation {
    condition     = length(var.public_subnet_cidrs) == length(var.availability_zones)
    error_message = "There must be as many public subnets as availability zones."
  }

  validation {
    condition     = alltrue([for cidr in var.public_subnet_cidrs : can(cidrnetmask(cidr))])
    error_message = "The ranges of public subnets must be IPv4 CIDR blocks."
  }
}

variable "private_subnet_cidrs" {
  description = "IPv4 ranges of the private subnets, in the order of the availability zones."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_cidrs) == length(var.availability_zones)
    error_message = "There must be as many private subnets as availability zones."
  }

  validation {
    condition     = alltrue([for cidr in var.private_subnet_cidrs : can(cidrnetmask(cidr))])
    error_message = "The ranges of private subnets must be IPv4 CIDR blocks."
  }
}

variable "single_nat_gateway" {
  description = "One NAT gateway for all availability zones instead of one in each."
  type        = bool
  default     = false
}
