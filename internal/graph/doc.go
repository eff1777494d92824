// Package graph asks Microsoft Graph which folders of a mailbox are its default ones,
// since Exchange Online does not mark them by IMAP.
//
// For each mailbox it reads the display names of five folders by their well-known
// names, with a token of its own, and remembers them as long as the process lives.
// It changes nothing. The application needs the permission Mail.ReadBasic.All.
//
// It is an aid and never in the way: a look-up takes half a minute at most, follows no
// redirection, reads little, waits out no pause of more than a few seconds, and its
// fault says what to do while the caller goes on without.
package graph
