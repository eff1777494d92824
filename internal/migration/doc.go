// Package migration holds the words of the field: endpoints, folders, messages,
// UID sets, faults, findings and the migration file. It is pure: no I/O, no
// clock, nothing but the standard library and package secret. Every other package
// speaks in these types, and this one imports none of them.
//
// One word means one thing (the glossary is in ARCHITECTURE.md): a Mailbox is
// one person's mail, a Folder is what the IMAP RFCs call a mailbox, a Message
// is one message in one folder, known by folder, UIDVALIDITY and UID.
package migration
