// Package docker manages what lies outside the servers: networks, volumes and the containers that nodes run in, and
// gives the postgres provider its way into a node (Machine): exec, files, a connection.
//
// Everything that Docker does differently from what one would expect, and the reasons for the odd-looking choices
// here (Init, the flock, NoCopy, no environment), stands in the comments at the place; docs/development.md has the list.
package docker
