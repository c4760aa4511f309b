#!/bin/sh
# comment.sh FOLDER: puts the comment of a plan on its pull request, in the place of the one before.
set -eu
. ci/lib.sh
planned "$1"
if [ -z "$number" ]; then exit 0; fi
comment "$number" "$1/comment.md"
