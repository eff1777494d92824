// Package rig is what the throw-away servers of the rigs have in common: a
// process in a directory of its own, a certificate made for the occasion, free
// ports, and an end that is certain.
//
// A Process is started by Launch and ends by Stop, which ends exactly what was
// started and removes the directory. When the test process dies by any means, a
// guard does the same. A detached server lives on; its directory tells, by Status,
// what it is, and StopDetached ends it.
//
// Mail is a Process that speaks IMAP on a plain port and on a TLS port. It is
// taken for started when both answer with what only this server knows, because
// somebody else may take a port that was free a moment ago.
//
// Command is the command line of a rig.
package rig
