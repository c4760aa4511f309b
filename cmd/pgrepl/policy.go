package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/schema"
)

// addPolicy adds what the commands have that hold something against policies.
func (a *app) addPolicy(c *cobra.Command) {
	c.Flags().StringArrayVar(&a.policies, "policy", nil, "hold it against the policies of this file too (repeatable)")
}

// judged is a plan as it is told, held against the policies. One that cannot be worked out forbids everything.
func (a *app) judged(t render.Title, p engine.Plan, file *schema.Cluster) (render.Document, error) {
	d := render.Tell(t, p)
	if !file.Policies() {
		return d, nil
	}
	var plan bytes.Buffer
	if err := render.JSON(&plan, d); err != nil {
		return d, err
	}
	violations, diags := file.Judge(plan.Bytes())
	if diags.HasErrors() {
		diags.WriteText(a.err)
		return d, exitWith(exitInvalid)
	}
	for _, v := range violations {
		d.Policies = append(d.Policies, render.Violation{Policy: v.Policy, Severity: map[bool]string{true: "warning", false: "error"}[v.Warns], Message: v.Message, Source: v.Origin.String()})
	}
	return d, nil
}
