package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

// planFlags are shared by plan, apply and destroy.
type planFlags struct {
	target, exclude []string
	rebuild         []string
	allow, deny     []string
	detailed        bool
	full            bool
	saved           *render.Document // the plan that was approved before this run
	saving
}

func (f *planFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVar(&f.target, "target", nil, "plan only this address and what it needs (repeatable)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave this address out (repeatable)")
	flags.Var((*entries)(&f.allow), "allow", "let losses of a class pass: data, slot, role, synchronous, or CLASS:ADDRESS (repeatable)")
	flags.Var((*entries)(&f.deny), "deny", "refuse a plan with restart or recreate in it")
	flags.BoolVar(&f.detailed, "detailed-exitcode", false, "exit with 2 when there are changes, 3 when they are refused")
	flags.BoolVar(&f.full, "full", false, "show attributes that have their default too")
	flags.StringVar(&f.out, "out", "", "save the plan in this file, for pgrepl apply PLANFILE")
	flags.StringVar(&f.json, "json-out", "", "write the plan as JSON into this file too")
}

// entries is a flag that may be repeated or hold several entries with commas between them. A comma inside quotes is part of an
// address, replica.standby["a,b"], which the quotes keep out of pflag's own kind of list as well.
type entries []string

func (l *entries) String() string { return strings.Join(*l, ",") }
func (l *entries) Type() string   { return "entries" }

func (l *entries) Set(text string) error {
	quoted := false
	*l = append(*l, strings.FieldsFunc(text, func(c rune) bool {
		quoted = quoted != (c == '"')
		return c == ',' && !quoted
	})...)
	return nil
}

// addRebuild adds what a destroy does not have.
func (f *planFlags) addRebuild(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.rebuild, "rebuild", nil, "make the data of this replica anew by a base backup (repeatable)")
}

func (f *planFlags) check() error {
	for _, a := range f.allow {
		class, _, _ := strings.Cut(a, ":")
		if !slices.Contains([]string{"data", "slot", "role", "synchronous"}, class) {
			return usageError{fmt.Errorf("--allow=%s: the classes are data, slot, role and synchronous", a)}
		}
	}
	for _, d := range f.deny {
		if d != "restart" && d != "recreate" {
			return usageError{fmt.Errorf("--deny=%s: the classes are restart and recreate", d)}
		}
	}
	return nil
}

// asksFor reports whether a plan is to be made with a loss in it: as --allow says, or as the saved plan has it. Whether it may be
// carried out, --allow alone says.
func (f planFlags) asksFor(class engine.Class, at engine.Address) bool {
	if f.saved != nil {
		return f.saved.Loses(class, at)
	}
	return engine.Allows(f.allow, class, at)
}

// bind tells a cluster what the flags ask for.
func (f planFlags) bind(cluster *providers.Cluster) {
	cluster.Rebuild(f.rebuild)
	if f.asksFor(engine.ClassSync, cluster.Master()) {
		cluster.LetGo()
	}
}

func newPlan(a *app) *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "plan", Short: "Show what apply would do; change nothing", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := a.offers(planFormats...); err != nil {
				return err
			}
			return a.withCluster(c.Context(), func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				return a.plan(ctx, file, on, f)
			})
		},
	}
	f.add(c)
	f.addRebuild(c)
	a.addPolicy(c)
	a.addMaxBytes(c)
	return c
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument: %q", c.CommandPath(), args[0])}
	}
	return nil
}

func (a *app) plan(ctx context.Context, file *schema.Cluster, on *docker.Engine, f planFlags) error {
	cluster := providers.New(file, on, nil)
	defer cluster.Close()
	f.bind(cluster)
	s := session{app: a, system: cluster, flags: f, title: f.title("plan", file), wants: file}
	p, err := s.look(ctx)
	if err != nil {
		return err
	}
	s.warnAllowed()
	if err := s.print(p); err != nil {
		return err
	}
	return s.detailedExit(p)
}

// title is what a plan of the file is a plan of.
func (f planFlags) title(command string, file *schema.Cluster) render.Title {
	in := file.Inputs()
	return render.Title{Command: command, Cluster: file.Name, Tool: version(), File: render.File{Path: in.Path, SHA256: in.SHA256}, Vars: in.Vars,
		Options: render.Narrowed{Target: f.target, Exclude: f.exclude, Rebuild: f.rebuild}}
}

