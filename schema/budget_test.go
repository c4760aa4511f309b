package schema

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestExpressionsCannotExhaustTheMachine: small files that ask for gigabytes or for minutes are refused, whatever the way.
func TestExpressionsCannotExhaustTheMachine(t *testing.T) {
	thirty := "a0 = \"0123456789\"\n"
	lists := "a0 = [1, 2, 3]\n"
	for n := 1; n <= 30; n++ {
		thirty += fmt.Sprintf("a%d = \"${local.a%d}${local.a%d}${local.a%d}\"\n", n, n-1, n-1, n-1)
		lists += fmt.Sprintf("a%d = [local.a%d, local.a%d, local.a%d]\n", n, n-1, n-1, n-1)
	}
	loop := "[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]]"
	for name, locals := range map[string]string{
		"setproduct":                      "a = setproduct(range(1000), range(1000), range(1020))",
		"templates":                       thirty,
		"lists":                           lists,
		"loops":                           "a = " + loop,
		"loops in try":                    "a = try(" + loop + ", " + loop + ", 1)",
		"loops of keys":                   "a = { for a in range(1000) : a => { for b in range(1000) : b => { for c in range(1000) : c => 1 } } }",
		"empty loops":                     "a = [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c if false]]]",
		"indent":                          "a = indent(999999999, \"x\\ny\\n\")",
		"format":                          "a = format(\"%999999999d\", 1)",
		"format in parts":                 "a = formatlist(\"%9999999d\", range(1020))",
		"join":                            "a = join(format(\"%60000d\", 1), range(1020), range(1020))",
		"replace":                         "a = replace(format(\"%60000s\", \" \"), \" \", format(\"%60000s\", \" \"))",
		"replace by a regular expression": "a = replace(format(\"%60000s\", \" \"), \"/ /\", format(\"%60000s\", \" \"))",
		"split":                           "a = split(\"\", format(\"%9000000d\", 1))",
		"one string":                      "b = format(\"%1000000d\", 1)\na = \"" + strings.Repeat("${local.b}", 100) + "\"",
		"splat":                           "b = [for n in range(1000) : {n = [for m in range(1000) : m]}]\na = local.b[*].n",
		"concat":                          "b = flatten([for n in range(1000) : range(100)])\na = concat(" + strings.Repeat("local.b, ", 100) + "[])",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, diags := loadText("cluster \"demo\" {}\nmaster \"pg1\" {}\nlocals {\n" + locals + "\n}\n")
			runtime.ReadMemStats(&after)
			if !slices.ContainsFunc(diags, func(d Diagnostic) bool { return d.Code == string(codeBudget) }) || len(diags) > 3 {
				var text strings.Builder
				diags.WriteText(&text)
				t.Errorf("it is not refused, once: %.2000s", text.String())
			}
			if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 1500 {
				t.Errorf("%d MB were used until it was refused", made)
			}
		})
	}
}

// TestForEachOverMany: what makes too many copies is refused, however it came about.
func TestForEachOverMany(t *testing.T) {
	_, diags := loadText("cluster \"demo\" {}\nmaster \"pg1\" {}\nrole \"r\" { for_each = toset(flatten([for a in range(400) : [for b in range(250) : \"r${a}_${b}\"]])) }\n")
	if len(diags) != 1 || diags[0].Code != string(codeForEach) && diags[0].Code != string(codeBudget) {
		t.Errorf("%v", diags)
	}
}
