package schema

import (
	"maps"
	"net"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"pgrepl/schema/hba"
)

// clusterValue is the model as a policy sees it. What is secret is not in it.
func clusterValue(c *Cluster) cty.Value {
	of := map[string]cty.Value{
		"name": cty.StringVal(c.Name), "version": cty.NumberIntVal(int64(c.Version)), "image": cty.StringVal(c.Image),
		"superuser": cty.StringVal(c.Superuser.Name), "protect": cty.BoolVal(c.Protect), "labels": stringMap(c.Labels),
		"synchronous": cty.NullVal(synchronousType), "nodes": objects(c.Nodes, nodeValue(c)), "roles": objects(c.Roles, roleValue),
		"networks": objects(c.Networks, networkValue), "slots": objects(c.Slots, slotValue), "databases": objects(c.Databases, databaseValue),
		"apps": objects(c.Apps, appValue),
	}
	if s := c.Synchronous; s != nil {
		var replicas []string
		for _, r := range s.Replicas {
			replicas = append(replicas, r.Name)
		}
		of["synchronous"] = cty.ObjectVal(map[string]cty.Value{"mode": cty.StringVal(s.Mode), "count": cty.NumberIntVal(int64(s.Count)), "replicas": stringList(replicas)})
	}
	return cty.ObjectVal(of)
}

var synchronousType = cty.Object(map[string]cty.Type{"mode": cty.String, "count": cty.Number, "replicas": cty.List(cty.String)})

// objects is a tuple of them: their parts may differ in type, as one has rules and another has none.
func objects[T any](all []T, of func(T) cty.Value) cty.Value {
	var out []cty.Value
	for _, one := range all {
		out = append(out, of(one))
	}
	return cty.TupleVal(out)
}

func object(o Object, more map[string]cty.Value) cty.Value {
	maps.Copy(more, map[string]cty.Value{"address": cty.StringVal(o.Address.String()), "name": cty.StringVal(o.Name), "protect": cty.BoolVal(o.Protect),
		"source": cty.StringVal(o.Origin.String()), "implied": cty.BoolVal(o.Implied)})
	return cty.ObjectVal(more)
}

func nodeValue(c *Cluster) func(*Node) cty.Value {
	return func(n *Node) cty.Value {
		settings := map[string]string{}
		for name, s := range n.Settings {
			switch {
			case s.Sensitive:
				settings[name] = Hidden
			case !s.Unset:
				settings[name] = s.Value
			}
		}
		return object(n.Object, map[string]cty.Value{
			"part": cty.StringVal(map[Part]string{Primary: "master", Standby: "replica"}[n.Part]), "image": cty.StringVal(n.Image),
			"network": cty.StringVal(n.Network.Name), "volume": cty.StringVal(n.Volume), "port": cty.StringVal(n.Port.String()),
			"memory": cty.NumberIntVal(n.Memory), "cpus": cty.StringVal(n.CPUs), "shm_size": cty.NumberIntVal(n.ShmSize), "restart": cty.StringVal(n.Restart),
			"stop_timeout": cty.NumberIntVal(int64(n.StopTimeout)), "labels": stringMap(n.Labels), "settings": stringMap(settings), "hba": objects(n.HBA, ruleValue),
			"upstream": cty.StringVal(nameOf(n.Upstream)), "slot": cty.StringVal(nameOfSlot(n.Slot)), "delay": cty.StringVal(n.Delay),
			"synchronous": cty.BoolVal(c.Synchronous != nil && slices.Contains(c.Synchronous.Replicas, n)),
		})
	}
}

// appValue is an app without what it is told.
func appValue(a *App) cty.Value {
	var ports, volumes, uses []string
	for _, p := range a.Ports {
		ports = append(ports, p.String())
	}
	for _, v := range a.Volumes {
		volumes = append(volumes, v.String())
	}
	for _, r := range a.Reaches {
		uses = append(uses, r.Node.Name)
	}
	slices.Sort(uses)
	return object(a.Object, map[string]cty.Value{"image": cty.StringVal(a.Image), "built": cty.BoolVal(a.Build != nil), "network": cty.StringVal(a.Network.Name),
		"ports": stringList(ports), "volumes": stringList(volumes), "command": stringList(a.Command), "restart": cty.StringVal(a.Restart), "labels": stringMap(a.Labels),
		"env": stringList(slices.Sorted(maps.Keys(a.Env))), "secrets": stringList(slices.Sorted(maps.Keys(a.Secrets))), "uses": stringList(slices.Compact(uses))})
}

