package mailsync

import (
	"context"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// summary is what became of the pass so far.
func (p *pass) summary() Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Summary{Folders: len(p.folders), FoldersFailed: p.foldersFailed, Unread: p.unread, Source: p.meter.onSource, Target: p.meter.onTarget, Bytes: p.Progress.Bytes.Load(), RulesUsed: p.named}
	s.Findings = slices.Concat(p.findings, p.sourceAsked.findings, p.targetAsked.findings)
	for _, f := range p.folders {
		if f.stage == failed { // others may have copied on while it was given up
			f.counts.Skipped = f.counts.Source - f.counts.Copied - f.counts.Present - f.counts.Gone
		}
		s.Messages.Add(f.counts)
		s.NotReached += f.notReached()
		s.Findings = slices.Concat(s.Findings, f.about, f.findings)
		s.PerFolder = append(s.PerFolder, FolderSummary{Source: f.pair.Source.Name, Target: f.pair.Target, Messages: f.counts,
			ToCopy: f.planned, Bytes: f.plannedBytes, New: !f.pair.Exists && f.record.ID == 0, Default: f.pair.Default})
	}
	return s
}

// publish makes the progress of each folder known.
func (p *pass) publish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.folders {
		f.tell()
	}
	p.Progress.pass.Store(p)
}

func (p *pass) perFolder() []migration.FolderProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]migration.FolderProgress, len(p.folders))
	for i, f := range p.folders {
		out[i] = f.told
		out[i].Messages.Copied += int(f.answered.Load())
	}
	return out
}

// countUnopened takes the folders that a pass ended before opening into the counts,
// as far as the list and the ledger tell. Where dates leave messages out, nothing
// does.
func (p *pass) countUnopened(err error) {
	for _, f := range p.folders {
		status := f.pair.Source.Status
		if f.stage == done || f.stage == failed || f.counts != (migration.Counts{}) || status == nil || p.chooses() {
			continue
		}
		f.counts.Source = int(status.Messages)
		if f.record.ID == 0 || migration.ClassOf(err) == migration.Stop && migration.CodeOf(err) != migration.CodeInterrupted {
			continue // nothing was copied before, or the ledger is not to be asked
		}
		copied := f.record.Departed.Len()
		if err := p.Ledger.Pairs(context.WithoutCancel(p.work), f.record.ID, nil, func(Pair) error { copied++; return nil }); err == nil {
			f.counts.Present = min(copied, f.counts.Source)
		}
	}
}

// notReached is how many messages are unaccounted for: none once the folder is
// done or given up.
func (f *folder) notReached() int {
	all := f.counts.Source
	if f.stage == done || f.stage == failed {
		return 0
	}
	if all == 0 && f.pair.Source.Status != nil {
		all = int(f.pair.Source.Status.Messages)
	}
	return all - f.counts.Copied - f.counts.Present - f.counts.Skipped - f.counts.Gone
}
