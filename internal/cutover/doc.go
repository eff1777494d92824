// Package cutover guides a domain's mail from the old system to the new one, and says
// when the old one is no longer needed.
//
// It works in three steps:
//
//   - An Asker looks at the domain: it finds the servers of its zone, by its NS records
//     and its delegation, asks each of them, those that had left the zone with the old
//     records, and each resolver it was given, and returns a Look: who answered what, and
//     why somebody did not. It judges nothing.
//   - A Watch remembers what was seen: since when each server answers the new MX records,
//     when it last answered the old ones, and how long these may be kept in caches, those of
//     the resolvers among them.
//   - Judge makes a Verdict of a watch, a moment and the facts about the mailboxes: the
//     state, findings with advice, the steps, and whether a batch may be completed or
//     deleted. It is a pure function.
//
// What it promises: a domain is Settled only when every server that serves its zone answered
// the new MX records and nothing else in the last look, nothing was more than is looked at,
// none of the resolvers answers the old records or may keep those that it answered, one of them
// answered the new (or time for it has passed), the change was seen or stated, and the wait
// is over: 72 hours after the last server changed, and after what caches may hold of the old
// records has expired. Where nobody heard a server for long, or it was heard later than the
// others, it counts as changed when it is heard. An operator may state an earlier moment of
// the change than was seen, of all that was seen until then; what was seen wins. Nothing is
// safe beside a finding that is an error.
//
// What it does not: change a record, sign in anywhere, or see caches that it cannot ask.
package cutover
