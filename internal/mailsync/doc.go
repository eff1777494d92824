// Package mailsync moves one mailbox.
package mailsync
