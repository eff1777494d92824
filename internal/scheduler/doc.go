// Package scheduler makes true what operators want: it gives out mailboxes that
// are due, runs their passes, decides what follows each, and keeps the books of
// batches. Operators write what they want into the store (package control); the
// two share nothing else, so that one node and ten are the same program.
//
// # The path of a pass
//
//  1. The dispatcher (dispatch.go) claims mailboxes that are due, every second and
//     when woken. Claiming counts the mailbox's generation up and gives it a
//     lease; the store sees to the limits of both endpoints, over all nodes. In
//     the same transaction a River job for each claim is inserted.
//  2. Whichever node River gives the job to takes the mailbox up (pass.go). A job
//     whose generation is not the mailbox's any more does nothing.
//  3. The Runner does the work, at most for a slice; what is left then goes on in
//     the next one, after others have had their turn.
//  4. What follows is decided in policy.go, which is pure, and written in one
//     transaction.
//
// # Leases
//
// A lease lasts 15 s and is renewed every 5 s, all of a node at once (lease.go).
// The answer says which mailboxes are to be halted; one that is missing is lost.
// A pass asks Task.Held before anything becomes final at the target: it is false
// a margin before the lease has run out, by this node's clock alone, whether the
// database can be reached or not. The ledger refuses a generation that is gone.
// A node that dies needs no other care: its leases run out, and the dispatcher of
// another claims the mailboxes anew.
//
// # Batches
//
// What a batch does by itself is in tend.go: it completes at its time unless it is
// held, tells
// people when its state changes and at each report interval, loses its key when
// all its mailboxes are closed, and its records when it is removed. The notice is
// written in the transaction that notes the state as told, so that it is told
// once, whatever dies.
//
// # Endpoints that cannot be reached
//
// After so many mailboxes in a row for which an endpoint could not be reached,
// the waiting ones of that endpoint are put off, for longer each time
// (breaker.go). They say so.
package scheduler
