package schema

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// callError is a function's own complaint; it holds no value of an argument but names that are no secret.
type callError struct {
	code            code
	summary, detail string
}

func (e callError) Error() string { return e.summary }

// pure are the functions that depend on their arguments only.
func pure() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc,

		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc,
		"regexall": stdlib.RegexAllFunc, "replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc,
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"upper": stdlib.UpperFunc,

		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"index": stdlib.IndexFunc, "keys": stdlib.KeysFunc, "length": lengthFunc(), "lookup": lookupFunc(),
		"merge": stdlib.MergeFunc, "range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc,
		"setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"tobool": stdlib.MakeToFunc(cty.Bool), "tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":    stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber": stdlib.MakeToFunc(cty.Number), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring": stdlib.MakeToFunc(cty.String),

		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"cidrhost": cidrHostFunc(), "cidrsubnet": cidrSubnetFunc(),
		"alltrue": everyFunc(true), "anytrue": everyFunc(false), "startswith": beginsFunc(strings.HasPrefix), "endswith": beginsFunc(strings.HasSuffix),
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
		"sensitive": sensitiveFunc(),
	}
}

// functions are those that an expression in a file can call.
func (l *loader) functions(filename string) map[string]function.Function {
	folder := filepath.Dir(filename)
	all, ok := l.callable[folder]
	if !ok {
		all = pure()
		all["env"] = l.envFunc()
		all["file"] = l.fileFunc(folder)
		all["url"] = l.urlFunc()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if growing[name] != nil || comparing[name] > 0 {
				all[name] = l.counted(name, all[name])
			}
		}
		l.callable[folder] = all
	}
	return all
}

// Functions returns the names of the functions that an expression can call, sorted.
func Functions() []string {
	l := &loader{callable: map[string]map[string]function.Function{}}
	return slices.Sorted(slices.Values(l.functionNames()))
}

func (l *loader) functionNames() []string { return slices.Collect(maps.Keys(l.functions(""))) }

// nameParameter is the name of what a function reads. It may be a secret itself, and complaints show it by called.
func nameParameter(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String, AllowMarked: true}
}

// called is a name as it may be shown, with a blank before it; "" for a secret.
func called(name cty.Value) string {
	if name.IsMarked() {
		return ""
	}
	return " " + name.AsString()
}

// envFunc reads a variable of the environment; env("X") is sensitive where it lands in a place for secrets.
func (l *loader) envFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{nameParameter("name")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, marks := args[0].Unmark()
			value, ok := l.env[name.AsString()]
			if !ok {
				return cty.NilVal, callError{codeEnv, "the environment variable" + called(args[0]) + " is not set",
					"Export it before the command, or use a variable with sensitive = true, which plan can do without."}
			}
			return cty.StringVal(value).Mark(markEnv).WithMarks(marks), nil
		},
	})
}

const maxFileBytes = 1 << 20

// fileFunc reads a text file; a relative path starts at the folder of the file that says it.
func (l *loader) fileFunc(folder string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{nameParameter("path")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, marks := args[0].Unmark()
			path := l.pathFrom(folder, name.AsString())
			shown := called(cty.StringVal(path).WithMarks(marks))
			text, err := l.src.readData(path)
			switch {
			case err != nil:
				return cty.NilVal, callError{codeRead, "file():" + shown + " cannot be read",
					"A relative path starts at the folder of the file that says it."}
			case len(text) > maxFileBytes || !utf8.Valid(text):
				return cty.NilVal, callError{codeRead, "file():" + shown + " is not a text of at most 1 MiB", ""}
			}
			return cty.StringVal(string(normalNewlines(text))).WithMarks(marks), nil
		},
	})
}

// pathFrom is a path as file() reads it.
func (l *loader) pathFrom(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}

func sensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true,
			AllowMarked: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return args[0].Mark(markSensitive), nil },
	})
}

// lengthFunc counts the elements of a collection or the characters of a string.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].Type() == cty.String {
				return stdlib.Strlen(args[0])
			}
			return stdlib.Length(args[0])
		},
	})
}

// lookupFunc is lookup(map, key, default); without a default the key has to be there.
func lookupFunc() function.Function {
	any := function.Parameter{Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true}
	collection, key, rest := any, any, any
	collection.Name, key.Name, rest.Name = "map", "key", "default"
	find := func(args []cty.Value) (cty.Value, error) {
		switch {
		case len(args) == 3:
			return stdlib.LookupFunc.Call(args)
		case len(args) > 3:
			return cty.NilVal, valueFree("takes a map, a key and a default")
		}
		in, marks := args[0].Unmark()
		word, more := args[1].Unmark()
		switch {
		case in.IsNull() || word.IsNull() || !in.Type().IsMapType() && !in.Type().IsObjectType() && in.IsKnown() || word.IsKnown() && word.Type() != cty.String:
			return cty.NilVal, valueFree("wants a map and a string")
		case !in.IsKnown() || !word.IsKnown():
			return cty.DynamicVal.WithMarks(marks, more), nil
		}
		v, there := in.AsValueMap()[word.AsString()]
		if !there {
			return cty.NilVal, valueFree("the map has no such key, and there is no default")
		}
		return v.WithMarks(marks, more), nil
	}
	return function.New(&function.Spec{
		Params:   []function.Parameter{collection, key},
		VarParam: &rest,
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := find(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return find(args) },
	})
}
