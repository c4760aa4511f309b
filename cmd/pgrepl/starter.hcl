# A PostgreSQL master with one streaming replica, asynchronous.
#
#   pgrepl plan      shows what would happen
#   pgrepl apply     makes it so; run it again after each change of this file
#   pgrepl status    shows the cluster's health
#   pgrepl destroy   removes the containers; the data stays unless --allow=data

variable "image" {
  default = "postgres:16"
}

cluster "demo" {
  image = var.image

  # Settings of every node, as in postgresql.conf. A replica can become the master one day.
  settings = {
    max_slot_wal_keep_size = "4GB" # a dead replica may not fill the disk
    wal_compression        = true
  }

  # Without `hba`, the declared replicas may replicate, and roles may log in with a password from the cluster's network.
}

master "demo-1" {
  # port = 5432   # publishes the server on 127.0.0.1:5432
}

replica "demo-2" {
  # port = 5433
}

# A role and a database of your own:
#
# variable "app_password" {
#   sensitive = true   # set it with PGREPL_VAR_app_password
# }
#
# role "app" {
#   login    = true
#   password = var.app_password
# }
#
# database "app" {
#   owner = role.app
# }
