// Package knock logs in to a server again and again and says what it answers: from which rule of pg_hba.conf that comes,
// a test can tell. It runs where the clients are to come from: inside the server's container, for all of its addresses.
package knock

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Login is one attempt to log in, always with the right password.
type Login struct {
	Role, Database string
	Replication    string // "", true (physical) or database
	From, To       string // addresses; none: by the local socket
	TLS            bool
}

// Answer is what the server made of it.
type Answer struct {
	Verdict string // a method; reject: a rule that rejects; none: no rule matches; otherwise the server's own words
	In      bool
	Said    string
}

// Round is a pg_hba.conf to be put in force, where one is given, and the logins to try with it.
type Round struct {
	File   string
	Probe  string // a database that the file's first rule rejects: as soon as it does, the file is in force
	Logins []Login
}

// Password is everybody's.
const Password = "the right one"

const directory = "/tmp/knock" // of the server's data and its socket

// Serve answers rounds, one JSON value each.
func Serve(in io.Reader, out io.Writer) error {
	rounds, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var r Round
		if err := rounds.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := r.enforce(); err != nil {
			return err
		}
		said := []Answer{}
		for _, l := range r.Logins {
			said = append(said, l.try())
		}
		if err := answers.Encode(said); err != nil {
			return err
		}
	}
}

// enforce has the server read the file, and waits until it has.
func (r Round) enforce() error {
	if r.File == "" {
		return nil
	}
	if err := os.WriteFile(directory+"/pg_hba.conf", []byte(r.File), 0o600); err != nil {
		return err
	}
	text, err := os.ReadFile(directory + "/postmaster.pid")
	if err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; <-time.After(2 * time.Millisecond) {
		a := Login{Role: "probe", Database: r.Probe}.try()
		if a.Verdict == "reject" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not take this file (%s):\n%s", a.Said, r.File)
		}
	}
}

func (l Login) try() Answer {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	config, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return Answer{Verdict: err.Error()}
	}
	config.Host, config.Port, config.User, config.Database, config.Password = cmp.Or(l.To, directory), 5432, l.Role, l.Database, Password
	config.RuntimeParams = map[string]string{}
	if l.Replication != "" {
		config.RuntimeParams["replication"] = l.Replication
	}
	if l.TLS {
		config.TLSConfig = &tls.Config{InsecureSkipVerify: true}
	}
	if l.From != "" {
		config.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(l.From)}}).DialContext
	}
	var heard recorder
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(io.TeeReader(r, &heard), w)
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err == nil {
		_ = conn.Close(ctx)
		return Answer{Verdict: heard.asked(), In: true}
	}
	return Answer{Verdict: cmp.Or(heard.asked(), refusal(err)), Said: err.Error()}
}

// recorder keeps the first bytes that the server sends.
type recorder struct{ bytes.Buffer }

func (r *recorder) Write(p []byte) (int, error) {
	if r.Len() < 16 {
		r.Buffer.Write(p)
	}
	return len(p), nil
}

// asked is the method by which the server has its first message ask; "" where it refuses at once.
func (r *recorder) asked() string {
	if b := r.Bytes(); len(b) >= 9 && b[0] == 'R' {
		switch code := binary.BigEndian.Uint32(b[5:]); code {
		case pgproto3.AuthTypeOk:
			return "trust"
		case pgproto3.AuthTypeCleartextPassword:
			return "password"
		case pgproto3.AuthTypeSASL:
			return "scram-sha-256"
		default:
			return fmt.Sprint("authentication request ", code)
		}
	}
	return ""
}

func refusal(err error) string {
	var e *pgconn.PgError
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case strings.HasPrefix(e.Message, "no pg_hba.conf entry for "):
		return "none"
	case strings.HasPrefix(e.Message, "pg_hba.conf rejects "):
		return "reject"
	case strings.HasPrefix(e.Message, "Peer authentication failed for user "):
		return "peer"
	}
	return e.Message
}
