#!/bin/sh
# apply.sh FOLDER: applies the plan that was approved together with this commit, and says on the pull request what came of it.
# Nothing else is ever applied: where the plan is stale, or there is none, it fails and nothing was changed.
set -eu
. ci/lib.sh
rm -rf "$1"
mkdir "$1"

merged
if [ -z "$number" ]; then
  say 'no pull request brought this commit: nothing is applied without an approved plan'
  exit 1
fi

approved "$number" "$1"
if [ -e "$1/plan.json" ]; then
  {
    code=0
    pgrepl apply "$1/plan.json" -f pgrepl.hcl --policy policies.hcl --allow "$allowed" --var hour="${HOUR:-$(date +%H)}" \
      --lock-timeout 10m || code=$?
    printf '%s\n' "$code" >"$1/code"
  } 2>&1 | tee "$1/log"
  code=$(cat "$1/code")
else
  code=1
  say 'the last plan of the pull request did not succeed, or is gone' 2>&1 | tee "$1/log" >&2
fi

case $code in
0) said='Applied' ;;
3) said='Refused, and nothing was changed. What it waits for may come: run the job again then' ;;
4) said='The approved plan is stale, and nothing was changed. Look at what moved, and approve a new plan' ;;
5) said='Another apply is running, and nothing was changed. Run the job again' ;;
6) said='Stopped part-way. Run the job again: it goes on from there' ;;
*) said='Not applied' ;;
esac
{
  heading apply "$said"
  quoted "$1/log"
} >"$1/comment.md"
comment "$number" "$1/comment.md"
exit "$code"
