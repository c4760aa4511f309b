package schema

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// sources are the files that were read, by the names that diagnostics use, and the stretches of them that hold secrets.
type sources struct {
	readFile func(string) ([]byte, error) // of -f, which may be a pipe that somebody will write
	readData func(string) ([]byte, error) // of file()
	readDir  func(string) ([]string, error)
	text     map[string][]byte
	starts   map[string][]int // the byte at which each line of a text begins
	secrets  []hcl.Range
}

func newSources(o Options) *sources {
	s := &sources{readFile: o.ReadFile, readData: o.ReadFile, readDir: o.ReadDir, text: map[string][]byte{}, starts: map[string][]int{}}
	if s.readFile == nil {
		s.readFile, s.readData = readText, readPlainFile
	}
	if s.readDir == nil {
		s.readDir = listFolder
	}
	return s
}

// readText reads no more of a file than it takes to know that it is too large: /dev/zero has no end.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadLimited(f)
}

// ReadLimited reads a text as far as it takes to know whether it is too large.
func ReadLimited(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxBytes+1)) }

// readPlainFile reads what is a file, and no pipe or device, which might never answer.
func readPlainFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no file")}
	}
	return readText(path)
}

// Files returns what a path names, as Load would read it: the *.hcl files of a folder, by name, or else the path itself.
func Files(path string) []string {
	names, err := listFolder(path)
	if err != nil {
		return []string{path}
	}
	return hclFiles(path, names)
}

func hclFiles(folder string, names []string) []string {
	var paths []string
	for _, name := range names {
		if strings.HasSuffix(name, ".hcl") && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(folder, name))
		}
	}
	slices.Sort(paths)
	return paths
}

