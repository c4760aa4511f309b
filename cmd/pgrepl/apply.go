package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/providers/postgres"
	"pgrepl/schema"
)

// applyFlags are shared by apply and destroy.
type applyFlags struct {
	planFlags
	autoApprove bool
	lockTimeout time.Duration
	parallelism int
}

func (f *applyFlags) add(c *cobra.Command) {
	f.planFlags.add(c)
	flags := c.Flags()
	flags.BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	flags.DurationVar(&f.lockTimeout, "lock-timeout", 10*time.Second, "how long to wait for another apply of the cluster (0s: not at all)")
	flags.IntVar(&f.parallelism, "parallelism", 16, "how many steps may run side by side")
}

func (f *applyFlags) checkApply() error {
	if f.parallelism < 1 {
		return usageError{fmt.Errorf("--parallelism=%d: at least one step has to run", f.parallelism)}
	}
	return f.check()
}

func newApply(a *app) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use: "apply [PLANFILE]", Short: "Print the plan, ask, carry it out and prove the result", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(f.checkApply(), a.offers("text")); err != nil {
				return usageError{err}
			}
			if len(args) > 0 {
				return a.applySaved(c, f, args)
			}
			return a.withApproval(c.Context(), f, func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
				cluster := a.change(f, file, on)
				defer cluster.Close()
				return a.carryOut(ctx, cluster, f, file, "apply")
			})
		},
	}
	f.add(c)
	f.addRebuild(c)
	a.addPolicy(c)
	return c
}

// change is the file's cluster, to be brought to what the file says.
func (a *app) change(f applyFlags, file *schema.Cluster, on *docker.Engine) *providers.Cluster {
	cluster := providers.New(file, on, a.effect)
	f.bind(cluster)
	if isTerminal(a.in) {
		cluster.AskWith(a.password)
	}
	return cluster
}

// applySaved carries out a plan that was saved, and so approved: nobody is asked.
func (a *app) applySaved(c *cobra.Command, f applyFlags, args []string) error {
	if err := exactly("PLANFILE")(c, args); err != nil {
		return err
	}
	for _, flag := range []string{"target", "exclude", "rebuild", "out"} {
		if c.Flags().Changed(flag) {
			return usageError{fmt.Errorf("--%s does not go with a saved plan, which has it fixed", flag)}
		}
	}
	saved, err := a.readPlan(args[0])
	if err != nil {
		return err
	}
	if saved.Command != "plan" && saved.Command != "apply" && saved.Command != "destroy" {
		return usageError{fmt.Errorf("%s: what pgrepl %s shows cannot be applied", args[0], saved.Command)}
	}
	if err := a.takeInputs(saved, c.Flags().Changed("file")); err != nil {
		return err
	}
	f.saved, a.asItRuns = &saved, saved.Command == "destroy"
	f.target, f.exclude, f.rebuild = saved.Options.Target, saved.Options.Exclude, saved.Options.Rebuild
	return a.withCluster(c.Context(), func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
		if err := a.sameInputs(saved, file); err != nil {
			return err
		}
		command, cluster := "apply", a.change(f, file, on)
		if saved.Command == "destroy" {
			command, cluster = "destroy", f.removal(file, on)
		}
		defer cluster.Close()
		return a.carryOut(ctx, cluster, f, file, command)
	})
}

// withApproval makes sure, before anything is read, that there is somebody to ask.
func (a *app) withApproval(ctx context.Context, f applyFlags, do func(context.Context, *schema.Cluster, *docker.Engine) error) error {
	if !f.autoApprove && !isTerminal(a.in) {
		return exitError{exitNotApproved, engine.Problem{Code: "PGR306", Summary: "there is no terminal to ask for approval on", Next: "give --auto-approve, after reading what pgrepl plan says"}}
	}
	return a.withCluster(ctx, do)
}

// managed is a cluster that can be changed.
type managed interface {
	engine.System
	Lock(ctx context.Context, wait time.Duration) (*docker.Lock, error)
	Record(context.Context, postgres.Applied) error
	Kept() []string
	WritesStopped() time.Duration
}

