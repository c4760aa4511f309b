package schema

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// markURL is what a value from url() carries along: which database of which server it leads to, and as whom.
type markURL struct{ node, role, database Address }

// urlFunc is url(node, role, database): how a client on the cluster's network connects (libpq, chapter "Connection URIs").
// It is sensitive where the role has a password. A replication role without one of its own has a generated password, which
// no file knows.
func (l *loader) urlFunc() function.Function {
	dynamic := func(name string) function.Parameter {
		return function.Parameter{Name: name, Type: cty.DynamicPseudoType, AllowMarked: true, AllowUnknown: true, AllowDynamicType: true, AllowNull: true}
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{dynamic("node"), dynamic("role"), dynamic("database")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var named [3]cty.Value
			var to markURL
			for i, kinds := range [][]string{{"master", "replica"}, {"role"}, {"database"}} {
				a, ok := reference(args[i])
				if !ok || !slices.Contains(kinds, a.Block) {
					return cty.NilVal, callError{codeKind, fmt.Sprintf("url() wants a %s as argument %d", kinds[len(kinds)-1], i+1),
						"Write url(master.NAME, role.NAME, database.NAME)."}
				}
				named[i] = args[i].GetAttr("name")
				*[]*Address{&to.node, &to.role, &to.database}[i] = a
			}
			at := url.URL{Scheme: "postgresql", Host: named[0].AsString() + ":5432", User: url.User(named[1].AsString()),
				Path: "/" + named[2].AsString(), RawPath: "/" + url.PathEscape(named[2].AsString())}
			role, _ := reference(args[1])
			password := l.passwordOf(role)
			switch {
			case password == cty.NilVal:
				return cty.StringVal(at.String()).Mark(to), nil
			case !password.IsKnown():
				return cty.UnknownVal(cty.String).Mark(markSensitive).Mark(to), nil
			}
			at.User = url.UserPassword(named[1].AsString(), password.AsString())
			return cty.StringVal(at.String()).Mark(markSensitive).Mark(to), nil
		},
	})
}

// passwordOf is the password that a role's block writes, without marks; NilVal where it writes none. What is wrong with it
// is said where the block is decoded.
func (l *loader) passwordOf(role Address) cty.Value {
	b := l.block(role.Block, role.Label)
	if b == nil {
		return cty.NilVal
	}
	copies, _ := l.copies(b, b.at)
	for _, in := range copies {
		a := in.body.Attributes["password"]
		if in.address() != role || a == nil {
			continue
		}
		v, ok := l.eval(a.Expr, in.each)
		v, _ = v.UnmarkDeep()
		if text, err := convert.Convert(v, cty.String); ok && err == nil && !text.IsNull() {
			return text
		}
	}
	return cty.NilVal
}
