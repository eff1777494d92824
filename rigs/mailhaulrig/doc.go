// Package mailhaulrig runs the mailhaul server in the process of a test, as the
// command mailhaul serve does, on a free port of loopback.
//
// Its database is a file of SQLite below the test's directory unless the options
// name another one. It ends with the test, which fails when the server ends badly.
package mailhaulrig
