package schema

import "log/slog"

// Hidden is what every rendering of a Secret says.
const Hidden = "(sensitive)"

// Secret is a value that never renders: whatever prints, formats, marshals or logs it gets Hidden. The three states are
// none (the zero value: nothing was written), unset (written, but its sensitive variable has no value) and set.
type Secret struct {
	text   string
	source string // what the author wrote, such as var.app_password: for "password: not checked" and for diff
	set    bool
	unset  bool
	plain  bool // a value that stands in the file for everybody to read
}

// NewSecret returns a set secret; source is the expression that gave it, as written.
func NewSecret(text, source string) Secret { return Secret{text: text, source: source, set: true} }

// UnsetSecret is the secret of a sensitive variable that has no value in this run.
func UnsetSecret(source string) Secret { return Secret{source: source, unset: true} }

// IsSet reports whether there is a value to reveal.
func (s Secret) IsSet() bool { return s.set }

// IsUnset reports whether a value was asked for and its variable has none.
func (s Secret) IsUnset() bool { return s.unset }

// IsPlain reports whether the value is one that the file itself shows: neither sensitive nor read from outside. Nothing prints it
// either, but what others print need not be without it.
func (s Secret) IsPlain() bool { return s.plain }

// Source is the expression as written in the file (var.app_password); it holds no secret.
func (s Secret) Source() string { return s.source }

// Reveal returns the value itself. Only what computes a verifier or writes a 0600 file may call it; a test holds that.
func (s Secret) Reveal() string { return s.text }

func (s Secret) String() string               { return Hidden }
func (s Secret) GoString() string             { return Hidden }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Hidden), nil }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Hidden) }
