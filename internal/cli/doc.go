// Package cli is the command line: one file for each command, and the wiring of
// the packages below. Every command reads its flags into a struct, checks them in
// one place and calls a run function. Data goes to standard output, talk goes to
// standard error, so that --json and listings can be piped.
//
// Secrets come from a file, an environment variable or a prompt, never from an
// argument, because arguments show in the process list.
package cli