// carryOut is apply: print, ask, lock, look again, compare, run; then the next stage where there is one; then proof.
func (a *app) carryOut(ctx context.Context, m managed, f applyFlags, file *schema.Cluster, command string) error {
	r := applying{session: session{app: a, system: m, flags: f.planFlags, title: f.title(command, file), wants: file}, managed: m, applyFlags: f}
	p, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.warnAllowed()
	if err := r.approve(ctx, p); err != nil || p.Empty() {
		return err
	}
	lock, err := m.Lock(engine.Watch(ctx, a.everyTenSeconds()), f.lockTimeout) // may have to bring the image first
	if err != nil {
		return err
	}
	defer lock.Release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // its creation keeps others out; that it also ends with us is made sure of meanwhile
		if err := lock.Held(); err != nil {
			cancel(err)
		}
	}()
	if p, err = r.again(ctx, p); err != nil || p.Empty() {
		return err
	}
	return r.stages(ctx, p)
}

// applying is one apply under way.
type applying struct {
	session
	managed    managed
	applyFlags applyFlags
	id         string // of the plan that is carried out
	changed    bool
	begun      time.Time
	steps      int // of all stages
	did        []string
}

// approve prints a plan, refuses what is not allowed, and asks; a saved one was approved, if this is it.
func (r *applying) approve(ctx context.Context, p engine.Plan) error {
	if err := r.promised(p); err != nil {
		return err
	}
	if err := r.show(p); err != nil {
		return err
	}
	if p.Empty() {
		return nil
	}
	if err := errors.Join(r.missing(p), r.refuse(p)); err != nil {
		return err
	}
	if r.applyFlags.autoApprove || r.flags.saved != nil {
		return nil
	}
	return r.ask(ctx, p)
}

// promised refuses a plan that is not the saved one, or what is left of it.
func (r *applying) promised(p engine.Plan) error {
	if r.flags.saved == nil || p.Empty() {
		return nil
	}
	now := render.Tell(r.title, p)
	switch {
	case slices.Equal(now.Promise, r.flags.saved.Promise):
		return nil
	case r.flags.saved.Left(p):
		fmt.Fprintln(r.err, "a part of the saved plan is done already; this is what is left of it:")
		return nil
	}
	return r.stale(moved(*r.flags.saved, now))
}

// missing refuses, before anything moves, a plan that makes something out of a sensitive variable without a value.
func (r *applying) missing(p engine.Plan) error {
	n := 0
	for _, c := range p.Changes {
		if c.Action == engine.Create || slices.ContainsFunc(c.Fields, func(f engine.Field) bool { return f.Effect == engine.Recreate }) {
			for _, u := range c.New.Unchecked {
				n++
				r.sayProblem(engine.Problem{Code: "PGR309", Origin: c.New.Origin, Summary: fmt.Sprintf("%s cannot be made: %s", c.Addr, u),
					Next: "give the variable with --var, --var-file or PGREPL_VAR_NAME"})
			}
		}
	}
	switch {
	case n == 0:
		return nil
	case r.changed:
		return exitWith(exitPartly)
	}
	return exitWith(exitFailed)
}

func (r *applying) refuse(p engine.Plan) error {
	d, err := r.judged(r.title, p, r.wants)
	if err != nil {
		return err
	}
	refused, denied, forbidden := p.Refused(r.flags.allow), p.Denied(r.flags.deny), d.Forbidden()
	for _, v := range forbidden {
		fmt.Fprintf(r.err, "%s: error: refused by policy %q: %s [PGR313]\n  next: change what it names, or the policy\n", v.Source, v.Policy, v.Message)
	}
	for _, risk := range refused {
		fmt.Fprintf(r.err, "error: refused: %s: %s [PGR307]\n  next: give --allow=%s if that is wanted\n", risk.Addrs[0], risk.Text, risk.Allow)
	}
	for _, risk := range denied {
		fmt.Fprintf(r.err, "error: refused by --deny: %s: %s: %s [PGR308]\n  next: run it without --deny=%s when that may happen\n", risk.Class, addresses(risk), risk.Why, risk.Class)
	}
	if len(refused)+len(denied)+len(forbidden) > 0 {
		if r.changed {
			return exitWith(exitPartly)
		}
		return exitWith(exitRefused)
	}
	return nil
}

// again looks once more under the lock. A plan that moved meanwhile is printed and approved again.
func (r *applying) again(ctx context.Context, approved engine.Plan) (engine.Plan, error) {
	p, err := r.look(ctx)
	if err != nil {
		return p, err
	}
	if slices.Equal(p.Promise(), approved.Promise()) {
		return p, nil
	}
	if r.flags.saved != nil {
		return p, r.approve(ctx, p)
	}
	fmt.Fprintln(r.err, "the cluster changed since the plan was made; this is the plan now:")
	return p, r.approve(ctx, p)
}

