// Package dovecotrig starts throw-away Dovecot 2.3 servers on loopback for
// tests and benches.
//
// Each server lives in a directory of its own: configuration, certificates,
// mail, sockets and log. Nothing of the system's Dovecot is read or written.
// Ports are chosen free and tried again when somebody else takes them first.
// Any user name is accepted with one password, a master user may log in as
// anybody ("user*admin"), and a certificate authority made for the occasion
// signs the server's certificate.
//
// What it promises: Start returns when the server answers; Stop ends exactly
// the processes Start made and removes the directory; when the test process
// dies by any means, the server ends too.
//
// What it does not: mail is not synced to disk unless Options.Durable says so,
// because tests measure and check the client, not the disk.
//
// It needs root, because Dovecot changes users. Missing says what is absent.
package dovecotrig
