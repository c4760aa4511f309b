package schema

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// standbyToken is a token of synchronous_standby_names (syncrep_scanner.l): a name in quotes, a word, a number, a sign.
var standbyToken = regexp.MustCompile(`^(?:("(?:[^"]|"")*")|([A-Za-z_\x{80}-\x{10ffff}][A-Za-z0-9_$\x{80}-\x{10ffff}]*)|([0-9]+)|([*,()]))`)

// standbyNames writes synchronous_standby_names in its full form, FIRST 1 (a, "b-1"). Names are compared in any case.
func standbyNames(text string) (string, error) {
	tokens, ok := standbyTokens(text)
	if !ok {
		return "", errStandbys
	}
	if len(tokens) == 0 {
		return "", nil
	}
	mode, count := "FIRST", "1"
	if word := strings.ToUpper(tokens[0]); word == "FIRST" || word == "ANY" {
		mode, tokens = word, tokens[1:]
		if len(tokens) < 2 || tokens[1] != "(" {
			return "", errStandbys
		}
	}
	if len(tokens) > 2 && tokens[1] == "(" && tokens[len(tokens)-1] == ")" {
		count, tokens = strings.TrimLeft(tokens[0], "0"), tokens[2:len(tokens)-1]
	}
	if count == "" || len(count) > 9 || strings.Trim(count, "0123456789") != "" || !isNameList(tokens) {
		return "", errStandbys
	}
	return mode + " " + count + " (" + strings.ReplaceAll(strings.Join(tokens, " "), " , ", ", ") + ")", nil
}

var errStandbys = errors.New("must be a list such as FIRST 1 (a, b)")

// standbyTokens splits the text; names are in lower case, and in quotes where they need them.
func standbyTokens(text string) (tokens []string, ok bool) {
	for text = strings.TrimLeft(text, blanks); text != ""; text = strings.TrimLeft(text, blanks) {
		token := standbyToken.FindString(text)
		if token == "" {
			return nil, false
		}
		text = text[len(token):]
		if !strings.HasPrefix(token, `"`) {
			tokens = append(tokens, lower(token))
			continue
		}
		token = lower(token)
		plain := token[1 : len(token)-1]
		if standbyToken.FindString(plain) == plain && plain != "" && !slices.Contains([]string{"first", "any", ",", "(", ")"}, plain) && plain[0] != '"' {
			token = plain
		}
		tokens = append(tokens, token)
	}
	return tokens, true
}

// isNameList is true for names with commas between them.
func isNameList(tokens []string) bool {
	for i, token := range tokens {
		isName := !slices.Contains([]string{"first", "any", ",", "(", ")"}, token)
		if isName != (i%2 == 0) || !isName && token != "," {
			return false
		}
	}
	return len(tokens)%2 == 1
}
