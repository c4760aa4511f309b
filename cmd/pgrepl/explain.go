package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pgrepl/engine"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
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

// asked is an argument of explain that is an address, taken apart.
type asked struct {
	address string // as it was written
	of      []engine.Address
	path    string // the attribute; "": all
}

var clusterAddress = engine.Address{Block: "cluster"}

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
	if !declared {
		if lost != nil {
			return usageError{fmt.Errorf("%s; what is not in the file cannot be looked for: %w", strings.Replace(unknown(head(word), declaredIn(file)), " or in the cluster", "", 1), lost)}
		}
		all := append(session{system: cluster}.addresses(), declaredIn(file)...)
		if q, declared = takeApart(word, all); !declared {
			return usageError{errors.New(unknown(head(word), all))}
		}
	}
	if lost != nil {
		cluster = providers.New(file, nil, nil)
		cluster.SeeAs(engine.Snapshot{})
		return errors.Join(a.tell(file, cluster, q, engine.Blind(cluster, firstLine(lost)), nil), lost)
	}
	p, problems, err := engine.Make(cluster, engine.Options{})
	if err != nil {
		return err
	}
	return a.tell(file, cluster, q, p, problems)
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
	if len(e.Objects) == 0 && e.Word.Says == "" {
		return usageError{fmt.Errorf("%s has no %s: neither the file nor the cluster says anything of it", q.address, q.path)}
	}
	if a.format == "json" {
		return render.ExplainJSON(a.out, e)
	}
	return render.Explain(a.out, e, render.Options{Color: a.colored(a.out)})
}

// is reports whether an object belongs to what is asked for. What the cluster block says, its nodes have.
func (q asked) is(r engine.Resource) bool {
	return slices.Contains(q.of, r.Addr) || slices.Contains(q.of, clusterAddress) && (r.Addr.Block == "master" || r.Addr.Block == "replica")
}

// among are the attributes that the cluster block has for its nodes; nil is all.
func (q asked) among() func(string) bool {
	if !slices.Contains(q.of, clusterAddress) {
		return nil
	}
	return func(path string) bool {
		attribute, _, _ := strings.Cut(path, ".")
		return slices.Contains([]string{"image", "settings", "hba", "restart", "labels", "synchronous"}, attribute)
	}
}

// declaredIn lists the addresses of a file. The cluster's is one word: there is one of it.
func declaredIn(file *schema.Cluster) []engine.Address {
	out := []engine.Address{clusterAddress, {Block: "superuser"}}
	for _, o := range file.Objects() {
		out = append(out, engine.Address{Block: o.Address.Block, Label: o.Address.Label, Key: o.Address.Key})
	}
	return out
}

func addressWords(addrs []engine.Address) []string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

// takeApart finds the longest address that an argument begins with: replica.a, or replica.standby for all instances of that
// block. What follows it is an attribute.
func takeApart(word string, known []engine.Address) (asked, bool) {
	if rest, nested := strings.CutPrefix(word, "cluster.superuser"); nested && (rest == "" || rest[0] == '.') {
		word = "superuser" + rest
	}
	q := asked{path: afterFirstTwo(word)}
	for _, a := range known {
		for _, name := range []string{a.String(), engine.Address{Block: a.Block, Label: a.Label}.String()} {
			path, longer := strings.CutPrefix(word, name+".")
			if name != word && !longer || len(name) < len(q.address) {
				continue
			}
			if len(name) > len(q.address) {
				q.address, q.of = name, nil
			}
			if q.path = lowerSetting(path); name == word {
				q.path = ""
			}
			if !slices.Contains(q.of, a) {
				q.of = append(q.of, a)
			}
		}
	}
	return q, len(q.of) > 0
}

// lowerSetting writes the name of a setting as the servers do.
func lowerSetting(path string) string {
	if strings.HasPrefix(path, "settings.") {
		return strings.ToLower(path)
	}
	return path
}

// head is the part of an argument that is most likely meant as an address.
func head(word string) string {
	return strings.TrimSuffix(strings.TrimSuffix(word, afterFirstTwo(word)), ".")
}

