// Package store keeps the ledger: for every mailbox what was about to be
// copied, what was copied to where, and what could not be. It implements
// mailsync.Ledger on SQLite, and for that it may import mailsync, for the types
// of the records alone.
//
// # What it promises
//
//   - What a writing method was given is on the disk when it returns: WAL mode
//     with synchronous=FULL. NORMAL would let the last commits vanish with a
//     power loss, and an intent that vanishes is a message copied twice.
//   - A target message is the copy of one source message, and a source message
//     has one copy (invariant I3). Settle and Rematch look for it inside their
//     transaction, and refuse with mailsync.ErrMapped without writing anything.
//   - After the first error of the database nothing is read or written any more
//     (invariant I9). Every error is a *migration.Fault of class Stop that says
//     what was being done and what to do about it. A refused call is no error of
//     the database: it alone fails, and its transaction leaves nothing behind.
//   - A context that has ended keeps a call from beginning. Once it has begun it
//     runs to its end without looking at the context, so that its caller always
//     knows the result. The caller that must record a result although it was
//     told to stop passes context.WithoutCancel.
//   - One process has a ledger at a time: a lock beside the file, and an error
//     that names the process that holds it. The file is mode 0600. A file of
//     another program or of a newer version is refused untouched.
//   - Forget leaves no trace in the file or its log (secure_delete and a
//     checkpoint that empties the log).
//
// A commit that the disk refused may still be found when the ledger is opened
// again. That is harmless: an intent without effect is resolved like every
// other, and an outcome was true.
//
// It does not keep secrets, message content or fingerprints. The subject of a
// message that was skipped is in its mark. The file must lie on a local disk:
// WAL does not work over a network.
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
// empty ledger takes 64 kB. A window costs the same in a folder of 10,000
// and of 400,000 messages.
//
// # One writer
//
// All writing goes through one goroutine (writer.go). What has queued during a
// commit shares the next one, and with it its fsync; what is refused leaves the
// group, and the others are run again without it. With eight goroutines that
// made 9,600 to 10,800 calls a second instead of 3,900 to 4,500 (2.2 to 2.6
// times, four measurements) on two cores and a disk with a fast fsync. A single
// caller loses nothing.
//
// # Two databases
//
// The SQL is that of SQLite and PostgreSQL alike, with $1 parameters. What
// differs is in dialect.go and, for the migrations, in words it puts in. Package
// storetest has the suite that every database must pass.
package store
