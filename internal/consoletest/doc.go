// Package consoletest works with the web console as people do: in a real browser, with
// the mailhaul server that the binary is, between real IMAP servers and an SMTP server.
//
// Each test starts servers and runs a script of web/e2e, which uses the console by what
// a person sees (roles and names), tells each step, and asks the test for what happens
// outside of browsers: mail that arrives, what another client finds at the target.
// Whatever a page does that it must not is a failure of every script: what the
// Content-Security-Policy forbids, an error on the console, a question to another
// server.
//
// Needed are Debian's chromium, Node, the packages of web (npm ci) and the built
// console; scripts/install-rigs and scripts/build-console see to it.
package consoletest
