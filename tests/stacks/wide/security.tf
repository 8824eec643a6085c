# Groups whose rules are resources of their own, in both kinds.

resource "aws_security_group" "web" {
  name        = "${var.name}-web"
  description = "Web servers, edition ${var.replacement}"
  vpc_id      = aws_vpc.main.id
  tags        = local.generation

  timeouts {
    delete = "5m"
  }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = toset(local.first ? ["10.0.0.0/8", "172.16.0.0/12"] : ["10.0.0.0/8", "192.168.0.0/16"])

  security_group_id = aws_security_group.web.id
  description       = "HTTPS, generation ${var.generation}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = { Source = each.value }
}

resource "aws_vpc_security_group_ingress_rule" "ipv6" {
  security_group_id = aws_security_group.web.id
  cidr_ipv6         = "2001:db8::/32"
  ip_protocol       = "icmpv6"
  from_port         = 128
  to_port           = 0
}

resource "aws_vpc_security_group_ingress_rule" "among" {
  security_group_id            = aws_security_group.web.id
  referenced_security_group_id = aws_security_group.web.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "everything" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = local.generation
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.web.id
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432 + var.generation
}

resource "aws_security_group" "database" {
  name_prefix            = "${var.name}-database-"
  description            = "Databases"
  vpc_id                 = aws_vpc.main.id
  revoke_rules_on_delete = true

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_security_group_rule" "database_web" {
  type                     = "ingress"
  security_group_id        = aws_security_group.database.id
  source_security_group_id = aws_security_group.web.id
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
}

resource "aws_security_group_rule" "database_ranges" {
  type              = "ingress"
  security_group_id = aws_security_group.database.id
  description       = "Ranges, generation ${var.generation}"
  cidr_blocks       = ["10.1.0.0/16", "10.2.0.0/16"]
  ipv6_cidr_blocks  = ["2001:db8:1::/48"]
  protocol          = "tcp"
  from_port         = 5432
  to_port           = 5432 + var.replacement
}

resource "aws_security_group_rule" "database_self" {
  type              = "ingress"
  security_group_id = aws_security_group.database.id
  self              = true
  protocol          = "udp"
  from_port         = 0
  to_port           = 65535
}

resource "aws_security_group_rule" "database_out" {
  type              = "egress"
  security_group_id = aws_security_group.database.id
  cidr_blocks       = ["0.0.0.0/0"]
  protocol          = "-1"
  from_port         = 0
  to_port           = 0
}

# A group with its rules inside.
resource "aws_security_group" "inline" {
  name   = "${var.name}-inline"
  vpc_id = aws_vpc.main.id

  dynamic "ingress" {
    for_each = local.first ? [8080, 8443] : [8080, 9443]

    content {
      description = "Port ${ingress.value}"
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = [aws_vpc.main.cidr_block]
    }
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}
