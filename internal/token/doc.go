// Package token gets the bearer tokens that stand in for passwords at Office 365
// and Google, and explains to administrators why one was refused.
//
// A Provider belongs to one endpoint and serves all of its mailboxes:
//
//  1. Token gives the cached token as long as it is good. From 80 % of its life
//     on, or 5 minutes before its end, whichever comes first (but not in its first
//     half), a new one is asked for in the background while the old one is still
//     given out. However many ask, one request is under way for one token.
//  2. Office 365 gives one token for all mailboxes of a tenant (client
//     credentials, RFC 6749 section 4.4, with a secret or with an assertion signed
//     by a certificate, RFC 7523 section 2.2). Google gives one for each mailbox
//     (RFC 7523 section 2.1, with the mailbox as subject).
//  3. A server that refuses a token is told with Refused: the next Token asks for
//     another, but not oftener than once a minute, so that one broken mailbox does
//     not make all the others wait for the authority.
//  4. What fails is asked again three times where that can help, with growing
//     pauses. Then it is a migration.Fault, and everybody gets that same answer
//     for 10 s, or for the pause that the authority asks for.
//
// What an authority or a mail server answers seldom says what to do. The tables in
// entra.go and google.go do, Office365.Explain looks into a token, ExplainSignIn
// puts both together, and Commands writes the administrator's PowerShell.
//
// Nothing of golang.org/x/oauth2 or MSAL is used. Both requests are a form and a JSON
// answer; what is hard about them here, sharing, retrying, scrubbing and explaining,
// those libraries either do not do or do not let out of their hands, and they put the
// answer's body into their errors. MSAL would bring seven modules for one signature.
package token
