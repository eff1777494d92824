// Package imapfake is an IMAP server in memory, for tests, for the demo and for
// load. Package demo and tests import it; nothing else may.
//
// What it promises:
//
//   - Bytes. A message is kept exactly as it was sent and served exactly as it
//     is kept; nothing is parsed and written anew, unless a test asks for a
//     server that does so ([Rewriting]).
//   - Order. Commands are carried out one after the other in the order they
//     came, however many are pipelined. Answers are buffered and leave when
//     there is nothing more to read, so a pipelining client costs no packet per
//     command.
//   - UIDs ascend and are never used twice within a UIDVALIDITY (RFC 3501
//     section 2.3.1.1).
//   - Sequence numbers. Each session has its own view of the open folder. What
//     others expunge stays in the view until an answer may carry EXPUNGE (RFC
//     3501 section 7.4.1).
//   - No clock of its own. There is no timer and no goroutine beside the one of
//     each connection (and one more while it idles), so it runs in a
//     testing/synctest bubble over net.Pipe. Close waits for all of them.
//
// The parts, from the outside in:
//
//   - A [Server] has users. [Server.AddUser] gives a [Mailbox], which tests
//     seed and look into directly: Deliver, Messages, Expunge. Folder names
//     there are as on the wire: modified UTF-7, with the server's delimiter.
//   - A [Personality] is data: what a make of server announces, allows, leaves
//     out and gets wrong. [Generic] has everything on; [Dovecot], [Cyrus],
//     [Courier], [UWIMAP], [Zimbra], [Mirapoint], [OracleMessaging], [Kerio],
//     [Exchange], [ExchangeOnline], [Gmail] and [Minimal] follow what those
//     servers show on the line. A feature exists when its capability is listed.
//   - [AdminRules] are how an administrator opens someone else's mailbox on a
//     personality, and nothing else works there.
//   - [Tokens] are bearer tokens with a time; [Standing] is what a mailbox is to
//     someone with a right password or token; [Mailbox.SetLanguage] names its
//     folders.
//   - A [Rule] is data too: which connection, command, folder or message goes
//     wrong, the how-manieth time, and how ([Action]). A [Hook] runs a test's
//     code at the points of a command ([Point]), between the bytes of a message
//     having arrived and its commit, for instance.
//   - [Server.Recorded] and [Server.Saw] are oracles of what crossed the line;
//     [Compare] is the oracle of what arrived.
//
// An APPEND is stored at the commit point of the personality: when the command
// line ends (the default) or already with the last byte of the literal, as
// Courier does. A connection that breaks after the commit point leaves the
// message; a broken answer never undoes it. MULTIAPPEND stores all or nothing
// (RFC 3502).
//
// What it does not do: MIME structure (BODYSTRUCTURE is a stub and only the
// whole message, its header and its text can be fetched), charsets in SEARCH,
// SORT, THREAD, ACL, METADATA, NOTIFY, and keeping anything on disk.
package imapfake
