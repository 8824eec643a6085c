//! How published modules say "as the service likes": an empty text, or a list without elements, for whatever is optional.

use crate::lab::Bench;
use crate::{contains, run, world};

const CALLER: &str = "
provider \"aws\" {
  region = \"eu-west-1\"
}
module \"plain\" {
  source = \"./service\"
}
module \"none\" {
  source  = \"./service\"
  enabled = false
}
output \"ids\" {
  value = [module.plain.ids, module.none.ids]
}
";

const MODULE: &str = "
variable \"enabled\" {
  default = true
}
variable \"unset\" {
  default = \"\"
}
variable \"groups\" {
  type    = list(string)
  default = []
}
locals {
  n = var.enabled ? 1 : 0
}
resource \"aws_vpc\" \"this\" {
  count      = local.n
  cidr_block = \"10.0.0.0/16\"
}
resource \"aws_subnet\" \"this\" {
  count             = local.n
  vpc_id            = element(concat(aws_vpc.this.*.id, [\"\"]), 0)
  cidr_block        = \"10.0.0.0/24\"
  availability_zone = var.unset
}
resource \"aws_security_group\" \"this\" {
  count  = local.n
  name   = var.unset
  vpc_id = join(\"\", aws_vpc.this[*].id)
}
resource \"aws_route_table\" \"this\" {
  count            = local.n
  vpc_id           = aws_vpc.this[0].id
  propagating_vgws = var.groups
}
resource \"aws_s3_bucket\" \"this\" {
  count  = local.n
  bucket = var.unset
}
resource \"aws_iam_role\" \"this\" {
  count                = local.n
  name_prefix          = \"service-\"
  description          = var.unset
  permissions_boundary = var.unset
  assume_role_policy = jsonencode({
    Version   = \"2012-10-17\"
    Statement = [{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = { Service = \"ec2.amazonaws.com\" } }]
  })
}
resource \"aws_sns_topic\" \"this\" {
  count             = local.n
  name_prefix       = \"service-\"
  policy            = var.unset
  delivery_policy   = var.unset
  kms_master_key_id = var.unset
}
resource \"aws_sqs_queue\" \"this\" {
  count          = local.n
  name_prefix    = \"service-\"
  policy         = var.unset
  redrive_policy = var.unset
}
resource \"aws_kms_key\" \"this\" {
  count       = local.n
  description = var.unset
  policy      = var.unset
}
output \"ids\" {
  value = concat(aws_subnet.this.*.availability_zone, aws_s3_bucket.this.*.id, aws_security_group.this.*.name)
}
";

#[test]
fn empty_texts_are_not_set() {
    let bench = Bench::of(CALLER, Some(world())).unwrap();
    bench.write("service/main.tf", MODULE).unwrap();
    contains(&run(&bench, &["apply", "-auto-approve"], 0).out, &["9 added"]);
    contains(&run(&bench, &["plan", "-detailed-exitcode"], 0).out, &["No changes."]);
    let ids = run(&bench, &["output", "-json", "ids"], 0).json().unwrap();
    let chosen: Vec<&str> = ids[0].as_array().unwrap().iter().filter_map(|v| v.as_str()).collect();
    assert!(chosen.len() == 3 && chosen.iter().all(|v| !v.is_empty()), "{ids}");
    assert_eq!(ids[1], serde_json::json!([]));
    run(&bench, &["destroy", "-auto-approve"], 0);
}
