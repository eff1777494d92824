// Package mailgen makes mail for tests and benches and fills servers with it.
//
// The same seed makes the same bytes, everywhere and always. Corpus makes mail
// as people have it: sizes are log-normal, big messages carry attachments that
// hardly compress. Awkward makes the mail that breaks tools: equal, empty,
// header-less, overlong and oddly named.
//
// Load writes a corpus to a server over sockets of its own, with MULTIAPPEND
// (RFC 3502) and literals that do not wait (RFC 7888). It keeps no record, checks
// no answer but OK, and never waits for one message before it sends the next.
// So its time is also the ceiling that a careful tool is measured against. Fill is
// slow, works with every server and tells what it refuses.
package mailgen
