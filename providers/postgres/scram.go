package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/stringprep"

	"pgrepl/schema"
)

// scramIterations is PostgreSQL's own default (scram_iterations).
const scramIterations = 4096

// verifier computes what PostgreSQL stores for a password under SCRAM-SHA-256 (RFC 5802, RFC 7677), so that the password
// itself never reaches the server, its log or its statistics.
func verifier(password schema.Secret) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	stored, server, err := scramKeys(password, salt, scramIterations)
	if err != nil {
		return "", err
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, b64(salt), b64(stored), b64(server)), nil
}

// accepts reports whether a stored verifier is that of the password. One of another kind (md5) never is: pgrepl replaces
// it by SCRAM.
func accepts(stored string, password schema.Secret) bool {
	rest, ok := strings.CutPrefix(stored, "SCRAM-SHA-256$")
	if !ok {
		return false
	}
	head, keys, ok := strings.Cut(rest, "$")
	iterations, salt64, ok2 := strings.Cut(head, ":")
	storedKey, serverKey, ok3 := strings.Cut(keys, ":")
	n, err := strconv.Atoi(iterations)
	salt, err2 := base64.StdEncoding.DecodeString(salt64)
	if !ok || !ok2 || !ok3 || err != nil || err2 != nil || n < 1 {
		return false
	}
	k, s, err := scramKeys(password, salt, n)
	if err != nil {
		return false
	}
	return base64.StdEncoding.EncodeToString(k) == storedKey && base64.StdEncoding.EncodeToString(s) == serverKey
}

func scramKeys(password schema.Secret, salt []byte, iterations int) (stored, server []byte, err error) {
	salted, err := pbkdf2.Key(sha256.New, prepared(password.Reveal()), salt, iterations, sha256.Size)
	if err != nil {
		return nil, nil, fmt.Errorf("derive a SCRAM key: %w", err)
	}
	digest := sha256.Sum256(mac(salted, "Client Key"))
	return digest[:], mac(salted, "Server Key"), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// prepared applies SASLprep (RFC 4013), and like PostgreSQL takes the raw bytes where that is not possible.
func prepared(password string) string {
	p, err := stringprep.SASLprep.Prepare(password)
	if err != nil {
		return password
	}
	return p
}

// randomPassword makes one that nobody needs to know: 256 bits, letters and digits.
func randomPassword(source string) (schema.Secret, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return schema.Secret{}, fmt.Errorf("make a password: %w", err)
	}
	return schema.NewSecret(base64.RawURLEncoding.EncodeToString(b), source), nil
}
