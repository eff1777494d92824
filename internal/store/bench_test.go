package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

const benchWindow = 64

func benchLedger(b testing.TB, group int) (*Ledger, int64) {
	b.Helper()
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "ledger.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	fileOf(s).groupMost = group
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	ledger, err := s.Mailbox(b.Context(), "a", "b")
	if err != nil {
		b.Fatal(err)
	}
	return ledger, benchFolder(b, ledger, "INBOX")
}

func benchFolder(b testing.TB, l *Ledger, name string) int64 {
	b.Helper()
	record := mailsync.FolderRecord{Source: name}
	if err := l.SaveFolder(b.Context(), &record); err != nil {
		b.Fatal(err)
	}
	return record.ID
}

// copyWindow intends and settles one window.
func copyWindow(ctx context.Context, l *Ledger, folder int64, source, target migration.UID) error {
	_, err := l.Intend(ctx, folder, mailsync.Intent{Sources: migration.UIDsFrom(source, source+benchWindow-1), Watermark: target, UIDValidity: 1})
	if err != nil {
		return err
	}
	pairs := make([]mailsync.Pair, 0, benchWindow)
	for i := range migration.UID(benchWindow) {
		pairs = append(pairs, mailsync.Pair{Source: source + i, Target: target + i})
	}
	return l.Settle(ctx, folder, mailsync.Outcome{Copied: pairs})
}

// BenchmarkWindow is Intend and Settle of a window of 64: two commits.
func BenchmarkWindow(b *testing.B) {
	for _, goroutines := range []int{1, 8} {
		for _, group := range []int{1, groupMost} {
			b.Run(fmt.Sprintf("goroutines=%d/group=%d", goroutines, group), func(b *testing.B) {
				benchWindows(b, goroutines, group)
			})
		}
	}
}

func benchWindows(b *testing.B, goroutines, group int) {
	ledger, _ := benchLedger(b, group)
	var next atomic.Int64
	var all sync.WaitGroup
	folders := make([]int64, goroutines)
	for g := range folders {
		folders[g] = benchFolder(b, ledger, fmt.Sprint("folder ", g))
	}
	b.ResetTimer()
	for _, folder := range folders {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				uid := migration.UID(n * benchWindow)
				if err := copyWindow(context.Background(), ledger, folder, 4_000_000_000-uid, uid); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(2*b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(benchWindow*b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkFolder settles folders of growing size, the newest first. The time
// per window must not grow with the folder.
func BenchmarkFolder(b *testing.B) {
	for _, messages := range []int{10_000, 100_000, 400_000} {
		b.Run(fmt.Sprint(messages), func(b *testing.B) {
			for b.Loop() {
				benchOneFolder(b, messages)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*messages/benchWindow), "µs/window")
		})
	}
}

// benchOneFolder leaves a gap in every window, so that there is something to
// remember.
func benchOneFolder(b *testing.B, messages int) {
	ledger, folder := benchLedger(b, groupMost)
	for done := 0; done < messages; done += benchWindow {
		if err := copyWindow(b.Context(), ledger, folder, migration.UID(4_000_000_000-done-done/benchWindow), migration.UID(1+done)); err != nil {
			b.Fatal(err)
		}
	}
}
