// Package crashtest breaks a migration at every place it can break, lets it go
// on, and counts the mail. It has tests only.
//
// Whatever happens, afterwards every message of the source is at the target
// once, with its bytes, date and flags, and one more pass copies nothing. The
// parts, each in files of its own:
//
//   - kill: SIGKILL of the mailhaul command at random times, from a Dovecot to
//     another, to a Cyrus and to a Courier, with users who go on using their mail
//     meanwhile. A reader that shares no code with the product compares both sides.
//   - step: SIGKILL before and after each single write to the ledger and to the
//     network. The test binary runs itself as the client that dies; the servers
//     live on in the test.
//   - cut: the line to the target, a server in memory or a real Dovecot, Cyrus or
//     Courier, breaks after each single byte of an APPEND or of its answer, by FIN
//     and by RST.
//   - zombie: bytes of a broken connection that reach the target late.
//   - disk: the n-th write or sync of the ledger fails, by the fault injection
//     of strace. The command stops, says why, and stores nothing it has no
//     record of.
//   - interrupt: SIGINT in the middle.
//   - odd: servers that refuse, lie, forget and hang up.
//
// Tests run with small counts; those named TestLong run all of it when
// MAILHAUL_LONG is 1. Tests that need real servers or strace are skipped where
// they are missing, unless MAILHAUL_REQUIRE_RIGS is 1, and with -short or
// MAILHAUL_NO_RIGS.
package crashtest
