package store

import (
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Every second of 100,000 messages, each of them a run: flags that have changed in
// a folder that several connections have copied. Quadratic it takes 50 s.
func TestPairsOfManyScatteredMessagesAreFoundAtOnce(t *testing.T) {
	const n = 100_000
	var runs []run
	var wanted migration.UIDSet
	for i := uint64(1); i <= n; i++ {
		runs = append(runs, run{source: i, target: 2*n - i, count: 1})
		if i%2 == 0 {
			wanted.Add(migration.UID(i))
		}
	}
	begun, seen := time.Now(), 0
	err := eachPair(runs, wanted, func(mailsync.Pair) error { seen++; return nil })
	if took := time.Since(begun); err != nil || took > 5*time.Second || seen != n/2 {
		t.Errorf("%d pairs in %v, %v", seen, took, err)
	}
}
