// Package engine turns what a file wants and what was seen in the world into a plan, and a plan into a changed world.
//
//	want (file) ─┐
//	             ├─ diff ─ changes ─ steps ─ order ─ risks ─ Plan ─ Apply ─ look again ─ the plan must be empty
//	seen (look) ─┘
//
// It uses the standard library only and knows no HCL, Docker or SQL: what a thing is and how it is changed, a Kind says.
// The plan is a pure function of (want, seen); Apply holds no decisions.
package engine