// listFolder leaves out what is no file, such as a pipe that nobody may ever write.
func listFolder(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.Type().IsRegular() || e.Type() == fs.ModeSymlink {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// readFiles parses what -f names: one file, or the *.hcl files of a folder by name.
func (l *loader) readFiles() []*hclsyntax.Body {
	var bodies []*hclsyntax.Body
	for _, path := range l.paths() {
		advice := "Write a first file with `pgrepl init`, or name the right one with -f."
		if path != l.options.Path {
			advice = "It is a link to what is not there."
		}
		if body := l.parseFile(path, advice); body != nil {
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func (s *sources) add(name string, text []byte) {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	s.text[name], s.starts[name] = text, starts
}

// line is a line of a file, counted from 1, without its end; "" where there is none.
func (s *sources) line(name string, n int) string {
	starts, text := s.starts[name], s.text[name]
	switch {
	case n < 1 || n > len(starts):
		return ""
	case n < len(starts):
		text = text[:starts[n]-1]
	}
	return string(text[starts[n-1]:])
}

// pos is the place of a byte of a file.
func (s *sources) pos(name string, at int) hcl.Pos {
	starts := s.starts[name]
	n, found := slices.BinarySearch(starts, at)
	if !found {
		n--
	}
	return hcl.Pos{Line: n + 1, Column: utf8.RuneCount(s.text[name][starts[n]:at]) + 1, Byte: at}
}

func (l *loader) paths() []string {
	names, err := l.src.readDir(l.options.Path)
	if err != nil {
		return []string{l.options.Path}
	}
	paths := hclFiles(l.options.Path, names)
	if len(paths) == 0 {
		l.errorf(codeRead, hcl.Range{Filename: l.options.Path}, "the folder holds no *.hcl file").
			detail("Write a first file with `pgrepl init`, or name the right folder with -f.")
	}
	return paths
}

// parseFile returns nil after a diagnostic; advice is what to do when there is no such file.
func (l *loader) parseFile(path, advice string) *hclsyntax.Body {
	src, err := l.src.readFile(path)
	if err != nil {
		l.unreadable(path, err, advice)
		return nil
	}
	src = normalNewlines(src)
	l.src.add(path, src)
	heredocs, ok := l.sound(src, path)
	if !ok {
		return nil
	}
	file, diags := parse(src, path, heredocs)
	l.syntax(diags, src, path)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok || diags.HasErrors() {
		return nil
	}
	return body
}

func (l *loader) unreadable(path string, err error, advice string) {
	if errors.Is(err, fs.ErrNotExist) {
		l.errorf(codeRead, hcl.Range{Filename: path}, "no such file").detail("%s", advice)
		return
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	l.errorf(codeRead, hcl.Range{Filename: path}, "cannot be read: %v", err)
}

const maxSyntaxErrors = 20 // what is no HCL at all has one for every character

// syntax takes over what the HCL parser found.
func (r *report) syntax(diags hcl.Diagnostics, src []byte, filename string) {
	var explained []int
	if diags.HasErrors() {
		explained = r.pasted(src, filename)
	}
	for _, d := range diags[:min(len(diags), maxSyntaxErrors)] {
		at := hcl.Range{}
		if d.Subject != nil {
			at = *d.Subject
		}
		if len(explained) > 0 && at.Start.Line >= explained[0] {
			continue // the parser stumbles over what is explained already
		}
		r.errorf(codeSyntax, at, "%s", lowerFirst(strings.TrimSuffix(d.Summary, "."))).hint(slipHint(d, src)).detail("%s", d.Detail)
		if d.Summary == "Invalid multi-line string" {
			return // a quote is missing, and everything behind it is read as part of the string
		}
	}
}

// normalNewlines strips byte order marks and makes every line end in \n, so that strings and positions are the same
// whatever editor wrote the file. What it returns, it leaves as it is.
func normalNewlines(src []byte) []byte {
	for bytes.HasPrefix(src, byteOrderMark) {
		src = src[len(byteOrderMark):]
	}
	return lineEnds.ReplaceAll(src, []byte("\n"))
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	lineEnds      = regexp.MustCompile(`\r+\n`)
)

const snippetWidth = 200

// looksSecret finds a literal that is most likely a password: in a file that is too broken to know, or inside a text, such as
// password=x in a connection string and ldapbindpasswd=x in pg_hba.conf.
var (
	looksSecret = regexp.MustCompile(`(?i)([\w-]*(?:passw|secret|token)[\w-]*)["']?(?:\s*[=:]\s*("|'|<<|[0-9])|=([^\s"'=]))`)
	isReference = regexp.MustCompile(`^(?:var|local|each)\.|^[a-z]+\(`)
)

// literalSecret returns the byte of a line at which such a literal begins, or -1.
func literalSecret(line string) int {
	for _, m := range looksSecret.FindAllStringSubmatchIndex(line, -1) {
		at := max(m[4], m[6])
		if line[m[2]:m[3]] != "password_encryption" && !isReference.MatchString(line[at:]) {
			return at
		}
	}
	return -1
}

// snippet is the first line of a range, cut before any secret in it.
func (s *sources) snippet(r Range) string {
	line := strings.TrimRight(s.line(r.Filename, r.Start.Line), " \t")
	if at := s.secretFrom(r, line); at >= 0 {
		line = line[:at] + Hidden
	}
	if utf8.RuneCountInString(line) > snippetWidth {
		line = string([]rune(line)[:snippetWidth]) + "..."
	}
	return line
}

// secretFrom returns the byte of the line at which a secret begins, or -1.
func (s *sources) secretFrom(r Range, line string) int {
	at := literalSecret(line)
	for _, secret := range s.secrets {
		if secret.Filename != r.Filename || r.Start.Line < secret.Start.Line || r.Start.Line > secret.End.Line {
			continue
		}
		from := 0
		if r.Start.Line == secret.Start.Line {
			from = len(string([]rune(line)[:min(secret.Start.Column-1, utf8.RuneCountInString(line))]))
		}
		if at < 0 || from < at {
			at = from
		}
	}
	return at
}

// hide keeps a whole file out of what diagnostics show.
func (s *sources) hide(name string) {
	whole := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.Pos{Line: len(s.starts[name]) + 1}}
	s.secrets = append(s.secrets, whole)
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
