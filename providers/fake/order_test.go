package fake_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgrepl/engine"
)

// shuffles is how many orders of its steps each plan is tried in, beside the one that is printed.
const shuffles = 12

// anyOrder lives a life with the steps of each plan in an order drawn from all that their needs allow.
func anyOrder(t *testing.T, l life, seed uint64) error {
	draw := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(seed%2 == 1)
	for _, s := range l.stages {
		s.happen(t, w)
		err := converge(s.bind(t, w), engine.Options{}, 1, func(p engine.Plan) {
			draw.Shuffle(len(p.Steps), func(i, j int) { p.Steps[i], p.Steps[j] = p.Steps[j], p.Steps[i] })
		})
		if err != nil && !errors.As(err, &refused{}) {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// TestAnyOrder holds that the needs of the steps say all: whatever order they allow is a good one.
func TestAnyOrder(t *testing.T) {
	for _, l := range lives(t) {
		for seed := range uint64(shuffles) {
			if err := anyOrder(t, l, seed); err != nil {
				t.Errorf("%s, order %d: %v", l.name, seed, err)
			}
		}
	}
}
