resource "aws_vpc" "main" {
  cidr_block                           = "10.20.0.0/16"
  instance_tenancy                     = "default"
  assign_generated_ipv6_cidr_block     = true
  enable_dns_support                   = true
  enable_dns_hostnames                 = local.first
  enable_network_address_usage_metrics = !local.first
  tags                                 = merge(local.generation, { Name = var.name })
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id

  ingress {
    description = "Among themselves"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    self        = true
  }

  egress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443 + var.generation
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = local.generation
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id

  route {
    cidr_block = local.first ? "198.51.100.0/24" : "203.0.113.0/24"
    gateway_id = aws_internet_gateway.main.id
  }

  tags = local.generation
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
  subnet_ids             = concat([for subnet in aws_subnet.public : subnet.id], aws_subnet.private[*].id, [aws_subnet.extra.id])

  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  ingress {
    rule_no         = 110
    action          = "allow"
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    ipv6_cidr_block = "::/0"
  }

  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    from_port  = 0
    to_port    = 0
    cidr_block = "0.0.0.0/0"
  }

  tags = local.generation
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = merge(local.generation, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id                                      = aws_vpc.main.id
  availability_zone                           = each.key
  cidr_block                                  = cidrsubnet(aws_vpc.main.cidr_block, 8, each.value)
  map_public_ip_on_launch                     = local.first
  enable_resource_name_dns_a_record_on_launch = !local.first
  private_dns_hostname_type_on_launch         = "ip-name"
  tags                                        = merge(local.generation, { Name = "${var.name}-public-${each.value}" })
}

resource "aws_subnet" "private" {
  count = 2

  vpc_id                          = aws_vpc.main.id
  availability_zone               = local.zones[count.index]
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, 10 + count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation = !local.first
  tags                            = { Name = "${var.name}-private-${count.index}" }

  timeouts {
    create = "5m"
    delete = "5m"
  }
}

# Nothing is in this one, so that it can be replaced.
resource "aws_subnet" "extra" {
  vpc_id               = aws_vpc.main.id
  availability_zone_id = data.aws_availability_zones.available.zone_ids[0]
  cidr_block           = cidrsubnet(aws_vpc.main.cidr_block, 8, 20 + var.replacement)
}

resource "aws_eip" "nat" {
  domain     = "vpc"
  tags       = merge(local.generation, { Name = "${var.name}-nat" })
  depends_on = [aws_internet_gateway.main]
}

resource "aws_eip" "spare" {
  domain               = "vpc"
  network_border_group = "us-east-1"
}

resource "aws_nat_gateway" "public" {
  allocation_id     = aws_eip.nat.id
  connectivity_type = "public"
  subnet_id         = aws_subnet.public[local.zones[0]].id
  tags              = merge(local.generation, { Name = "${var.name}-public" })
  depends_on        = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "private" {
  connectivity_type = "private"
  subnet_id         = aws_subnet.private[0].id
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.main.id
  }

  route {
    ipv6_cidr_block = "::/0"
    gateway_id      = aws_internet_gateway.main.id
  }

  tags = merge(local.generation, { Name = "${var.name}-public" })
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route" "private" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = var.replacement == 1 ? "0.0.0.0/0" : "128.0.0.0/1"
  nat_gateway_id         = local.first ? aws_nat_gateway.public.id : aws_nat_gateway.private.id
}

resource "aws_route" "private_ipv6" {
  route_table_id              = aws_route_table.private.id
  destination_ipv6_cidr_block = "2001:db8::/32"
  gateway_id                  = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count = 2

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = local.first ? aws_route_table.private.id : aws_route_table.public.id
}

data "aws_vpc" "main" {
  id = aws_vpc.main.id
}

data "aws_subnets" "private" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.main.id]
  }

  tags = {
    Name = "${var.name}-private-*"
  }

  depends_on = [aws_subnet.private]
}
