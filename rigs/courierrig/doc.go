// Package courierrig starts throw-away Courier IMAP 5 servers on loopback for
// tests.
//
// Each server lives in a directory of its own: configuration, certificates, mail
// and sockets. It runs the programs that scripts/install-rigs unpacked, in
// namespaces of its own of processes and mounts, in which /etc and /run are folders
// of that directory, because Courier's programs look there for their
// configuration and sockets. Nothing of the system is changed.
//
// Any user name is accepted with one password and has a Maildir after the first
// sign-in; folders are below INBOX. The administrator, rig.Admin with
// rig.AdminPassword, sees the folders of everybody who signed in before below
// "#shared.USER", by Courier's index of shared accounts and his rights in its
// group of administrators.
//
// Start returns when the server answers; Stop ends exactly the processes Start
// made and removes the directory; when the test process dies by any means, the
// server ends too.
//
// After a wrong password the answer takes five seconds.
//
// It needs root and the right to mount. Missing says what is absent.
package courierrig
