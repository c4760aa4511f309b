# The API of examples/flask in Go. Its image holds one file, which is made first, in the folder of this repository:
#
#   CGO_ENABLED=0 go build -o examples/api/app/api ./examples/api/app

variable "image" {
  default = "postgres:16"
}

# Set it with PGREPL_VAR_app_password. Only `apply` needs it; the application gets it in a file that only it can read.
variable "app_password" {
  sensitive = true
}

cluster "api" {
  image = var.image
}

network "api" {
  subnet = "172.27.0.0/16"
}

role "app" {
  login    = true
  password = var.app_password
}

database "app" {
  owner = role.app
}

master "api-1" {}

replica "api-2" {}

app "api" {
  build = "app"
  ports = ["8080:5000"]

  secrets = {
    MASTER_URL  = url(master.api-1, role.app, database.app)
    REPLICA_URL = url(replica.api-2, role.app, database.app)
  }
}
