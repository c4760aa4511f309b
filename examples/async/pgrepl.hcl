# A master with one streaming replica, asynchronous: a commit on the master waits for nobody.

variable "image" {
  default = "postgres:16"
}

# Set it with PGREPL_VAR_app_password. Only `apply` needs it; the server gets a SCRAM verifier of it, never the text.
variable "app_password" {
  sensitive = true
}

cluster "async" {
  image = var.image

  # For every node: a replica can become the master one day.
  settings = {
    wal_level             = "replica" # WAL holds what a standby needs
    max_wal_senders       = 10        # one per replica, two while one is being cloned
    max_replication_slots = 3

    # WAL between two checkpoints; more of it means fewer checkpoints and a longer crash recovery.
    min_wal_size    = "512MB"
    max_wal_size    = "2GB"
    wal_compression = true

    # What the master keeps for a replica that is away. Its slot keeps everything since it left, up to the second figure:
    # beyond it the replica needs a new base backup, and the disk does not fill.
    wal_keep_size          = 64 # a bare number is in the setting's own unit, MB here, as in postgresql.conf
    max_slot_wal_keep_size = "4GB"

    # A page that was written by half when the power went is mended from WAL only with this on.
    full_page_writes = true

    # Not here, and why:
    #
    # synchronous_commit = off   would not make the replication asynchronous; it already is, as no synchronous standby is
    #                            named. It would let a crash of the master lose rows that were reported as committed.
    # archive_mode = on          without an archive_command keeps all WAL for ever, and fills the disk without an error.
    # listen_addresses           is pgrepl's own: the server listens to its network, and hba says who may come in.
  }

  hba = [
    # the replicas, and whoever has a password, from this network only
    "host  replication  ${role.replicator.name}  ${network.flask_async_network.subnet}  scram-sha-256",
    "host  all          all                      samenet                                scram-sha-256",
  ]
}

network "flask_async_network" {
  subnet = "172.29.0.0/16"
}

# No password: pgrepl makes one up that only the replicas know.
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

# The master keeps the WAL that the replica has not had yet.
slot "standby_slot1" {}

master "db-master" {
  volume = "db-master"
  port   = 5432 # published on 127.0.0.1 only
}

replica "db-replica" {
  volume = "db-replica"
  port   = 5433
  slot   = slot.standby_slot1
}
