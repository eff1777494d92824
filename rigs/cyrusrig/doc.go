// Package cyrusrig starts throw-away Cyrus IMAP 3.6 servers on loopback for tests.
//
// Each server lives in a directory of its own: configuration, certificates, mail,
// databases and sockets. It runs the programs that scripts/install-rigs unpacked;
// nothing of the system is changed. Any user name is accepted with one password and
// has an INBOX after the first sign-in. The administrator of the server, who may
// act for anybody by the authorisation identity of SASL PLAIN (RFC 4616), is
// rig.Admin with rig.AdminPassword.
//
// Start returns when the server answers; Stop ends exactly the processes Start
// made and removes the directory; when the test process dies by any means, the
// server ends too. Cyrus always syncs mail to disk.
//
// What Cyrus has to say it says to syslog, which is not there: its log is empty but
// for what its main process prints.
//
// It needs root, because Cyrus changes users. Missing says what is absent.
package cyrusrig
