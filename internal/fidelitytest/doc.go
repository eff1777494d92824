// Package fidelitytest copies the most awkward mail there is between real
// servers, with the commands of the product, and lets another IMAP client (the
// oracle, in Python) say whether a single bit differs. It holds only tests.
package fidelitytest
