// Command knocker reads rounds of logins and writes the answers.
package main

import (
	"fmt"
	"os"

	"pgrepl/test/e2e/knock"
)

func main() {
	if err := knock.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
