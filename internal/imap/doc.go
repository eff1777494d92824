// Package imap is the client: it speaks IMAP4rev1 (RFC 3501) to servers as they
// are, fast over slow lines, and never gives up on a connection because of what
// a message or a folder is called or holds.
package imap
