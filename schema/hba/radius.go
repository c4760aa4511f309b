package hba

import (
	"slices"
	"strings"
)

// list splits a value as the server splits lists: names between commas, in quotes where need be; false where one is empty
// or a quote is open.
func list(text string) ([]string, bool) {
	const blanks = " \t\n\r\f\v"
	rest := strings.TrimLeft(text, blanks)
	if rest == "" {
		return nil, true
	}
	var out []string
	for {
		var name string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end+1:], `"`)) {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			if end >= len(rest) {
				return nil, false
			}
			name, rest = strings.ReplaceAll(rest[1:end], `""`, `"`), rest[end+1:]
		} else {
			end := strings.IndexAny(rest, ","+blanks)
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, false
			}
			name, rest = rest[:end], rest[end:]
		}
		out = append(out, name)
		rest = strings.TrimLeft(rest, blanks)
		if rest == "" {
			return out, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(rest[1:], blanks)
	}
}

// radiusList checks a list of a RADIUS rule. Whether the names of servers are known, only the server can say.
func radiusList(p *parser, w word, value string) {
	if _, ok := list(value); !ok {
		p.wrongWord(w, "%q is not a list", value).hint(`write it in quotes: "a,b"`)
	}
}

func radiusPorts(p *parser, w word, value string) {
	ports, ok := list(value)
	if !ok || slices.ContainsFunc(ports, func(port string) bool { return number(port) == 0 }) {
		p.wrongWord(w, "%q is not a list of ports", value).hint(`write it in quotes: "1812,1812"`)
	}
}

func (p *parser) radius() string {
	count := func(name string) int {
		value, _ := p.rule.Option(name)
		names, _ := list(value)
		return len(names)
	}
	servers := count("radiusservers")
	fits := func(n int) bool { return n <= 1 || n == servers }
	switch {
	case servers == 0:
		return "radius needs the option radiusservers"
	case count("radiussecrets") == 0:
		return "radius needs the option radiussecrets"
	case !fits(count("radiussecrets")):
		return "radiussecrets names one, or one for each server"
	case !fits(count("radiusports")):
		return "radiusports names one, or one for each server"
	case !fits(count("radiusidentifiers")):
		return "radiusidentifiers names one, or one for each server"
	}
	return ""
}
