// Command app is a small web API: POST /items writes an item through the master, GET /items reads them from the replica
// (?from=master: from the master).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const table = "CREATE TABLE IF NOT EXISTS items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)"

type item struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	err := with(ctx, "MASTER_URL", func(db *pgx.Conn) error {
		_, err := db.Exec(ctx, table)
		return err
	})
	cancel()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /items", add)
	http.HandleFunc("GET /items", list)
	server := http.Server{Addr: ":5000", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// with connects by the URL in a secret. Each request has a connection of its own, as servers may restart.
func with(ctx context.Context, secret string, do func(*pgx.Conn) error) error {
	url, err := os.ReadFile("/run/secrets/" + secret)
	if err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, string(url))
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	return do(db)
}

func add(w http.ResponseWriter, r *http.Request) {
	var i item
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&i); err != nil || i.Name == "" {
		answer(w, http.StatusBadRequest, map[string]string{"error": `send JSON: {"name": "..."}`})
		return
	}
	err := with(r.Context(), "MASTER_URL", func(db *pgx.Conn) error {
		return db.QueryRow(r.Context(), "INSERT INTO items (name) VALUES ($1) RETURNING id", i.Name).Scan(&i.ID)
	})
	if err != nil {
		unavailable(w, err)
		return
	}
	answer(w, http.StatusCreated, i)
}

func list(w http.ResponseWriter, r *http.Request) {
	secret, ctx := "REPLICA_URL", r.Context()
	if r.URL.Query().Get("from") == "master" {
		secret = "MASTER_URL"
	}
	found := struct {
		Items   []item `json:"items"`
		Standby bool   `json:"standby"`
	}{Items: []item{}}
	err := with(ctx, secret, func(db *pgx.Conn) error {
		if err := db.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&found.Standby); err != nil {
			return err
		}
		rows, err := db.Query(ctx, "SELECT id, name FROM items ORDER BY id")
		if err != nil {
			return err
		}
		found.Items, err = pgx.AppendRows(found.Items, rows, pgx.RowToStructByPos[item])
		return err
	})
	var refused *pgconn.PgError
	if undefined := errors.As(err, &refused) && refused.Code == "42P01"; err != nil && !undefined { // the replica may not have heard of the table yet
		unavailable(w, err)
		return
	}
	answer(w, http.StatusOK, found)
}

func unavailable(w http.ResponseWriter, err error) {
	log.Print(err)
	answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the database does not answer"})
}

func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}
