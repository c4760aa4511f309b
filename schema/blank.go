package schema

// Blank gives every secret that is written the same value, whether its variable has one or not: two files can then be compared
// by where their secrets come from, and nobody needs to know them.
func (c *Cluster) Blank() {
	blank := func(s Secret) Secret {
		if !s.set && !s.unset {
			return s
		}
		return NewSecret("blank", s.source)
	}
	c.Superuser.Password = blank(c.Superuser.Password)
	for _, r := range c.Roles {
		r.Password = blank(r.Password)
	}
	for _, n := range c.Nodes {
		for key, v := range n.Env {
			n.Env[key] = blank(v)
		}
		blankSettings(n.Settings)
	}
	for _, r := range c.Roles {
		blankSettings(r.Settings)
	}
}

func blankSettings(all map[string]Setting) {
	for name, s := range all {
		if s.Sensitive {
			s.Value, s.Unset = "blank", false
			all[name] = s
		}
	}
}