// stages runs the plan, and as long as a plan could not see past its last step, the next one.
func (r *applying) stages(ctx context.Context, p engine.Plan) error {
	r.begun, r.id = time.Now(), r.told(p).ID()
	for {
		if err := r.run(ctx, p); err != nil {
			return err
		}
		next, err := r.look(ctx)
		if err != nil {
			return r.partly(err)
		}
		if next.Empty() {
			return r.prove(ctx, next)
		}
		if !p.LookAgain {
			fmt.Fprintln(r.err, "error: after the last step the cluster is not as the file says [PGR311]")
			if err := r.show(next); err != nil {
				return r.partly(err)
			}
			return exitWith(exitPartly)
		}
		if r.flags.saved != nil && !r.flags.saved.Left(next) {
			fmt.Fprintln(r.err, "the steps of the saved plan are done, and what comes next could not be seen when it was made")
			fmt.Fprintln(r.err, "  next: make and approve the next plan with pgrepl plan --out")
			return exitWith(exitPartly)
		}
		if err := r.approve(ctx, next); err != nil {
			return r.midway(err)
		}
		p = next
	}
}

// told is a plan as it is approved: the saved one also where a part of it was done before.
func (r *applying) told(p engine.Plan) render.Document {
	if r.flags.saved != nil {
		return *r.flags.saved
	}
	return render.Tell(r.title, p)
}

// show prints a plan. Where nobody reads it any more (apply | head -1), the apply goes on: what was begun is brought to its end.
func (r *applying) show(p engine.Plan) error {
	if err := r.print(p); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}

// midway gives an error between two stages the code that says so, where it has none of its own.
func (r *applying) midway(err error) error {
	var own exitError
	if errors.As(err, &own) {
		return err
	}
	return r.partly(err)
}

func (r *applying) partly(err error) error { return exitError{exitPartly, err} }

func (r *applying) run(ctx context.Context, p engine.Plan) error {
	show := newProgress(r.app, r.title, p)
	r.signals.watch(show.underWay)
	defer r.signals.watch(nil)
	res := engine.Apply(ctx, p, r.applyFlags.parallelism, show.event)
	show.end()
	r.changed = r.changed || len(res.Done) > 0
	r.steps += len(p.Batches)
	for _, b := range p.Batches {
		r.did = append(r.did, b.Where()+": "+b.Text())
	}
	if res.Err == nil {
		return nil
	}
	return r.stopped(ctx, p, res)
}

// prove checks what an empty plan cannot show, and ends with the cluster's health.
func (r *applying) prove(ctx context.Context, p engine.Plan) error {
	problems := r.managed.Verify(ctx)
	for _, problem := range problems {
		r.sayProblem(problem)
	}
	if len(problems) > 0 {
		fmt.Fprintf(r.err, "all steps are done, but the check after them found %s\n", plural(len(problems), "error"))
		return exitWith(exitPartly)
	}
	if err := r.managed.Record(ctx, postgres.Applied{Who: who(), Tool: version(), Plan: r.id, Steps: r.did}); err != nil {
		return r.partly(err)
	}
	done := fmt.Sprintf("done %d of %d in %s.", r.steps, r.steps, lasted(time.Since(r.begun)))
	if r.title.Command == "destroy" {
		fmt.Fprint(r.err, done)
		if kept := r.managed.Kept(); len(kept) > 0 {
			fmt.Fprintf(r.err, " Volumes kept, and attached again by the same file: %s.", strings.Join(kept, ", "))
		}
		fmt.Fprintln(r.err)
		return r.changedExit()
	}
	stopped := ""
	if t := r.managed.WritesStopped(); t > 0 {
		stopped = fmt.Sprintf(", writes stopped for %.1f s", t.Seconds())
	}
	fmt.Fprintf(r.err, "%s Now: %s%s.\n", done, render.Streaming(p), stopped)
	return r.changedExit()
}

// lasted writes how long something took, as exactly as it matters.
func lasted(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%.0fs", d.Seconds())
}

func (r *applying) changedExit() error {
	if r.flags.detailed && r.changed {
		return exitWith(exitChanges)
	}
	return nil
}

func addresses(risk engine.Risk) string {
	var out []string
	for _, a := range risk.Addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// who is the name under which an apply goes into the history.
func who() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
