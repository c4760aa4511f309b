# The smallest cluster: a master and a replica that streams from it.

variable "image" {
  default = "postgres:16"
}

cluster "quickstart" {
  image = var.image
}

master "quickstart-1" {}

replica "quickstart-2" {}
