// Package relay is a TCP relay for tests and benches: it stands between a
// client and a server and plays the network between them.
//
// It delays without limiting: every chunk of bytes gets the time at which it is
// due and waits in a queue of its connection and direction, so that a long line
// carries as much as a short one. A bandwidth, when set, limits instead.
//
// It counts bytes, connections and turns. A turn is a client's write that
// follows a delivery of server data: the number of times the client had to wait
// for an answer before it went on. A client that pipelines while answers stream
// in is counted a little too high, never too low.
//
// It breaks as it is told: faults are data, bound to a connection, a direction
// and an exact number of bytes.
//
// A connection costs what it costs on a real line: the server's greeting
// arrives two round trips after the client began to connect.
package relay
