// Package store keeps the ledger: for every mailbox what was about to be
// copied, what was copied to where, and what could not be. It implements
// mailsync.Ledger on SQLite and PostgreSQL, and for that it may import mailsync,
// for the types of the records alone. Beside the ledger it keeps the records of the
// service: endpoints, batches, mailboxes, findings, transcripts, notices, operators, the audit
// log (Store.Change and Store.View, with the methods of Tx).
//
// # What it promises
//
//   - What a writing method was given is on the disk when it returns: WAL mode
//     with synchronous=FULL, or synchronous_commit. NORMAL would let the last
//     commits vanish with a power loss, and an intent that vanishes is a message
//     copied twice.
//   - A target message is the copy of one source message, and a source message
//     has one copy (invariant I3). Settle and Rematch look for it inside their
//     transaction, and refuse with mailsync.ErrMapped without writing anything.
//   - A fenced ledger (Ledger.Fence) writes only while the mailbox has the
//     generation it was leased with.
//   - What a Change does it does whole or not at all, River's jobs among it. Its
//     own errors come back as they are.
//   - In a file, after the first error of the database nothing is read or written
//     any more (invariant I9), but where another program had the file locked before
//     a call began: that call alone fails. Every error is a *migration.Fault of class Stop
//     that says what was being done and what to do about it. PostgreSQL may be
//     away for a while: an error of the database is a fault of class Again, and the
//     next call asks it anew. A refused call is no error of the database: it alone
//     fails, with class Stop, and its transaction leaves nothing behind.
//   - A context that has ended keeps a call from beginning. Once it has begun it
//     runs to its end without looking whether the context was cancelled, so that
//     its caller always knows the result. The caller that must record a result
//     although it was told to stop passes context.WithoutCancel. On PostgreSQL the
//     context's deadline ends a call all the same, without one a minute does.
//   - One process has a file at a time: a lock beside it, and an error that names
//     the process that holds it. The file is mode 0600. A file of another program
//     or of a newer version is refused untouched. A PostgreSQL database may have
//     many nodes; calls that come in each other's way are made again, and a node
//     that stands still in a transaction loses it after five seconds.
//   - Forget and Scrub leave no trace in the file or its log (secure_delete and a
//     checkpoint that empties the log). Of endpoints, batches and mailboxes, which have
//     passwords, nothing stays in the gaps of pages either (gap.go). PostgreSQL keeps
//     copies in its own log.
//
// A commit that the disk refused may still be found when the ledger is opened
// again. That is harmless: an intent without effect is resolved like every
// other, and an outcome was true.
//
// It keeps secrets only as it is given them, sealed, and neither message content
// nor fingerprints. The subject of a message that was skipped is in its mark. The
// file must lie on a local disk: WAL does not work over a network.
//
// # Runs, not rows
//
// Copied pairs are kept in blocks (block.go). A block is one row that holds a
// stretch of source UIDs as runs: so many messages, consecutive on both sides,
// each run in one to three varints (run.go). Blocks are disjoint by source UID.
// Settling reads the block below or above a window, merges and writes it back,
// and splits it when it is beyond a kilobyte; what falls beyond a full block
// goes into the next or a new one. So windows in any order and of any size, even
// of one message, end in few rows. Blocks may overlap by target UID; only those
// whose hull meets the targets of the window are read to look for a clash: as a
// rule none, because new messages have the highest UIDs.
//
// 20,000 messages with 2 % gaps, in windows of 64 from the newest to the oldest:
// 2 kB packed over one connection, 15 kB over four connections that append to
// the same folder, 22 kB over sixteen, 57 kB with targets in no order at all; an
// empty ledger takes 210 kB with the tables of the service. A window costs the same in
// a folder of 10,000 and of 400,000 messages.
//
// # Counts are kept
//
// A batch's counts and states are sums over a few rows of the table tally, which a
// trigger keeps (tally.go): every pass needs them, and 50,000 mailboxes take a tenth
// of a second to count.
//
// # One writer
//
// All writing to a file goes through one goroutine (writer.go). What has queued during a
// commit shares the next one, and with it its fsync; what is refused leaves the
// group, and the others are run again without it. With eight goroutines that
// made 9,600 to 10,800 calls a second instead of 3,900 to 4,500 (2.2 to 2.6
// times, four measurements) on two cores and a disk with a fast fsync. A single
// caller loses nothing.
//
// # Two databases
//
// The SQL is that of SQLite and PostgreSQL alike, with $1 parameters. What
// differs is behind the interface base (sqlite.go, postgres.go): words in the
// migrations, the clock, locks on rows, and what becomes of an error. Package
// storetest has the suites that both must pass.
//
// # Who works on a mailbox
//
// Claims gives mailboxes that are due out with a lease and a new generation, and
// counts what is under way against the limits of both endpoints, one dispatcher at
// a time. Begin takes a claim up, Renew prolongs a node's leases. A lease that has
// run out is given out again and keeps its place. There is no other recovery.
package store
