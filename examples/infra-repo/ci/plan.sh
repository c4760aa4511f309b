#!/bin/sh
# plan.sh FOLDER: plans what the change does to the living cluster, and leaves in FOLDER plan.json, comment.md and the number of
# the pull request. It changes nothing, and has no secret. It fails where apply would refuse the plan; comment.md says why.
set -eu
. ci/lib.sh
rm -rf "$1"
mkdir "$1"
printf '%s\n' "$PULL_REQUEST" >"$1/number"
explained "$1" pgrepl plan -f pgrepl.hcl --policy policies.hcl --allow "$allowed" --detailed-exitcode -o markdown --out "$1/plan.json"