// afterFirstTwo is what follows BLOCK.LABEL or BLOCK.LABEL["KEY"].
func afterFirstTwo(word string) string {
	block, rest, _ := strings.Cut(word, ".")
	if block == "" || rest == "" {
		return ""
	}
	if _, behind, keyed := strings.Cut(rest, `"]`); keyed {
		return strings.TrimPrefix(behind, ".")
	}
	_, path, _ := strings.Cut(rest, ".")
	return lowerSetting(path)
}

// check refuses an attribute that neither the language nor a plan knows of such an object.
func (q asked) check(file *schema.Cluster) error {
	attribute, name, nested := strings.Cut(q.path, ".")
	if attribute == "settings" && nested {
		return q.checkSetting(file, name)
	}
	if q.path == "" {
		return nil
	}
	blind := providers.New(file, nil, nil)
	blind.SeeAs(engine.Snapshot{})
	known := q.words()
	for _, r := range engine.Blind(blind, "").Wanted {
		for path := range r.Attrs {
			if q.is(r) {
				known = append(known, path)
			}
		}
	}
	known = append(known, "arguments", "old data") // what only a look finds
	if nested && slices.Contains([]string{"env", "labels"}, attribute) || slices.Contains(known, q.path) {
		return nil
	}
	return usageError{fmt.Errorf("%s has no attribute %s%s", q.address, q.path, didYouMean(q.path, known, ""))}
}

// checkSetting refuses what is no setting of the file's version. Of an extension's settings only the server knows.
func (q asked) checkSetting(file *schema.Cluster, name string) error {
	if !slices.Contains([]string{"cluster", "master", "replica", "role"}, q.of[0].Block) {
		return usageError{fmt.Errorf("%s has no settings", q.address)}
	}
	known := catalogue.Of(file.Version)
	if _, found := known.Lookup(name); found || strings.Contains(name, ".") {
		return nil
	}
	return usageError{fmt.Errorf("%s is not a PostgreSQL %d setting%s", name, file.Version, didYouMean(name, known.Names(), ""))}
}

// words are the attributes that the language has for the block, those of nested blocks with the name of that.
func (q asked) words() []string {
	var out []string
	for _, b := range schema.Language() {
		prefix, is := q.inBlock(b.Kind)
		for _, a := range b.Attributes {
			if is {
				out = append(out, prefix+a.Name)
			}
		}
		if is && prefix != "" {
			out = append(out, strings.TrimSuffix(prefix, "."))
		}
	}
	return out
}

// inBlock reports whether attributes of a kind of block are the object's, and how their paths begin.
func (q asked) inBlock(kind string) (prefix string, is bool) {
	if q.of[0].Block == "superuser" {
		return "", kind == "cluster.superuser"
	}
	inner, nested := strings.CutPrefix(kind, q.of[0].Block+".")
	if nested {
		return inner + ".", true
	}
	return "", kind == q.of[0].Block
}

// word is what the language says of the attribute.
func (q asked) word(file *schema.Cluster) engine.Word {
	for _, b := range schema.Language() {
		prefix, is := q.inBlock(b.Kind)
		for _, a := range b.Attributes {
			if !is || prefix+a.Name != q.path {
				continue
			}
			return engine.Word{Says: plain(a.Text), Default: plain(a.Default), Change: plain(a.Change), Origin: q.writtenAt(file, a.Name)}
		}
	}
	return engine.Word{}
}

func (q asked) writtenAt(file *schema.Cluster, attribute string) engine.Origin {
	for _, o := range file.Objects() {
		at, written := o.Written[attribute]
		if written && o.Address.String() == q.of[0].String() {
			return engine.Origin{File: at.File, Line: at.Line, Column: at.Column}
		}
	}
	return engine.Origin{}
}

// plain is a text of the documentation without its links and marks.
func plain(text string) string {
	text, _, _ = strings.Cut(text, ": see [")
	for {
		before, rest, found := strings.Cut(text, "](")
		_, after, closed := strings.Cut(rest, ")")
		if !found || !closed {
			return strings.ReplaceAll(text, "`", "")
		}
		i := strings.LastIndex(before, "[")
		text = before[:i] + before[i+1:] + after
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
