// Package wire is the grammar of IMAP (RFC 3501 section 9, RFC 9051 section 9)
// and nothing else: no connection, no commands, no state of a session.
//
// Reading. A Reader pulls one response after the other from a stream, token by
// token, without ever holding a whole one. The parser above it says what it
// expects; what it does not know it skips with Skip or SkipLine, neither of
// which recurses or builds anything. Servers are believed in one thing only:
// the length of a literal, because without it the stream is lost. No memory is
// set aside for a length that was merely announced.
//
// There are three kinds of errors. A *SyntaxError means that this response is
// malformed; SkipLine finds its end, honouring literals, and reading goes on. A
// *LimitError means that the server went beyond a bound of Limits; an error of
// the stream means that it broke. After either of these nothing more can be
// read.
//
// Writing. A Command collects one command line. It chooses between atom, quoted
// string and literal, and refuses what would end the line or be taken for a
// literal marker, so that no folder name and no password can become a command
// of its own.
//
// The small codecs of the protocol live here too: modified UTF-7, dates, UID
// sets that stay ranges however long they are.
package wire
