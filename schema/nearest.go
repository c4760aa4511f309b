package schema

// Nearest is the known word that a misspelt one was probably meant to be, "" when none is near: for names that are not in a file,
// but on a command line or in a server.
func Nearest(word string, known []string) string { return nearest(word, known) }
