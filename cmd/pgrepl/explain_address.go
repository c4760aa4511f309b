package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pgrepl/engine"
	"pgrepl/schema"
	"pgrepl/schema/catalogue"
)

// asked is an argument of explain that is an address, taken apart.
type asked struct {
	address string // as it was written
	of      []engine.Address
	path    string // the attribute; "": all
}

// clusterAddress is the cluster block's: there is one of it, so it is one word.
var clusterAddress = engine.Address{Block: "cluster"}

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
		if o.Implied && o.Address.Block == "slot" {
			continue // told with its replica
		}
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
	if slices.Contains(q.of, clusterAddress) && strings.HasPrefix(q.path, "synchronous.") {
		q.path = "synchronous" // which is compared as a whole
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
	known := q.words()
	for _, r := range engine.Blind(unlooked(file), "").Wanted {
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

// writtenAt is where an attribute stands that nothing live is compared with; of one in a nested block, where that does.
func (q asked) writtenAt(file *schema.Cluster, attribute string) engine.Origin {
	at := file.Written[attribute]
	switch {
	case strings.HasPrefix(q.path, "initdb."):
		at = file.Initdb.Origin
	case q.of[0] != clusterAddress:
		at = schema.Origin{}
	}
	for _, o := range file.Objects() {
		if o.Address.String() == q.of[0].String() {
			at = o.Written[attribute]
		}
	}
	return engine.Origin{File: at.File, Line: at.Line, Column: at.Column}
}

// link is one of the documentation's: its text, and where it leads.
var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// plain is a text of the documentation without its links and marks.
func plain(text string) string {
	text, _, _ = strings.Cut(text, ": see [")
	return strings.ReplaceAll(link.ReplaceAllString(text, "$1"), "`", "")
}
