# A small web API in Python beside its cluster: it writes through the master and reads from the replica.

variable "image" {
  default = "postgres:16"
}

# What the application's own image is built on: any with Python 3 and pip, or with Flask and psycopg in it.
variable "python" {
  default = "python:3.11-slim"
}

# Set it with PGREPL_VAR_app_password. Only `apply` needs it; the application gets it in a file that only it can read.
variable "app_password" {
  sensitive = true
}

cluster "flask" {
  image = var.image
}

network "flask_async_network" {
  subnet = "172.28.0.0/16"
}

role "app" {
  login    = true
  password = var.app_password
}

database "app" {
  owner = role.app
}

master "db-master" {
  port = 5432 # published on 127.0.0.1 only
}

replica "db-replica" {
  port = 5433
}

# Leave this block out, and there is no application: apply removes it.
app "app-flask" {
  build      = "app"
  build_args = { BASE = var.python }
  ports      = [5000]

  # Files in /run/secrets. Another password, database or server makes a new container; a restart of the master does not.
  secrets = {
    MASTER_URL  = url(master.db-master, role.app, database.app)
    REPLICA_URL = url(replica.db-replica, role.app, database.app)
  }
}

# By what `pgrepl status`, `watch` and `monitor` judge its health. These are the defaults.
monitor {
  lag_warning      = "10MB"
  lag_critical     = "100MB"
  lag_time_warning = "5s"
  slot_warning     = "100MB"
  slot_critical    = "1GB"
}
