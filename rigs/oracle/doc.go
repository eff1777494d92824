// Package oracle tells what is in a mailbox, by a second implementation.
//
// Whoever checks a copy with the client that made it proves little: an error in
// reading hides the same error in writing. Here a small Python program over
// the standard library's imaplib reads every folder and hashes every message,
// and Go only compares. It changes nothing: folders are opened by EXAMINE and
// bodies read by BODY.PEEK[].
//
// Diff compares two snapshots as multisets of (folder, SHA-256, date, flags), so
// a lost, an added, a doubled and an altered message each show.
package oracle
