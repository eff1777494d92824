// Package discover finds the mail server of an address and how one would sign in
// there. Given anna@example.org it asks, all at the same time and within one time
// limit:
//
//  1. the SRV records of the domain (RFC 6186, RFC 8314),
//  2. its autoconfig file (the format of Thunderbird) and its Autodiscover service
//     (POX and the JSON of version 2), over HTTPS only,
//  3. its MX records and the alias of autodiscover.example.org, which a table of
//     known providers turns into servers,
//  4. the usual names: imap.example.org, mail.example.org, example.org, and the MX
//     hosts nobody knows,
//
// and looks at every server that was named, without signing in: does it answer over
// TLS, is its certificate good, what does it say it is. From that it recognises the
// software, and from the software the forms of an administrator's sign-in.
//
// What it promises: nobody is told more than the domain (where a question wants an
// address, postmaster@ stands in it, RFC 5321 section 4.5.1), and never a password.
// What strangers answer is bounded in size, time and number, is fit to be shown, and
// cannot make it propose a line without TLS. What it does not promise: DNS is not
// authenticated, so a server outside of the domain that only DNS names is marked, and
// a person decides.
//
// It does not speak IMAP: who uses it brings a Prober.
package discover
