package render

import (
	"fmt"
	"io"
)

// GitLab writes the numbers of a plan as GitLab's terraform report, which a merge request shows.
func GitLab(w io.Writer, d Document) error {
	_, err := fmt.Fprintf(w, "{\"create\":%d,\"update\":%d,\"delete\":%d}\n", d.Summary.Add, d.Summary.Change, d.Summary.Remove)
	return err
}
