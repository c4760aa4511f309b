#!/bin/sh
# install.sh FOLDER: puts pgrepl into FOLDER, for the steps that follow, on a machine that does not have it. It is built with Go from
# the revision PGREPL_REVISION of the repository PGREPL_SOURCE.
set -eu
if command -v pgrepl >/dev/null; then exit 0; fi
mkdir -p "$1"
bin=$(cd "$1" && pwd)
git clone --quiet "$PGREPL_SOURCE" "$bin/source"
git -C "$bin/source" checkout --quiet "$PGREPL_REVISION"
go build -C "$bin/source" -trimpath -o "$bin/pgrepl" ./cmd/pgrepl
printf '%s\n' "$bin" >>"$GITHUB_PATH"