func nameOf(n *Node) string {
	if n == nil {
		return ""
	}
	return n.Name
}

func nameOfSlot(s *Slot) string {
	if s == nil {
		return ""
	}
	return s.Name
}

func ruleValue(l HBALine) cty.Value {
	words := func(tokens []hba.Token) cty.Value {
		var out []string
		for _, t := range tokens {
			out = append(out, t.Text)
		}
		return stringList(out)
	}
	return cty.ObjectVal(map[string]cty.Value{"text": cty.StringVal(l.Text), "type": cty.StringVal(string(l.Rule.Type)), "databases": words(l.Rule.Databases),
		"users": words(l.Rule.Users), "address": cty.StringVal(addressWord(l.Rule.Address)), "method": cty.StringVal(l.Rule.Method), "source": cty.StringVal(l.Origin.String())})
}

// addressWord is who a rule is for, in one spelling: a network as address/bits, everybody as all.
func addressWord(a hba.Address) string {
	switch a.Kind {
	case hba.NoAddress:
		return ""
	case hba.AnyAddress:
		return "all"
	case hba.SameHost:
		return "samehost"
	case hba.SameNet:
		return "samenet"
	case hba.HostName:
		return a.Host
	}
	bits, whole := net.IPMask(a.Mask.AsSlice()).Size()
	prefix, err := a.IP.Prefix(bits)
	if err != nil || whole == 0 { // no ones and then zeros
		return a.IP.String() + " " + a.Mask.String()
	}
	return prefix.String()
}

func roleValue(r *Role) cty.Value {
	return object(r.Object, map[string]cty.Value{"login": cty.BoolVal(r.Login), "replication": cty.BoolVal(r.Replication), "superuser": cty.BoolVal(r.Superuser),
		"create_db": cty.BoolVal(r.CreateDB), "create_role": cty.BoolVal(r.CreateRole), "bypass_rls": cty.BoolVal(r.BypassRLS), "inherit": cty.BoolVal(r.Inherit),
		"connection_limit": cty.NumberIntVal(int64(r.ConnectionLimit)), "valid_until": cty.StringVal(r.ValidUntil), "member_of": stringList(r.MemberOf),
		"password": cty.BoolVal(r.Password.IsSet() || r.Password.IsUnset())})
}

func networkValue(n *Network) cty.Value {
	return object(n.Object, map[string]cty.Value{"subnet": cty.StringVal(n.Subnet), "driver": cty.StringVal(n.Driver), "internal": cty.BoolVal(n.Internal), "external": cty.BoolVal(n.External)})
}

func slotValue(s *Slot) cty.Value {
	return object(s.Object, map[string]cty.Value{"logical": cty.BoolVal(s.Logical), "plugin": cty.StringVal(s.Plugin), "database": cty.StringVal(s.Database), "upstream": cty.StringVal(nameOf(s.Upstream))})
}

func databaseValue(d *Database) cty.Value {
	return object(d.Object, map[string]cty.Value{"owner": cty.StringVal(d.Owner), "connection_limit": cty.NumberIntVal(int64(d.ConnectionLimit)), "encoding": cty.StringVal(d.Encoding), "locale": cty.StringVal(d.Locale)})
}

func stringList(all []string) cty.Value {
	if len(all) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var out []cty.Value
	for _, s := range all {
		out = append(out, cty.StringVal(s))
	}
	return cty.ListVal(out)
}

func stringMap(all map[string]string) cty.Value {
	if len(all) == 0 {
		return cty.MapValEmpty(cty.String)
	}
	out := map[string]cty.Value{}
	for key, s := range all {
		out[key] = cty.StringVal(s)
	}
	return cty.MapVal(out)
}
