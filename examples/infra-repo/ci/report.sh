#!/bin/sh
# report.sh FOLDER: the numbers of FOLDER/plan.json as report.json, which GitLab shows on the merge request.
set -eu
if [ -e "$1/plan.json" ]; then
  jq --compact-output '{create: .summary.add, update: .summary.change, delete: .summary.remove}' "$1/plan.json" >"$1/report.json"
fi
