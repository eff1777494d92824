// Package cutover guides a domain's mail from the old system to the new one, and says
// when the old one is no longer needed.
//
// It works in three steps that know nothing of one another:
//
//   - An Asker looks at the domain: it finds the servers of its zone, asks each of them
//     and each resolver it was given, and returns a Look: who answered what, and why
//     somebody did not. It judges nothing.
//   - A Watch remembers what was seen: since when each server answers the new MX records,
//     when it last answered the old ones, and how long these may be kept in caches.
//   - Judge makes a Verdict of a watch, a moment and the facts about the mailboxes: the
//     state, findings with advice, the steps, and whether a batch may be completed or
//     deleted. It is a pure function.
//
// What it promises: a domain is Settled only when every server of its zone answered the
// new MX records and nothing else in the last look, none of the resolvers answers the old
// ones, and the wait is over: 72 hours after the last server changed, and after what
// caches may hold of the old records has expired. An operator may state an earlier moment
// of the change than was seen; what was seen wins.
//
// What it does not: change a record, sign in anywhere, or see caches that it cannot ask.
package cutover
