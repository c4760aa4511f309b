// Package watch shows the health of a cluster live on a terminal.
//
// It is three things that do not know each other's business: what was seen (seen.go, pure over the reports that come in),
// what the keys have made of the screen (update.go, pure over messages), and the lines of it (view.go and the files of each
// page, pure over both). Only a Source waits for anything, and it does so beside them.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"pgrepl/engine/health"
)

// Source is the cluster that is watched. Its methods wait, and may be called side by side; each is under way once at most.
type Source interface {
	Look(context.Context) error                                            // compares what is there with the file
	Report(context.Context) (health.Report, error)                         // takes a sample; Look was called before
	Logs(ctx context.Context, container string, lines int) (string, error) // the last lines that a container wrote
}

// Options are how a cluster is watched.
type Options struct {
	Cluster    string
	Every      time.Duration // between samples
	DriftEvery time.Duration // between looks at what differs from the file
	Plain      bool          // without colours, whatever the terminal can
}

// Run watches until the user has enough of it, or ctx ends. The terminal is then as it was before. Keys come from in; where that
// is nil, from the terminal that the process belongs to.
func Run(ctx context.Context, in io.Reader, out io.Writer, source Source, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if f, ok := out.(*os.File); ok {
		out = screen{f, cancel}
	}
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithOutput(out), tea.WithoutSignalHandler(), tea.WithFPS(20)}
	if in != nil {
		options = append(options, tea.WithInput(in))
	}
	if o.Plain {
		options = append(options, tea.WithColorProfile(colorprofile.ASCII))
	}
	_, err := tea.NewProgram(newModel(ctx, source, o), options...).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// screen is a terminal that says when there is nobody at its other end any more. The library would go on for ever: it takes the
// end of the keys for nobody typing, and what it cannot draw for drawn.
type screen struct {
	*os.File
	gone context.CancelCauseFunc
}

func (s screen) Write(text []byte) (int, error) {
	n, err := s.File.Write(text)
	if err != nil {
		s.gone(fmt.Errorf("the terminal is gone: %w", err))
	}
	return n, err
}
