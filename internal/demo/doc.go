// Package demo is a small office on two IMAP servers in memory, for trying the
// product without a server of one's own.
//
// [Start] makes both servers on free ports of 127.0.0.1, with certificates of an
// authority of their own, and fills the source:
//
//   - The source is an old server: every folder is below "INBOX.", "." parts the
//     levels, nothing marks the special folders, and six people named theirs in
//     their own languages. Its peculiarities are those of Courier.
//   - The target is a newer one: "/" parts the levels, special folders are
//     marked (RFC 6154), and the mailboxes are empty.
//
// The mail is made up, but awkward as real mail is: messages without a
// Message-ID or with somebody else's, exact copies, no header, no body, 8-bit
// headers, bare line feeds, no line end at the end, very long lines, large
// attachments, dates from 1970 to 2038, keywords, and folder names that are
// hard to spell. It is the same at every start, so that figures can be compared.
// Only ports, certificates and passwords differ.
//
// [Demo.WriteFiles] writes what the commands of the product read: the migration
// file, one that is broken on purpose, the certificate of the authority and the
// passwords. Nothing else is written, and nothing leaves the computer.
package demo
