#!/bin/sh
# diff.sh FOLDER REVISION: what changes since a revision, for a change of somebody who may not see the cluster. It needs no Docker
# engine, no server and no secret. FOLDER gets comment.md and the number of the pull request, but no plan.
set -eu
. ci/lib.sh
rm -rf "$1"
mkdir "$1"
printf '%s\n' "$PULL_REQUEST" >"$1/number"
explained "$1" pgrepl diff --policy policies.hcl -o markdown "git:$2:pgrepl.hcl" pgrepl.hcl
