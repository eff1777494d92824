// Package hostiletest has no code of its own: its tests put the program before
// servers that mean harm, and before servers that echo what they were told.
//
//   - tls_test.go: whatever a server or somebody on the line says, no byte of a
//     credential leaves without verified TLS. The scripted server records every
//     byte that crosses the line; a scan of these bytes is the oracle, and a
//     case that signs in without TLS by leave of the operator proves that the
//     oracle sees.
//   - attack_test.go: no answer of a server takes more than a bounded amount of
//     memory, or ends the process. The client runs in a child process, whose peak
//     of resident memory is read from the kernel, while ten healthy sessions in
//     that process go on fetching.
//   - secret_test.go: no password shows up in anything the program writes: its
//     output, traces, reports, ledger, error texts and argument list, in any of
//     the forms in which passwords tend to come back.
//
// The suites run scaled down; MAILHAUL_LONG=1 runs the tests named Long at full
// size.
package hostiletest
