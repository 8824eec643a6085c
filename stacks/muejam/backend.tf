# Each environment is a workspace: its state is env:/<environment>/terraform.tfstate.
terraform {
  backend "s3" {
    bucket         = "muejam-terraform-state"
    key            = "terraform.tfstate"
    region         = "us-east-1"
    encrypt        = true
    dynamodb_table = "muejam-terraform-locks"
  }
}
