#!/usr/bin/env bash
# make demo: examples/async from nothing to a row that travels. Run twice it does no harm: the second time there is
# nothing to change. make demo-down removes it with its data.
set -euo pipefail
cd "$(dirname "$0")/async"
pgrepl=$PWD/../../bin/pgrepl

# Everything here listens on this machine only, so a password that everybody can read does no harm. Use your own elsewhere.
export PGREPL_VAR_app_password=${PGREPL_VAR_app_password:-demo-only}

# pg_image: postgres:16 pulled, or where no registry answers, what test/image/build makes; where even that has no 16, 17.
pg_image() {
  local major
  for major in 16 17; do
    ../../test/image/build $major | tail -n 1 && return
  done
}

show() {
  printf '\n$ %s\n' "$*"
  "$pgrepl" "${@:2}"
}

# sql NODE QUERY: as the user app, over the network with a password, as any program would.
sql() { PGPASSWORD=$PGREPL_VAR_app_password docker exec -e PGPASSWORD "$1" psql -X -h "$1" -U app -d app -qAt -v ON_ERROR_STOP=1 -c "$2"; }

row() {
  local id text tenth
  printf '\nA row goes in on db-master, written by the role app:\n'
  sql db-master 'CREATE TABLE IF NOT EXISTS greetings (id bigint GENERATED ALWAYS AS IDENTITY, greeting text)' 2>/dev/null
  id=$(sql db-master "INSERT INTO greetings (greeting) VALUES ('hello, replica') RETURNING id")
  printf '  db-master   %s  hello, replica\n' "$id"
  for ((tenth = 0; tenth < 100; tenth++)); do
    text=$(sql db-replica "SELECT greeting FROM greetings WHERE id = $id" 2>/dev/null || true)
    [ -z "$text" ] || break
    sleep 0.1
  done
  [ -n "$text" ] || { echo "error: after 10 s the row is not on db-replica; see docker logs db-replica" >&2; exit 1; }
  printf '  db-replica  %s  %s\n' "$id" "$text"
}

up() {
  PGREPL_VAR_image=${PGREPL_VAR_image:-$(pg_image)}
  export PGREPL_VAR_image
  printf 'PostgreSQL is %s; the cluster is described by examples/async/pgrepl.hcl\n' "$PGREPL_VAR_image"
  show pgrepl plan
  printf '\n$ pgrepl apply --auto-approve\n'
  "$pgrepl" apply --auto-approve >/dev/null # prints the same plan; progress goes to standard error
  printf '\nThe same again finds nothing to do:\n'
  show pgrepl plan
  row
  show pgrepl status
  printf '\nConnect:  psql postgresql://app:%s@127.0.0.1:5432/app   (the replica: port 5433)\n' "$PGREPL_VAR_app_password"
  printf 'Go on:    change examples/async/pgrepl.hcl, then bin/pgrepl plan -f examples/async/pgrepl.hcl\n'
  printf 'Remove:   make demo-down\n'
}

down() { show pgrepl destroy --auto-approve --allow=data; }

"${1:-up}"
