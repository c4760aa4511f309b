package docker

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"pgrepl/engine"
	"pgrepl/schema"
)

// capacity is what the engine's machine has to give; the zero value is not known.
type capacity struct {
	cpus   int
	memory int64
}

// capacity asks the engine, where a node wants a share of what it has, or where several containers are missing. The answer takes it
// as long as a few lists.
func (s *Site) capacity(ctx context.Context, look survey) (capacity, error) {
	declared := slices.ContainsFunc(s.file.Nodes, func(n *schema.Node) bool { return n.CPUs != "" || n.Memory != 0 })
	missing := 0
	for _, n := range s.file.Nodes {
		if _, there := look.inspected[n.Name]; !there {
			missing++
		}
	}
	if missing < 3 && !declared {
		return capacity{}, nil
	}
	info, err := s.engine.api.Info(ctx)
	if err != nil && !declared && ctx.Err() == nil {
		return capacity{}, nil // a proxy of the socket may refuse it, and it would have been of use for the order only
	}
	if err != nil {
		return capacity{}, fmt.Errorf("docker: ask what the machine has: %w", err)
	}
	return capacity{cpus: info.NCPU, memory: info.MemTotal}, nil
}

// capacityFacts finds what a container would be refused for, or what would have no effect, before anything moves.
func (k nodes) capacityFacts(n *schema.Node) []engine.Fact {
	var out []engine.Fact
	has := k.seen.machine
	f := engine.Fact{On: nodeID(n.Name), Addr: address(n.Address)}
	if cpus, err := strconv.ParseFloat(n.CPUs, 64); err == nil && has.cpus > 0 && cpus > float64(has.cpus) {
		f.Code, f.Path, f.Origin = "PGR263", "cpus", origin(n.At("cpus"))
		f.Text = fmt.Sprintf("%s asks for %s CPUs, the engine's machine has %d", address(n.Address), n.CPUs, has.cpus)
		f.Next = fmt.Sprintf("write %d or less, or leave `cpus` out", has.cpus)
		out = append(out, f)
	}
	if has.memory > 0 && n.Memory > has.memory {
		f.Code, f.Path, f.Origin = "PGR264", "memory", origin(n.At("memory"))
		f.Text = fmt.Sprintf("memory = %s of %s is no limit: the engine's machine has %d MB", size(n.Memory), address(n.Address), has.memory>>20)
		f.Next = "write less than that, or leave `memory` out"
		out = append(out, f)
	}
	return out
}
