package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"pgrepl/engine/render"
)

func newShow(a *app) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use: "show PLANFILE", Short: "Print a saved plan, in any format", Args: exactly("PLANFILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.offers(planFormats...); err != nil {
				return err
			}
			d, err := a.readPlan(args[0])
			if err != nil {
				return err
			}
			return a.write(d, full)
		},
	}
	c.Flags().BoolVar(&full, "full", false, "show attributes that have their default too")
	a.addMaxBytes(c)
	return c
}

// planFormats are those that a plan can be written in.
var planFormats = append([]string{"text", "json", "markdown", "html", "summary", "gitlab"}, findingFormats...)

// write writes a plan in the format that was asked for.
func (a *app) write(d render.Document, full bool) error {
	o := render.Options{Full: full, Color: a.colored(a.out), MaxBytes: int(a.maxBytes)}
	switch a.format {
	case "json":
		return render.JSON(a.out, d)
	case "markdown":
		return render.Markdown(a.out, d, o)
	case "html":
		return render.HTML(a.out, d, o)
	case "summary":
		return render.OneLine(a.out, d)
	case "gitlab":
		return render.GitLab(a.out, d)
	case "github":
		return render.GitHubPlan(a.out, d)
	case "sarif", "junit":
		return a.writeFindings(d.Command+" of "+d.Cluster, d.Findings())
	}
	return render.Text(a.out, d, o)
}

// budget is how long a comment may get.
type budget int

func (a *app) addMaxBytes(c *cobra.Command) {
	a.maxBytes = render.DefaultMaxBytes
	c.Flags().Var(&a.maxBytes, "max-bytes", "with -o markdown: say less rather than write more bytes than this")
}

func (b *budget) String() string { return strconv.Itoa(int(*b)) }
func (b *budget) Type() string   { return "bytes" }

func (b *budget) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < render.LeastMaxBytes {
		return fmt.Errorf("it is a number of bytes, and at least %d", render.LeastMaxBytes)
	}
	*b = budget(n)
	return nil
}
