# A master whose commits wait for a standby: a row that was reported as committed is on two machines.

variable "image" {
  default = "postgres:16"
}

# Set it with PGREPL_VAR_app_password. Only `apply` needs it; without it the role app has no password to check.
variable "app_password" {
  sensitive = true
}

cluster "sync" {
  image = var.image

  settings = {
    max_wal_senders       = 10
    max_replication_slots = 5

    # What "committed" means to the standby that answers: it has written the row to its operating system, which is lost only
    # if both machines fail at once. `on` (the default) waits for its disk too, `remote_apply` until the row can be read there.
    synchronous_commit = "remote_write"

    # A standby that is away may not fill the master's disk. Beyond this it needs a new base backup.
    max_slot_wal_keep_size = "4GB"
  }

  # One of two: either standby may restart or fail, and writes go on. With one of one, every restart of it would stop them.
  # The names are pgrepl's: it writes the application_name of each replica, never "walreceiver", which is what every standby
  # without a name calls itself.
  synchronous {
    mode     = "first"
    count    = 1
    replicas = [replica.sync-2, replica.sync-3]
  }
}

role "replicator" {
  login       = true
  replication = true
}

role "app" {
  login    = true
  password = var.app_password
}

database "app" {
  owner = role.app
}

master "sync-1" {}

replica "sync-2" {}

replica "sync-3" {}
