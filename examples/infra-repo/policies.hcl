# What every change of the cluster is held against: by the hook, on the pull request, and again when it is applied.

variable "hour" {
  description = "The hour of the day in which the plan is applied. On a pull request nobody knows it yet."
  type        = number
  default     = null
}

locals {
  registries = ["postgres:"] # where images may come from, such as "registry.example.com/postgres:"
  hour       = coalesce(var.hour, 0)
}

policy "images" {
  condition = alltrue([for n in cluster.nodes : anytrue([for r in local.registries : startswith(n.image, r)])])
  message   = "images begin with ${join(" or ", local.registries)}: ${join(", ", distinct(cluster.nodes[*].image))}"
}

policy "no-trust" {
  condition = alltrue(flatten([for n in cluster.nodes : [for r in n.hba : r.method != "trust"]]))
  message   = "a rule with trust lets in whoever comes"
}

policy "a-second-copy" {
  severity  = "warning"
  condition = length(try(cluster.synchronous.replicas, [])) > 0
  message   = "no commit waits for a standby: what the master has not sent yet is lost with it"
}

policy "restarts-at-night" {
  condition = length(plan.summary.restart) == 0 || local.hour < 8 || local.hour >= 18
  message   = "no restart between 8 and 18 o'clock: ${join(", ", plan.summary.restart)}"
}

policy "merge-at-night" {
  severity  = "warning"
  condition = length(plan.summary.restart) == 0 || var.hour != null
  message   = "between 8 and 18 o'clock this is not applied: merge it later, or run the job again then"
}
