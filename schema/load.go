package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"
)

// Options say where the file and the values of its variables come from.
type Options struct {
	Path     string   // file, or folder whose *.hcl files are read as one
	Vars     []string // --var "x=v" in order; a later one wins over an earlier one, all over VarFiles
	VarFiles []string // --var-file; a later one wins, all over the environment
	Environ  []string // as os.Environ: PGREPL_VAR_x and what env("X") sees

	Policies []string // --policy: files with further policies, and the variables and locals that those need
	AnyVars  bool     // variables are given that the file need not declare: it is one of several
	AsItRuns bool     // nothing is to be built: what images are built of need not be there

	ReadFile func(string) ([]byte, error)   // nil: os.ReadFile
	ReadDir  func(string) ([]string, error) // names of the files in a folder, an error for a file; nil: os.ReadDir
}

// Load reads a file or folder into the model of its cluster. It returns everything that is wrong at once; the cluster
// is nil when one of the diagnostics is an error.
func Load(o Options) (*Cluster, Diagnostics) {
	l := &loader{options: o, src: newSources(o), env: environment(o.Environ), callable: map[string]map[string]function.Function{}, settingAt: map[Origin]hcl.Range{}, worked: map[evaluation]evaluated{}, given: map[string]string{}, used: map[string]bool{}}
	cluster := l.load()
	if cluster != nil {
		l.checkPolicies(cluster)
	}
	diags := l.diagnostics(l.src)
	if diags.HasErrors() {
		return nil, diags
	}
	cluster.src, cluster.judges = l.src, l
	return cluster, diags
}

// loader is one run of Load.
type loader struct {
	report
	options Options
	src     *sources
	env     map[string]string

	variables map[string]*variable
	given     map[string]string // of the variables, what was given from outside and is no secret
	locals    map[string]*local
	policies  []policy
	used      map[string]bool                         // variables that something refers to
	removals  []*hclsyntax.Block                      // the removed blocks, as written
	monitors  []*hclsyntax.Block                      // the monitor blocks, of which there may be one
	blocks    []*block                                // by address
	declared  map[Address]*block                      // the same by name space
	meant     []string                                // kinds of block that are written, rightly or not
	callable  map[string]map[string]function.Function // by folder of the calling file
	settingAt map[Origin]hcl.Range                    // the name of a setting, by where it begins
	worked    map[evaluation]evaluated                // each expression is worked out once for each copy of its block
	budget    budget
	path      []string // definitions being worked out, to find those that need each other
}

// load stops early only where all that follows would be noise: when a file could not be parsed.
func (l *loader) load() *Cluster {
	bodies, policies := l.readFiles(), l.readPolicyFiles()
	if l.hasErrors() {
		return nil
	}
	l.arrange(append(bodies, policies...))
	l.giveValues()
	c := l.decode()
	c.inputs = l.inputs()
	l.checkLocals()
	return c
}
