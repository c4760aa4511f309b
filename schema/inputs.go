package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Inputs are what a model was made from, without anything secret: enough to make the same one again.
type Inputs struct {
	Path   string            // as the user named it
	SHA256 string            // of the *.hcl files and their names; neither of variables nor of what file() reads, which may be secrets
	Vars   map[string]string // the variables that were given, as --var takes them; none that is sensitive, or that only policies refer to
}

// Inputs returns what the cluster was made from.
func (c *Cluster) Inputs() Inputs { return c.inputs }

func (l *loader) inputs() Inputs {
	digest := sha256.New()
	for _, path := range l.paths() { // by base name: the folder may be reached in many ways
		fmt.Fprintf(digest, "%q %d\n", filepath.Base(path), len(l.src.text[path]))
		digest.Write(l.src.text[path])
	}
	vars := maps.Clone(l.given)
	maps.DeleteFunc(vars, func(name, _ string) bool { return !l.used[name] })
	return Inputs{Path: l.options.Path, SHA256: hex.EncodeToString(digest.Sum(nil)), Vars: vars}
}

// noteGiven keeps the value of a variable that was given from outside, as --var would give it again.
func (l *loader) noteGiven(v *variable) {
	if !v.ok || v.sensitive || v.value.ContainsMarked() || !v.value.IsWhollyKnown() || v.value.IsNull() {
		return
	}
	text, err := convert.Convert(v.value, cty.String)
	if !v.kind.IsPrimitiveType() || err != nil {
		l.given[v.name] = string(hclwrite.TokensForValue(v.value).Bytes())
		return
	}
	l.given[v.name] = text.AsString()
}
