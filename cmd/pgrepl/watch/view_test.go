package watch

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the expected screens anew")

// TestScreens holds the screens to what is in testdata.
func TestScreens(t *testing.T) {
	waiting := newModel(context.Background(), nil, Options{Cluster: "shop"})
	waiting.width, waiting.height = 80, 24
	for name, m := range map[string]model{
		"well-80x24":      well(80, 24),
		"broken-80x24":    scenario(80, 24),
		"broken-120x40":   scenario(120, 40),
		"broken-40x12":    scenario(40, 12),
		"broken-20x5":     scenario(20, 5),
		"wide-200x40":     press(scenario(200, 40), "w"),
		"faults-100x30":   press(scenario(100, 30), "z"),
		"stale-100x30":    away(100, 30),
		"describe-100x60": press(scenario(100, 60), "j j j enter"),
		"describe-40x12":  press(scenario(40, 12), "j enter j j"),
		"slot-80x24":      press(scenario(80, 24), "/ c d c enter enter"),
		"findings-80x40":  press(scenario(80, 40), "f"),
		"help-100x50":     press(scenario(100, 50), "?"),
		"waiting-80x24":   waiting,
		"failing-80x24":   sent(waiting, looked{err: errors.New("no Docker engine answers at unix:///var/run/docker.sock")}),
	} {
		t.Run(name, func(t *testing.T) {
			got, file := m.text(), filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("%s (%v) is to be\n%s\nand is\n%s", file, err, want, got)
			}
		})
	}
}

// TestColoursOnlyRepeat: without its escapes the screen says the same, whatever the terminal's background.
func TestColoursOnlyRepeat(t *testing.T) {
	m := scenario(100, 30)
	seen := map[string]bool{}
	for _, on := range []background{unknown, dark, light} {
		painted := paint(m.lines(), on)
		if ansi.Strip(painted)+"\n" != m.text() {
			t.Errorf("on background %d the screen says something else", on)
		}
		seen[painted] = true
	}
	if len(seen) != 3 {
		t.Error("two backgrounds have the same colours")
	}
}

// TestAnything: whatever is pressed, seen and resized, in whatever order, nothing panics, and every line fits.
func TestAnything(t *testing.T) {
	var names []string
	for _, k := range keys() {
		names = append(names, k.names...)
	}
	names = append(names, "x", "é", "漢", "ctrl+u")
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		m := newModel(context.Background(), nil, Options{Cluster: rapid.SampledFrom([]string{"shop", "a-cluster-with-a-long-name-of-its-own", ""}).Draw(t, "cluster"), Every: 2 * time.Second, DriftEvery: time.Minute})
		actions := map[string]func(*rapid.T){
			"key": func(t *rapid.T) { m = sent(m, pressed(rapid.SampledFrom(names).Draw(t, "key"))) },
			"resize": func(t *rapid.T) {
				m = sent(m, tea.WindowSizeMsg{Width: rapid.IntRange(0, 250).Draw(t, "width"), Height: rapid.IntRange(0, 80).Draw(t, "height")})
			},
			"look":   func(*rapid.T) { m = sent(m, looked{}) },
			"fail":   func(*rapid.T) { m = sent(m, sampled{err: errors.New("no engine\n\x1b[31manswers 漢字")}) },
			"second": func(*rapid.T) { m = sent(m, tick{m.now.Add(time.Second)}) },
			"paste":  func(t *rapid.T) { m = sent(m, tea.PasteMsg{Content: rapid.String().Draw(t, "text")}) },
			"log":    func(t *rapid.T) { m = sent(m, logged{of: m.log.of, text: rapid.String().Draw(t, "log")}) },
			"break": func(t *rapid.T) {
				switch i := rapid.IntRange(0, len(w.nodes)-1).Draw(t, "node"); rapid.SampledFrom([]string{"stop", "pause", "promote", "none", "name"}).Draw(t, "how") {
				case "stop":
					w.stop(i)
				case "pause":
					if w.nodes[i].Live != nil {
						w.nodes[i].Live.Pause = "paused"
					}
				case "promote":
					if w.nodes[i].Live != nil {
						w.nodes[i].Live.Recovery = !w.nodes[i].Live.Recovery
					}
				case "none":
					w.nodes, w.apps = w.nodes[:1], nil
				case "name":
					w.apps = append(w.apps, w.apps...)
					w.nodes[0].Why = rapid.String().Draw(t, "why")
				}
			},
			"": func(t *rapid.T) {
				for _, l := range strings.Split(paint(m.lines(), m.behind), "\n") {
					if width := ansi.StringWidth(l); width > m.width {
						t.Fatalf("a line of %d columns on a screen of %d: %q", width, m.width, l)
					}
				}
				if n := len(m.lines()); n > m.height {
					t.Fatalf("%d lines on a screen of %d", n, m.height)
				}
			},
			"sample": func(t *rapid.T) {
				w.write(1 << 22)
				m = sent(m, sampled{report: w.sample(time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second)})
			},
		}
		t.Repeat(actions)
	})
}
