#!/usr/bin/env bash
# A master with REPLICAS streaming replicas, made by hand: what a person types, as one script, with nothing typed slowly.
# The yardstick of go run ./test/bench.
#   IMAGE=… PREFIX=… REPLICAS=8 SENDERS=20 by-hand.sh up|down      (an image with the official entrypoint)
set -euo pipefail
image=${IMAGE:?} p=${PREFIX:?} n=${REPLICAS:-1} senders=${SENDERS:-10}

# The volumes stay, for a reason that main.go gives.
down() {
  local i names=("$p-master")
  for ((i = 1; i <= n; i++)); do names+=("$p-replica$i"); done
  docker rm -f "${names[@]}" >/dev/null 2>&1 || true
  docker network rm "$p" >/dev/null 2>&1 || true
}

up() {
  local i data
  data=$(docker image inspect --format '{{range $path, $_ := .Config.Volumes}}{{$path}}{{end}}' "$image")
  docker network create "$p" >/dev/null
  docker volume create "$p-master" >/dev/null
  for ((i = 1; i <= n; i++)); do docker volume create "$p-replica$i" >/dev/null; done
  docker run -d --name "$p-master" --network "$p" -v "$p-master:$data" -e POSTGRES_PASSWORD=pg "$image" \
    -c wal_level=replica -c max_wal_senders=$senders -c max_wal_size=2GB -c min_wal_size=512MB -c wal_keep_size=64 \
    -c max_replication_slots=20 -c wal_compression=on -c full_page_writes=on -c listen_addresses='*' >/dev/null
  until docker exec "$p-master" pg_isready -h 127.0.0.1 -q; do sleep 0.05; done
  docker exec -u postgres "$p-master" psql -q -c "CREATE ROLE replicator WITH REPLICATION LOGIN PASSWORD 'replicator123'" \
    -c "SELECT pg_create_physical_replication_slot('standby_slot' || i) FROM generate_series(1, $n) i" >/dev/null
  docker exec -u postgres "$p-master" bash -c \
    'echo "host replication replicator samenet scram-sha-256" >> $PGDATA/pg_hba.conf; psql -qc "select pg_reload_conf()" >/dev/null'
  for ((i = 1; i <= n; i++)); do
    docker run --rm -u postgres -e PGPASSWORD=replicator123 --network "$p" -v "$p-replica$i:$data" \
      --entrypoint bash "$image" -c "pg_basebackup -h $p-master -U replicator -D \$PGDATA -c fast -R -S standby_slot$i"
    docker run -d --name "$p-replica$i" --network "$p" -v "$p-replica$i:$data" -e POSTGRES_PASSWORD=pg "$image" \
      -c max_wal_senders=$senders >/dev/null # below the master's, it would not start
  done
  until [ "$(docker exec -u postgres "$p-master" psql -qAtc "select count(*) from pg_stat_replication where state = 'streaming'")" = "$n" ]; do sleep 0.05; done
}

"$@"
