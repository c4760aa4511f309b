package schema

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// everyFunc is alltrue (the answer is yes unless one is false) or anytrue (it is no unless one is true), as in Terraform.
func everyFunc(all bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType, AllowUnknown: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if t := args[0].Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() && t != cty.DynamicPseudoType {
				return cty.NilType, valueArgError("wants a list")
			}
			return cty.Bool, nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if !args[0].IsKnown() {
				return cty.UnknownVal(cty.Bool), nil
			}
			unknown := false
			for it := args[0].ElementIterator(); it.Next(); {
				_, one := it.Element()
				is, err := convert.Convert(one, cty.Bool)
				switch {
				case err != nil || is.IsNull():
					return cty.NilVal, valueArgError("wants true and false in its list")
				case !is.IsKnown():
					unknown = true
				case is.True() != all:
					return cty.BoolVal(!all), nil
				}
			}
			if unknown {
				return cty.UnknownVal(cty.Bool), nil
			}
			return cty.BoolVal(all), nil
		},
	})
}

// beginsFunc is startswith or endswith, as in Terraform.
func beginsFunc(is func(text, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(is(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func valueArgError(text string) error { return function.NewArgError(0, valueFree(text)) }
