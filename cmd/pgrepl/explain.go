package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

// newExplain is the command that tells of one code, object or attribute.
func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "explain ADDRESS|CODE", Short: "Explain an object or attribute (declared, live, who set it, what a change takes), or a code",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usageError{fmt.Errorf("pgrepl explain takes one argument: an address such as master.pg1.port, or a code such as PGR201")}
			}
			return nil
		},
		ValidArgsFunction: a.explainable,
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.offers("text", "json"); err != nil {
				return err
			}
			if !isCode(args[0]) {
				return a.explain(c.Context(), args[0])
			}
			r, err := findRule(args[0])
			if err != nil {
				return err
			}
			return r.write(a.out, a.format)
		},
	}
}

// explainable completes codes, and the addresses of the file where it can be read.
func (a *app) explainable(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var words []string
	if file, diags := schema.Load(schema.Options{Path: a.file, Vars: a.vars, VarFiles: a.varFiles, Environ: os.Environ()}); !diags.HasErrors() {
		words = addressWords(declaredIn(file))
	}
	for _, r := range allRules() {
		words = append(words, r.Code+"\t"+r.Title)
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// explain reads the file and, as a plan does, everything else. What cannot be right is said before anything is looked at; where
// nothing can be looked at, what the file says is told all the same.
func (a *app) explain(ctx context.Context, word string) error {
	ctx, cancel := a.limited(ctx)
	defer cancel()
	file, err := a.load(ctx)
	if err != nil {
		return err
	}
	q, declared := takeApart(word, declaredIn(file))
	if declared {
		if err := q.check(file); err != nil {
			return err
		}
	}
	cluster, done, lost := a.lookFor(ctx, file, q)
	defer done()
	switch {
	case ctx.Err() != nil:
		return lost
	case lost != nil && !declared:
		return usageError{fmt.Errorf("%s; what is not in the file cannot be looked for: %w", notIn("the file", head(word), declaredIn(file)), lost)}
	case lost != nil:
		unseen := unlooked(file)
		return errors.Join(a.tell(file, unseen, q, engine.Blind(unseen, firstLine(lost)), nil), lost)
	case !declared:
		all := append(session{system: cluster}.addresses(), declaredIn(file)...)
		if q, declared = takeApart(word, all); !declared {
			return usageError{errors.New(unknown(head(word), all))}
		}
	}
	p, problems, err := engine.Make(cluster, engine.Options{})
	if err != nil {
		return err
	}
	return a.tell(file, cluster, q, p, problems)
}

// unlooked is the file's cluster with nothing looked at: what is wanted can be told of it.
func unlooked(file *schema.Cluster) *providers.Cluster {
	c := providers.New(file, nil, nil)
	c.SeeAs(engine.Snapshot{})
	return c
}

// lookFor looks at everything, and also for a setting that the file does not name. The error says why nothing could be seen.
func (a *app) lookFor(ctx context.Context, file *schema.Cluster, q asked) (cluster *providers.Cluster, done func(), err error) {
	on, err := docker.Connect(a.docker, a.effect)
	if err != nil {
		return nil, func() {}, err
	}
	cluster = providers.New(file, on, nil)
	if name, isSetting := strings.CutPrefix(q.path, "settings."); isSetting {
		cluster.LookAlsoFor(name)
	}
	done = func() { cluster.Close(); on.Close() }
	if err := cluster.Look(ctx); err != nil {
		return cluster, done, cause(ctx, err)
	}
	return cluster, done, nil
}

func (a *app) tell(file *schema.Cluster, cluster *providers.Cluster, q asked, p engine.Plan, problems []engine.Problem) error {
	e := engine.Explain(p, problems, engine.Question{Address: q.address, Path: q.path, Of: q.is, Among: q.among(), Account: cluster.Account})
	e.Word = q.word(file)
	if len(e.Objects) == 0 && e.Word.Says == "" && q.path != "" {
		return usageError{fmt.Errorf("%s has no %s: neither the file nor the cluster says anything of it", q.address, q.path)}
	}
	if a.format == "json" {
		return render.ExplainJSON(a.out, e)
	}
	if hangs := cluster.Hangs(); hangs != "" {
		fmt.Fprintln(a.out, "! commits hang: "+hangs)
	}
	return render.Explain(a.out, e, render.Options{Color: a.colored(a.out)})
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
