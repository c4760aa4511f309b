# The cluster of this repository: a master and two standbys, of which one at least has every commit.

variable "image" {
  default = "postgres:17"
}

# A secret of the environment "production", which the job that applies has and the one that plans does not.
variable "app_password" {
  sensitive = true
}

cluster "shop" {
  image = var.image

  settings = {
    max_connections        = 100
    max_slot_wal_keep_size = "4GB" # a standby that is away may not fill the disk
  }

  synchronous {
    count    = 1
    replicas = [replica.shop-2, replica.shop-3]
  }
}

role "app" {
  login    = true
  password = var.app_password
}

database "shop" {
  owner = role.app
}

master "shop-1" {}

replica "shop-2" {}

replica "shop-3" {}
