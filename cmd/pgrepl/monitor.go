package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pgrepl/cmd/pgrepl/monitor"
	"pgrepl/engine/health"
	"pgrepl/engine/render"
	"pgrepl/providers"
	"pgrepl/providers/docker"
	"pgrepl/schema"
)

type monitorFlags struct {
	listen, tokenFile, cert, key string
	every, driftEvery            time.Duration
	once                         bool
	compat                       []string
}

func newMonitor(a *app) *cobra.Command {
	var f monitorFlags
	c := &cobra.Command{
		Use: "monitor", Short: "Watch the cluster: Prometheus metrics, JSON, events and a live page", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.monitor(c.Context(), f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9187", "address and port to answer on")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "a file with the token that whoever asks has to send")
	c.Flags().StringVar(&f.cert, "tls-cert", "", "a file with the certificate to answer with, and those above it (PEM)")
	c.Flags().StringVar(&f.key, "tls-key", "", "a file with its key (PEM)")
	c.Flags().DurationVar(&f.every, "every", 2*time.Second, "take a sample so often")
	c.Flags().DurationVar(&f.driftEvery, "drift-every", time.Minute, "compare with the file so often (0: never)")
	c.Flags().BoolVar(&f.once, "once", false, "print one status and exit with 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")
	c.Flags().StringSliceVar(&f.compat, "compat", nil, "metrics under the names of other exporters, too: "+strings.Join(health.Exporters(), ", "))
	c.Flags().Lookup("compat").NoOptDefVal = "postgres_exporter"
	c.AddCommand(newMade(a, "rules", "Print alerting rules for Prometheus, by the limits of the file", monitor.Rules),
		newMade(a, "dashboard", "Print a dashboard for Grafana, by the limits of the file", monitor.Dashboard))
	return c
}

// newMade is a command that prints what is made of the file's limits alone.
func newMade(a *app, name, short string, write func(io.Writer, health.Judged) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			a.asItRuns = true
			return a.checkGlobals()
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.offers("text"); err != nil {
				return err
			}
			file, err := a.load(c.Context())
			if err != nil {
				return err
			}
			return write(a.out, judgedBy(file))
		},
	}
}

func judgedBy(file *schema.Cluster) health.Judged {
	j := health.Judged{Cluster: file.Name, Limits: providers.Limits(file.Monitor)}
	for _, s := range file.Slots {
		if s.WarnRetained > 0 {
			j.Own = append(j.Own, health.SlotLimit{Node: s.Upstream.Name, Slot: s.Name, Warning: s.WarnRetained})
		}
	}
	return j
}

func (a *app) monitor(ctx context.Context, f monitorFlags) error {
	if f.once {
		return a.monitorOnce(ctx)
	}
	if err := a.offers("text"); err != nil {
		return err
	}
	o, secure, err := f.options()
	if err != nil {
		return usageError{err}
	}
	return a.withCluster(ctx, func(ctx context.Context, file *schema.Cluster, on *docker.Engine) error {
		if err := monitorable(file); err != nil {
			return err
		}
		l, err := net.Listen("tcp", f.listen)
		if err != nil {
			return fmt.Errorf("answer on %s: %w; choose another address with --listen", f.listen, err)
		}
		if host, _, _ := net.SplitHostPort(f.listen); secure == nil && !ofThisMachine(host) {
			fmt.Fprintln(a.err, "monitor: warning: without --tls-cert the token and all figures can be read on the way")
		}
		scheme := "http"
		if secure != nil {
			scheme = "https"
		}
		fmt.Fprintf(a.err, "monitor: %s on %s://%s/, a sample every %s\n", file.Name, scheme, l.Addr(), f.every)
		return a.serve(ctx, file, on, f, func(ctx context.Context, w *monitor.Watcher) error {
			return monitor.Serve(ctx, l, monitor.Handler(w, o), secure)
		})
	})
}

// serve watches, and answers on a listener, until it is told to end: that is an end as of any other command.
func (a *app) serve(until context.Context, file *schema.Cluster, on *docker.Engine, f monitorFlags, answer func(context.Context, *monitor.Watcher) error) error {
	source := &watched{file: file, again: a.usable, on: on, driftEvery: f.driftEvery}
	defer source.close()
	w := monitor.NewWatcher(file.Name, source, f.every, f.driftEvery)
	w.Say = func(e monitor.Event) { fmt.Fprintln(a.err, render.Line(e.String())) }
	g, ctx := errgroup.WithContext(until)
	g.Go(func() error {
		w.Run(ctx)
		return nil
	})
	g.Go(func() error { return answer(ctx, w) })
	if err := g.Wait(); err != nil {
		return err
	}
	return cause(until, until.Err())
}

// monitorOnce is a monitoring plugin: whatever keeps it from judging is UNKNOWN.
func (a *app) monitorOnce(ctx context.Context) error {
	if err := a.offers(formatNames(statusFormats)...); err != nil {
		return err
	}
	return a.statusOf(ctx, statusFlags{exitCode: true})
}

// tokenLeast is how long a token has to be: it is all that keeps others out.
const tokenLeast = 16

// options are how the monitor is reached, checked before anything else is done.
func (f monitorFlags) options() (monitor.Options, *tls.Config, error) {
	o := monitor.Options{Compat: f.compat}
	for _, name := range f.compat {
		if _, known := health.Compatible(name); !known {
			return o, nil, fmt.Errorf("--compat is of %s, not %q%s", strings.Join(health.Exporters(), ", "), name, didYouMean(name, health.Exporters(), ""))
		}
	}
	slices.Sort(o.Compat)
	o.Compat = slices.Compact(o.Compat)
	if err := often("every", f.every, sampleLeast); err != nil {
		return o, nil, err
	}
	if f.driftEvery != 0 {
		if err := often("drift-every", f.driftEvery, lookLeast); err != nil {
			return o, nil, err
		}
	}
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return o, nil, fmt.Errorf("--listen is an address and a port, such as 127.0.0.1:9187: %w", err)
	}
	o.Host = host
	if o.Token, err = f.token(); err != nil {
		return o, nil, err
	}
	if o.Token == "" && !ofThisMachine(host) {
		return o, nil, fmt.Errorf("--listen %s lets other machines in, and nothing asks them who they are: give a token with --token-file, or listen on 127.0.0.1", f.listen)
	}
	if (f.cert == "") != (f.key == "") {
		return o, nil, errors.New("--tls-cert and --tls-key go together")
	}
	if f.cert == "" {
		return o, nil, nil
	}
	secure, err := monitor.TLS(f.cert, f.key)
	if err != nil {
		return o, nil, fmt.Errorf("--tls-cert: %w", err)
	}
	return o, secure, nil
}

func (f monitorFlags) token() (string, error) {
	if f.tokenFile == "" {
		return "", nil
	}
	text, err := os.ReadFile(f.tokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(token) < tokenLeast || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("--token-file %s: a token is one word of at least %d characters, such as: openssl rand -hex 32", f.tokenFile, tokenLeast)
	}
	return token, nil
}

// ofThisMachine reports whether only this machine reaches an address.
func ofThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
