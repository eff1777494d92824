package migration

import (
	"testing"
	"time"
)

func TestReadinessIsThatOfTheLastPreflightUntilAPassHasGoneThrough(t *testing.T) {
	at := time.UnixMicro(1_000)
	for _, test := range []struct {
		name string
		m    MailboxRecord
		want Readiness
	}{
		{"never tried", MailboxRecord{}, Untried},
		{"well", MailboxRecord{Preflight: &PreflightResult{At: at, OK: true, Renamed: 4}}, Ready},
		{"with a warning", MailboxRecord{Preflight: &PreflightResult{At: at, OK: true, Warnings: []Finding{{}}}}, Noted},
		{"not well", MailboxRecord{Preflight: &PreflightResult{At: at, Warnings: []Finding{{}}}}, NotReady},
		{"not well, and a pass before it", MailboxRecord{LastSynced: at.Add(-1), Preflight: &PreflightResult{At: at}}, NotReady},
		{"not well, and a pass since", MailboxRecord{LastSynced: at.Add(1), Preflight: &PreflightResult{At: at}}, Untried},
	} {
		if got := test.m.Readiness(); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestPresentIsWhatNoPassHasCopied(t *testing.T) {
	for _, test := range []struct {
		name string
		p    MailboxProgress
		want int64
	}{
		{"all was there", MailboxProgress{Counts: Counts{Source: 12, Present: 12}}, 12},
		{"all was copied", MailboxProgress{Counts: Counts{Source: 12, Copied: 12}, Moved: 12}, 0},
		{"copied by the pass before", MailboxProgress{Counts: Counts{Source: 12, Present: 12}, Moved: 9}, 3},
		{"copied, and deleted at the source since", MailboxProgress{Counts: Counts{Source: 5, Present: 5}, Moved: 9}, 0},
	} {
		if got := test.p.Present(); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
