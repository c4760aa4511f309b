package schema

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean is the hint for a misspelt word, "" when no known word is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// nearest returns the known word that takes the fewest edits to reach, if these are few for a word of its length; failing
// that, the one known word that the given one begins.
func nearest(word string, known []string) string {
	best, least := "", max(len(word)/3, 1)+1
	if len(word) > 100 {
		return ""
	}
	for _, k := range slices.Sorted(slices.Values(known)) {
		if n := edits(strings.ToLower(word), strings.ToLower(k)); n < least && k != word && n < len(k) {
			best, least = k, n
		}
	}
	if best == "" && len(word) >= 3 {
		return only(slices.DeleteFunc(slices.Clone(known), func(k string) bool { return k == word || !strings.HasPrefix(k, strings.ToLower(word)) }))
	}
	return best
}

// only is the one word of a list, "" where there are none or several.
func only(words []string) string {
	if len(words) != 1 {
		return ""
	}
	return words[0]
}

// edits counts the insertions, deletions, replacements and swaps of neighbours between two words.
func edits(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
