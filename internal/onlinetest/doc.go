// Package onlinetest lets every make of server copy to every other, in memory, and
// Exchange Online take what it does not like. It has tests only. A server that is
// imapfake tells what it was given: the oracle is never our own client.
//
//   - pairs: awkward mail from each make to each. What arrives differs by the rules
//     of the target only, which are a table, and whatever is not as it was is told in
//     a finding.
//   - odd: messages that Exchange Online refuses arrive repaired, with a record that
//     says what was changed, or are a finding; whether a repair keeps what the message
//     says is judged by the standard library's MIME.
//   - throttle: a target that asks for pauses in all its ways, by the clock of
//     testing/synctest.
//   - standing: tokens that expire, rights that are revoked, mailboxes that are
//     deleted, switched off or full while mail is under way.
//   - unread: a source that gives other messages than those it was asked for.
package onlinetest
