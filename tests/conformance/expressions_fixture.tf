# What the expressions of expressions.tsv refer to: things that are known only after apply, secrets, repeated resources.
resource "terraform_data" "later" {
  input = timestamp()
}
resource "terraform_data" "off" {
  count = 0
}
resource "terraform_data" "trio" {
  count = 3
  input = "n${count.index}"
}
resource "terraform_data" "by_city" {
  for_each = { rome = 41, oslo = 59 }
  input    = each.value
}
resource "terraform_data" "nowhere" {
  for_each = toset([])
}
resource "terraform_data" "pair" {
  input            = { left = "l", right = [1, 2] }
  triggers_replace = ["t", null]
}
locals {
  # Unknown: not null, of a known type. `moment` may be null as far as its type tells.
  word   = terraform_data.later.id
  moment = timestamp()
  flag   = terraform_data.later.id == "x"
  many   = length(terraform_data.later.id)
  words  = split(",", terraform_data.later.id)
  bag    = toset(split(",", terraform_data.later.id))
  book   = zipmap(split(",", terraform_data.later.id), split(",", terraform_data.later.id))
  scores = { for w in split(",", terraform_data.later.id) : w => 1 }
  thing  = jsondecode(terraform_data.later.id)
  record = { name = terraform_data.later.id, size = 3, tags = ["x", terraform_data.later.id] }
  # Secret.
  pin    = sensitive("1234")
  pins   = sensitive(["p", "q"])
  yes    = sensitive(true)
  safe   = sensitive({ door = "oak", lock = { bolts = 2 } })
  lost   = sensitive(null)
  hidden = sensitive(terraform_data.later.id)
  # Known.
  none   = null
  fruit  = ["fig", "pear", "kiwi"]
  letter = tolist(["c", "a", "b"])
  tree   = { root = { leaf = [{ v = 1 }, { v = 2 }] }, age = 7 }
  prices = tomap({ tea = 3, milk = 1.5 })
  sizes  = toset(["s", "xl", "m"])
  note   = "one\ntwo\n"
}