// exactly asks for one argument.
func exactly(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s takes one argument: %s", c.CommandPath(), what)}
		}
		return nil
	}
}

// session is one plan on its way through a command.
type session struct {
	*app
	system engine.System
	flags  planFlags
	title  render.Title
	wants  *schema.Cluster
}

// look reads everything and plans. Problems end the command: nothing may be done.
func (s session) look(ctx context.Context) (engine.Plan, error) {
	if err := s.system.Look(ctx); err != nil {
		return engine.Plan{}, cause(ctx, err)
	}
	if err := s.knownAddresses(); err != nil {
		return engine.Plan{}, err
	}
	if err := s.replicas(); err != nil {
		return engine.Plan{}, err
	}
	p, problems, err := engine.Make(s.system, engine.Options{Target: s.flags.target, Exclude: s.flags.exclude})
	if err != nil {
		return p, err
	}
	p.Refused(s.flags.allow) // the plan says what is allowed and denied of it
	p.Denied(s.flags.deny)
	for _, problem := range problems {
		s.sayProblem(problem)
	}
	if len(problems) > 0 {
		fmt.Fprintf(s.err, "%s: nothing was changed\n", plural(len(problems), "error"))
		if s.tellsFindings() {
			if err := s.writeProblems(s.title.Command+" of "+s.title.Cluster, problems); err != nil {
				return p, err
			}
		}
		return p, exitWith(exitFailed)
	}
	return p, nil
}

// cause prefers what ended the context over the call that noticed.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && c != context.Canceled {
		return c
	}
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// addresses lists what the file or the cluster calls its objects.
func (s session) addresses() []engine.Address {
	var out []engine.Address
	for _, k := range s.system.Kinds() {
		for _, r := range append(k.Want(), k.Seen()...) {
			out = append(out, r.Addr)
		}
	}
	return out
}

// unknown says that an address names nothing, "" where it names something.
func unknown(want string, among []engine.Address) string {
	return notIn("the file or in the cluster", want, among)
}

func notIn(where, want string, among []engine.Address) string {
	var names []string
	for _, a := range among {
		if a.Matches(want) {
			return ""
		}
		names = append(names, a.String())
	}
	return fmt.Sprintf("there is no %s in %s%s", want, where, didYouMean(want, names, ""))
}

// knownAddresses refuses a --target or --exclude that names nothing.
func (s session) knownAddresses() error {
	addrs := s.addresses()
	for _, want := range append(append([]string{}, s.flags.target...), s.flags.exclude...) {
		if text := unknown(want, addrs); text != "" {
			return usageError{errors.New(text)}
		}
	}
	return nil
}

// replicas refuses a --rebuild of what is no replica: the others have nobody to be copied from.
func (s session) replicas() error {
	for _, want := range s.flags.rebuild {
		found := false
		for _, k := range s.system.Kinds() {
			for _, r := range k.Want() {
				found = found || r.Addr.Block == "replica" && r.Addr.Matches(want)
			}
		}
		if !found {
			return usageError{fmt.Errorf("--rebuild %s: there is no such replica in the file", want)}
		}
	}
	return nil
}

// warnAllowed says that an --allow names nothing. That is no error: what it was for can be gone already.
func (s session) warnAllowed() {
	addrs := s.addresses()
	for _, entry := range s.flags.allow {
		_, want, narrow := strings.Cut(entry, ":")
		if text := unknown(want, addrs); narrow && text != "" {
			fmt.Fprintf(s.err, "warning: --allow=%s: %s\n", entry, text)
		}
	}
}

// print saves a plan where the flags say, and writes it.
func (s session) print(p engine.Plan) error {
	d, err := s.judged(s.title, p, s.wants)
	if err != nil {
		return err
	}
	if err := s.flags.save(d); err != nil {
		return err
	}
	return s.write(d, s.flags.full)
}

// detailedExit is the exit code that --detailed-exitcode asks for.
func (s session) detailedExit(p engine.Plan) error {
	if !s.flags.detailed {
		return nil
	}
	d, err := s.judged(s.title, p, s.wants)
	switch {
	case err != nil:
		return err
	case len(d.Forbidden()) > 0, len(p.Refused(s.flags.allow)) > 0 || len(p.Denied(s.flags.deny)) > 0:
		return exitWith(exitRefused)
	case !p.Empty() || len(p.Unseen) > 0:
		return exitWith(exitChanges)
	}
	return nil
}
