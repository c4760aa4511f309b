package render

import (
	"fmt"
	"slices"
	"strings"
)

// listRow is one entry of an ordered list, with its number before and after; 0: it is not there.
type listRow struct {
	was, is int
	text    string
}

// listDiff shows an ordered list whose order is its meaning (pg_hba.conf): every rule with its number, + for a new one, -
// for one that goes, and where a rule stood before that moved.
func listDiff(before, after []string) []string {
	var out []string
	for _, r := range listRows(before, after) {
		line := fmt.Sprintf("%6d  %s", r.is, r.text)
		switch {
		case r.is == 0:
			line = "-        " + r.text
		case r.was == 0:
			line = "+" + line
		case r.was != r.is:
			line = fmt.Sprintf(" %s   (was %d)", line, r.was)
		default:
			line = " " + line
		}
		out = append(out, line)
	}
	return out
}

// listRows are the entries of both lists in one order: what goes stands before what follows it.
func listRows(before, after []string) []listRow {
	kept := longestCommon(before, after)
	table := align(append(slices.Clone(before), after...))
	oldRow, newRow := table[:len(before)], table[len(before):]
	var out []listRow
	b := 0
	gone := func(until int) {
		for ; b < until; b++ {
			out = append(out, listRow{was: b + 1, text: oldRow[b]})
		}
	}
	for a := range after {
		was, stays := kept[a]
		if !stays {
			out = append(out, listRow{is: a + 1, text: newRow[a]})
			continue
		}
		gone(was)
		b = was + 1
		out = append(out, listRow{was: was + 1, is: a + 1, text: newRow[a]})
	}
	gone(len(before))
	return out
}

// longestCommon maps the index in after of every rule that stays to its index in before.
func longestCommon(before, after []string) map[int]int {
	length := make([][]int, len(before)+1)
	for i := range length {
		length[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				length[i][j] = length[i+1][j+1] + 1
				continue
			}
			length[i][j] = max(length[i+1][j], length[i][j+1])
		}
	}
	kept := map[int]int{}
	for i, j := 0, 0; i < len(before) && j < len(after); {
		switch {
		case before[i] == after[j]:
			kept[j] = i
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return kept
}

// align puts the fields of rules below each other; a local rule has no address.
func align(rules []string) []string {
	var rows [][]string
	var width [4]int
	for _, r := range rules {
		f := strings.Fields(r)
		if len(f) > 0 && f[0] == "local" && len(f) > 3 {
			f = slices.Insert(f, 3, "")
		}
		rows = append(rows, f)
		for i := 0; i < len(width) && i < len(f); i++ {
			width[i] = max(width[i], len(f[i]))
		}
	}
	out := make([]string, len(rows))
	for n, f := range rows {
		var b strings.Builder
		for i, field := range f {
			if i < len(width) && i < len(f)-1 {
				fmt.Fprintf(&b, "%-*s  ", width[i], field)
				continue
			}
			b.WriteString(field + " ")
		}
		out[n] = strings.TrimRight(b.String(), " ")
	}
	return out
}
