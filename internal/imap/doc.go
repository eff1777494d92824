// Package imap is the client: it speaks IMAP4rev1 (RFC 3501) to servers as they
// are, keeps a slow line full, and does not give up a connection for what a
// message or a folder is called or holds.
//
// # The line
//
// Dial resolves, connects, starts TLS as the endpoint says and nothing less,
// reads the greeting and signs in. What comes before TLS with STARTTLS is a
// small state machine of its own (starttls.go) that keeps nothing of what it
// heard. From then on a conn has three goroutines:
//
//   - The reader reads every response. It ends commands, hands untagged
//     responses to the oldest command that wants them, and runs the callbacks
//     of Messages and Bodies, so that a message goes from the connection to its
//     receiver without being stored.
//   - The writer sends what callers have put into a buffer. What comes while one
//     write is under way goes out with the next, so that small commands share
//     packets and large ones do not wait.
//   - The watch ends a line that stands still while the server owes something.
//     A receiver that takes its time, or a caller with nothing to send, is not
//     the server's fault and ends nothing.
//
// Callers hold the line while they write a command, and no longer: commands of
// several goroutines are pipelined (RFC 3501 section 5.5). Only a literal that
// needs the server's leave keeps others waiting.
//
// # Reading messages
//
// A FETCH response belongs to the oldest command that asked for its UID and for
// what it brings. Attributes may come in any order. A body that comes before
// its UID is held when it is small, is given on at once when it is large and only
// one message is outstanding, and is asked for again alone otherwise. NIL, and a UID
// that never comes, mean that the message was not delivered; a literal cut short
// is an error, never a shorter message, and so is one that is longer than it was
// announced. A message may have any size that IMAP can announce (4 GiB - 1): it is
// streamed, and what a target takes is for the target to say.
//
// # Adding messages
//
// An Appender keeps up to 64 messages or 8 MiB unanswered, waits for no leave
// where the server allows that (RFC 7888), and puts small messages into one
// command where it has MULTIAPPEND (RFC 3502). No byte is sent that the
// message's reader has not given: whoever withholds the last byte withholds the
// message. Every message gets exactly one result. Where no answer came, the
// result says whether the last byte may have left: bytes are counted when they
// are handed to the connection, and when the line is cut that count stands
// still and the kernel's buffer is dropped (RST).
//
// # Faults
//
// Every error is a *migration.Fault; faults.go is the one place that decides
// its class, by response code (RFC 5530), by known texts of servers, and last by
// the kind of the command. Texts of servers are shown without control
// characters and without this connection's secrets.
//
// # What it does not do
//
// It never negotiates IMAP4rev2 or UTF8=ACCEPT, and infers nothing from their
// being announced: some servers announce what they do not have. It does not
// reconnect, retry or pause; who calls it does. It parses no ENVELOPE and no
// BODYSTRUCTURE.
package imap
