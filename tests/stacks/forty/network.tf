resource "aws_vpc" "main" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = local.first
  tags                 = merge(local.generation, { Name = var.name })
}

resource "aws_subnet" "main" {
  for_each = { "us-east-1a" = 1, "us-east-1b" = 2 }

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, each.value)
  map_public_ip_on_launch = local.first
}

# Nothing is in this one, so that it can be replaced.
resource "aws_subnet" "extra" {
  vpc_id            = aws_vpc.main.id
  availability_zone = "us-east-1a"
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, 20 + var.replacement)
  tags              = local.generation
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = local.generation
}

resource "aws_eip" "nat" {
  domain     = "vpc"
  tags       = local.generation
  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.main["us-east-1a"].id
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id
  tags   = merge(local.generation, { Name = var.name })
}

resource "aws_route" "out" {
  route_table_id         = aws_route_table.main.id
  destination_cidr_block = var.replacement == 1 ? "0.0.0.0/0" : "128.0.0.0/1"
  nat_gateway_id         = aws_nat_gateway.main.id
}

resource "aws_route_table_association" "main" {
  for_each = aws_subnet.main

  subnet_id      = each.value.id
  route_table_id = aws_route_table.main.id
}

# The database's rule refers to this group: the new one has to exist before the old one goes.
resource "aws_security_group" "web" {
  name        = "${var.name}-web-${var.replacement}"
  description = "Web servers, edition ${var.replacement}"
  vpc_id      = aws_vpc.main.id
  tags        = local.generation

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443 + var.generation
    cidr_blocks = ["0.0.0.0/0"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group" "database" {
  name_prefix = "${var.name}-database-"
  description = "Databases"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = aws_security_group.web.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = local.generation
}

resource "aws_vpc_security_group_egress_rule" "everything" {
  security_group_id = aws_security_group.database.id
  description       = "Generation ${var.generation}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group_rule" "ranges" {
  type              = "ingress"
  security_group_id = aws_security_group.database.id
  description       = "Generation ${var.generation}"
  cidr_blocks       = ["10.1.0.0/16", "10.2.0.0/16"]
  protocol          = "tcp"
  from_port         = 5432
  to_port           = 5432 + var.replacement
}
