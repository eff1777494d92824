// Package imapsync reads what people have who used imapsync before: its command
// lines, and the lists of mailboxes that their loops read.
//
// A command line becomes the commands of mailhaul that do the same, with a note on
// each option that has no counterpart or means something a little different
// (Translate). A list becomes migration files, one for each pair of servers
// (ReadList, List.Pairs). Passwords of a command line are dropped as it is read, and
// those of a list are secrets, so that no note can repeat them.
//
// What the options mean is taken from imapsync's own documentation, of its release
// 2.229. The table in option.go is also that of docs/imapsync.md.
package imapsync
