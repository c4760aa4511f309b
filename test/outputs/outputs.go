// Package outputs holds what pgrepl prints for programs to the JSON Schemas in docs. It is stricter than those: a member that
// no schema tells of is an error, where readers pass over it.
package outputs

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pgrepl/docs"
)

// Held is what a text has that the schema of an output (plan, validate, …) does not allow; nil is nothing.
func Held(output string, text []byte) error {
	schema, err := compiled(output)
	if err != nil {
		return err
	}
	return hold(schema, text)
}

// By holds a text to a schema as it is.
func By(rules, text []byte) error {
	schema, err := compile(rules, func(rules any) any { return rules })
	if err != nil {
		return err
	}
	return hold(schema, text)
}

func hold(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

var made sync.Map // by output: a test holds hundreds of texts to one

func compiled(output string) (*jsonschema.Schema, error) {
	if schema, is := made.Load(output); is {
		return schema.(*jsonschema.Schema), nil
	}
	rules, known := docs.Schema(output)
	if !known {
		return nil, fmt.Errorf("docs has no schema of %s", output)
	}
	schema, err := compile(rules, closed)
	if err == nil {
		made.Store(output, schema)
	}
	return schema, err
}

func compile(text []byte, change func(any) any) (*jsonschema.Schema, error) {
	const name = "mem:schema"
	rules, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(name, change(rules)); err != nil {
		return nil, err
	}
	return compiler.Compile(name)
}

// closed is the schema with every object that names its members closed to others.
func closed(rules any) any {
	switch rules := rules.(type) {
	case map[string]any:
		for name, part := range rules {
			rules[name] = closed(part)
		}
		_, names := rules["properties"].(map[string]any)
		if _, says := rules["additionalProperties"]; names && !says {
			rules["additionalProperties"] = false
		}
	case []any:
		for i, part := range rules {
			rules[i] = closed(part)
		}
	}
	return rules
}
