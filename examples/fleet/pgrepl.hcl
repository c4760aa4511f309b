# A master with three standbys: two that follow it, of which one is an hour behind on purpose, and one that follows the
# first standby, so that the master sends its WAL to fewer of them.

variable "image" {
  default = "postgres:16"
}

variable "standbys" {
  description = "The standbys that follow the master: the key is the end of the name, the value how far each stays behind."

  type = map(string)

  default = {
    near = "0"
    late = "1h" # time to notice a mistake, such as a dropped table, before it arrives here
  }
}

cluster "fleet" {
  image = var.image

  settings = {
    max_wal_senders        = 10
    max_replication_slots  = 10
    max_slot_wal_keep_size = "4GB" # a standby that stays away may not fill the disk
  }
}

master "fleet-master" {}

# fleet-near and fleet-late
replica "fleet" {
  for_each = var.standbys
  delay    = each.value
}

# A cascade: this one streams from fleet-near, and its slot lives there.
replica "fleet-far" {
  upstream = replica.fleet["near"]
}
