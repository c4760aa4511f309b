"""Items: POST /items writes one through the master, GET /items reads them from the replica (?from=master: from the master)."""

from pathlib import Path

import psycopg
from flask import Flask, jsonify, request

app = Flask(__name__)

TABLE = "CREATE TABLE IF NOT EXISTS items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)"


def connect(secret):
    """A connection by the URL in a secret; each request has its own, as servers may restart."""
    url = Path("/run/secrets", secret).read_text()
    return psycopg.connect(url, connect_timeout=5)


@app.post("/items")
def add():
    name = (request.get_json(silent=True) or {}).get("name")
    if not isinstance(name, str) or not name:
        return jsonify(error='send JSON: {"name": "..."}'), 400
    with connect("MASTER_URL") as db:
        row = db.execute("INSERT INTO items (name) VALUES (%s) RETURNING id", [name]).fetchone()
    return jsonify(id=row[0], name=name), 201


@app.get("/items")
def items():
    source = "MASTER_URL" if request.args.get("from") == "master" else "REPLICA_URL"
    with connect(source) as db:
        rows = db.execute("SELECT id, name FROM items ORDER BY id").fetchall()
        standby = db.execute("SELECT pg_is_in_recovery()").fetchone()[0]
    return jsonify(items=[{"id": i, "name": n} for i, n in rows], standby=standby)


@app.errorhandler(psycopg.errors.UndefinedTable)
def not_yet(_):
    return jsonify(items=[]), 200  # the replica has not heard of the table yet


@app.errorhandler(psycopg.OperationalError)
def unavailable(_):
    return jsonify(error="the database does not answer"), 503


if __name__ == "__main__":
    with connect("MASTER_URL") as db:
        db.execute(TABLE)
    app.run(host="0.0.0.0", port=5000)
