// Package notify tells people outside what happens to a batch.
//
// It works in two steps, so that nothing is told twice or not at all:
//
//  1. Compose makes the notices of an event, one for each recipient. It is pure.
//     Who notices the event writes them with the change they tell of, in one
//     transaction: there is no change without its notices, and none without its
//     change. A notice's mark is the same whoever composes it, and the store
//     keeps only one of each mark.
//  2. A Sender on each node takes notices that are due, one at a time, and sends
//     them: by mail, with the report of that moment, or to a webhook. The mail
//     server is the one of that moment, too. What it has
//     taken is put off for as long as the sending may take; should the node die,
//     another one takes it then.
//
// A notice that could not be sent is tried again, after 1 min, 2 min and so on up
// to 1 h, for 24 h. Then it is given up, and why stays in its record.
//
// What cannot be had: a node that dies between the server's OK and its own note of
// it leaves a notice that is sent again. It is then the same message: Message-ID
// (and the webhook's Mailhaul-Delivery) derive from the mark, and mail systems that
// know the first copy drop the second.
package notify
