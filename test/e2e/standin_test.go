package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
)

// standIns are programs that the scripts of examples/infra-repo call and that few machines have. This test binary is each of them,
// where it is called by that name. They know what the scripts ask of them, and fail at anything else.
var standIns = map[string]func(args []string) error{"gh": standInGH, "jq": standInJQ}

// standIn runs this binary as what it is called, if it is called as one of them.
func standIn() (code int, is bool) {
	run, is := standIns[filepath.Base(os.Args[0])]
	if !is {
		return 0, false
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		return 1, true
	}
	return 0, true
}

// take removes a flag and its value from args.
func take(args *[]string, flag string) string {
	i := slices.Index(*args, flag)
	if i < 0 || i+1 >= len(*args) {
		return ""
	}
	value := (*args)[i+1]
	*args = slices.Delete(*args, i, i+2)
	return value
}

// has removes a flag without a value from args.
func has(args *[]string, flag string) bool {
	i := slices.Index(*args, flag)
	if i >= 0 {
		*args = slices.Delete(*args, i, i+1)
	}
	return i >= 0
}

// standInGH knows `gh api [--paginate] PATH --jq EXPRESSION`, `gh api --silent --method METHOD PATH --field body=@FILE` and
// `gh run download ID --repo REPOSITORY --name NAME --dir FOLDER`.
func standInGH(args []string) error {
	switch {
	case len(args) > 1 && args[0] == "api":
		return ghAPI(args[1:])
	case len(args) > 2 && args[0] == "run" && args[1] == "download":
		id, rest := args[2], args[3:]
		repo, name, dir := take(&rest, "--repo"), take(&rest, "--name"), take(&rest, "--dir")
		if repo == "" || name != "pgrepl-plan" || dir == "" || len(rest) > 0 {
			return fmt.Errorf("run download: not understood: %q", args)
		}
		answer, err := ghAsk("GET", "repos/"+repo+"/actions/runs/"+id+"/artifacts", nil)
		if err != nil {
			return err
		}
		return copyTree(answer.(object)["folder"].(string), dir)
	}
	return fmt.Errorf("not understood: %q", args)
}

func ghAPI(args []string) error {
	rest := slices.Clone(args)
	paginate, silent := has(&rest, "--paginate"), has(&rest, "--silent")
	method, jq, field := take(&rest, "--method"), take(&rest, "--jq"), take(&rest, "--field")
	file, sends := strings.CutPrefix(field, "body=@")
	if len(rest) != 1 || sends != silent || sends != (method != "") || sends == (jq != "") {
		return fmt.Errorf("api: not understood: %q", args)
	}
	if sends {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, err = ghAsk(method, rest[0], object{"body": string(text)})
		return err
	}
	for page := 1; ; page++ {
		path := rest[0]
		if paginate {
			path = fmt.Sprintf("%s&page=%d", path, page)
		}
		answer, err := ghAsk("GET", path, nil)
		if err != nil {
			return err
		}
		if list, is := answer.([]any); paginate && is && len(list) == 0 {
			return nil
		}
		if err := query(os.Stdout, jq, answer); err != nil || !paginate {
			return err
		}
	}
}

func ghAsk(method, path string, body any) (any, error) {
	var sent bytes.Buffer
	if err := json.NewEncoder(&sent).Encode(body); err != nil {
		return nil, err
	}
	r, err := http.NewRequest(method, os.Getenv("FORGE")+"/"+path, &sent)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("GH_TOKEN"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	var out any
	err = json.NewDecoder(answer.Body).Decode(&out)
	return out, err
}

// standInJQ knows `jq [--raw-output] [--compact-output] EXPRESSION [FILE]`. It always writes as with both flags.
func standInJQ(args []string) error {
	raw, compact := has(&args, "--raw-output"), has(&args, "--compact-output")
	if !raw && !compact || len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("not understood: %q", args)
	}
	in := io.Reader(os.Stdin)
	if len(args) == 2 {
		f, err := os.Open(args[1])
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	var document any
	if err := json.NewDecoder(in).Decode(&document); err != nil {
		return err
	}
	return query(os.Stdout, args[0], document)
}

// query writes what an expression makes of a document, one result a line.
func query(w io.Writer, expression string, document any) error {
	parsed, err := gojq.Parse(expression)
	if err != nil {
		return err
	}
	code, err := gojq.Compile(parsed, gojq.WithEnvironLoader(os.Environ))
	if err != nil {
		return err
	}
	for results := code.Run(document); ; {
		result, more := results.Next()
		if !more {
			return nil
		}
		switch v := result.(type) {
		case error:
			return v
		case string:
			_, err = fmt.Fprintln(w, v)
		default:
			text, failed := gojq.Marshal(v)
			_, err = fmt.Fprintf(w, "%s\n", text)
			err = errors.Join(failed, err)
		}
		if err != nil {
			return err
		}
	}
}
