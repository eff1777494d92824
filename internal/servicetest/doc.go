// Package servicetest runs the server as a whole, between real IMAP servers and on
// both databases, and works with it as people do: by commands and by the API.
package servicetest
