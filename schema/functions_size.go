package schema

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// growing are the functions whose result may be much larger than what they are given, each with about how large it becomes.
// It is asked before they begin.
var growing = map[string]func(args []cty.Value) int{
	"setproduct": func(args []cty.Value) int {
		size := perItem * len(args)
		for _, a := range args {
			if size = times(size, length(a)); size > maxMade {
				break
			}
		}
		return size
	},
	"indent": func(args []cty.Value) int {
		return times(whole(0, args), strings.Count(text(1, args), "\n"))
	},
	"join": func(args []cty.Value) int {
		n := 0
		for _, a := range args[1:] {
			n += length(a)
		}
		return times(len(text(0, args)), n)
	},
	"replace": func(args []cty.Value) int {
		s, old := text(0, args), text(1, args)
		found := len(s) + 1
		if len(old) > 0 && !(len(old) > 1 && old[0] == '/' && old[len(old)-1] == '/') {
			found = strings.Count(s, old)
		}
		return times(len(text(2, args)), found)
	},
	"split":      func(args []cty.Value) int { return times(2*perItem, strings.Count(text(1, args), text(0, args))) },
	"regexall":   func(args []cty.Value) int { return times(2*perItem, len(text(1, args))) / 4 },
	"jsondecode": func(args []cty.Value) int { return times(perItem, strings.Count(text(0, args), ",")) },
	"format":     formatted,
	"formatlist": func(args []cty.Value) int {
		n := 1
		for _, a := range args[1:] {
			n = max(n, length(a))
		}
		return times(formatted(args), n)
	},
}

// comparing are the functions that compare each element with each other one, or their types; and by how much the square of
// their number is more than the work.
var comparing = map[string]int{"coalescelist": 1000, "distinct": 200, "setintersection": 1000, "setproduct": 1000, "setsubtract": 1000,
	"setunion": 1000, "tolist": 1000, "tomap": 1000, "toset": 1000}

// widths are the numbers in the verbs of format.
var widths = regexp.MustCompile(`%[^a-zA-Z%]*?([0-9]+)(?:\.([0-9]+))?`)

func formatted(args []cty.Value) int {
	size := 0
	for _, m := range widths.FindAllStringSubmatch(text(0, args), -1) {
		for _, digits := range m[1:] {
			if n, err := strconv.Atoi(digits); err == nil || len(digits) > 9 {
				size += max(n, 0)
				if len(digits) > 9 {
					return maxMade + 1
				}
			}
		}
	}
	return size
}

func times(a, b int) int {
	if a > 0 && b > maxMade/a {
		return maxMade + 1
	}
	return a * b
}

func text(n int, args []cty.Value) string {
	if n >= len(args) {
		return ""
	}
	v, _ := args[n].Unmark()
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

func whole(n int, args []cty.Value) int {
	if n >= len(args) {
		return 0
	}
	v, _ := args[n].Unmark()
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.Number {
		return 0
	}
	f, _ := v.AsBigFloat().Float64()
	return int(min(max(f, 0), maxMade+1))
}

// counted is a function that is asked for its work and the size of its result before it begins.
func (l *loader) counted(name string, f function.Function) function.Function {
	before := func(args []cty.Value) {
		if size := growing[name]; size != nil && size(args) > maxMade-l.budget.made {
			l.budget.charge(maxMade+1, 0)
		}
		if by := comparing[name]; by > 0 && !oneType(name, args) {
			for _, a := range args {
				l.budget.charge(0, squared(length(a), by))
			}
		}
	}
	spec := &function.Spec{
		Type: func(args []cty.Value) (cty.Type, error) {
			before(args)
			if oneType(name, args) {
				return collection(name, args[0]).Type(), nil
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if oneType(name, args) {
				return collection(name, args[0]), nil
			}
			return f.Call(args)
		},
	}
	for _, p := range f.Params() {
		spec.Params = append(spec.Params, lenient(p))
	}
	if p := f.VarParam(); p != nil {
		v := lenient(*p)
		spec.VarParam = &v
	}
	return function.New(spec)
}

// oneType is true for what becomes a set or list without any conversion: the elements of the tuple are of one type.
func oneType(name string, args []cty.Value) bool {
	if name != "toset" && name != "tolist" || len(args) != 1 {
		return false
	}
	t := args[0].Type()
	if !t.IsTupleType() || args[0].IsMarked() || args[0].IsNull() || !args[0].IsKnown() {
		return false
	}
	types := t.TupleElementTypes()
	return len(types) > 0 && types[0] != cty.DynamicPseudoType && !slices.ContainsFunc(types, func(one cty.Type) bool { return !one.Equals(types[0]) })
}

func collection(name string, tuple cty.Value) cty.Value {
	if name == "toset" {
		return cty.SetVal(tuple.AsValueSlice())
	}
	return cty.ListVal(tuple.AsValueSlice())
}

// lenient is a parameter that leaves what is special to the function itself.
func lenient(p function.Parameter) function.Parameter {
	p.AllowNull, p.AllowUnknown, p.AllowMarked, p.AllowDynamicType = true, true, true, true
	return p
}
