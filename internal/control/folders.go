package control

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Ledgers tells what was copied.
type Ledgers interface {
	// Folders gives how far the folders of a mailbox have come, in the order in which
	// they came; none when nothing was copied yet. The accounts need no password.
	Folders(ctx context.Context, source, target Account) ([]MailboxFolder, error)
}

// MailboxFolder is how far a folder of a mailbox has come.
type MailboxFolder struct {
	Source         string `json:"source"`
	Target         string `json:"target"`
	SourceMessages int64  `json:"sourceMessages" doc:"As last counted"`
	Copied         int64  `json:"copied" doc:"At the target, copied or found there"`
	Skipped        int64  `json:"skipped" doc:"Left out"`
	State          string `json:"state" enum:"waiting,copying,done,begun" doc:"waiting, copying or done in the pass under way; without one, done or begun"`
}

// The states of a folder.
const (
	FolderWaiting = "waiting"
	FolderCopying = "copying"
	FolderDone    = "done"
	FolderBegun   = "begun"
)

// Folders gives how far the folders of a mailbox have come: as the ledger has it, and
// those of the pass under way as it tells.
func (s *Service) Folders(ctx context.Context, actor Actor, batch, address string) ([]MailboxFolder, error) {
	if err := permit(actor, MailboxLook); err != nil {
		return nil, err
	}
	var m migration.MailboxRecord
	var e ends
	err := s.store.View(ctx, "reading the mailbox", func(tx Tx) error {
		b, found, err := findMailbox(tx, batch, address)
		if err != nil {
			return err
		}
		m = found
		e, err = endsOf(tx, b)
		return err
	})
	if err != nil {
		return nil, problem(mailboxNamed(address, batch), err)
	}
	if s.ledgers == nil {
		return nil, &Problem{Kind: Unavailable, Code: "no-ledgers", Detail: "Ledgers can't be read here."}
	}
	known, err := s.ledgers.Folders(ctx, Account{Endpoint: e.source.Endpoint, User: m.SourceUser, Root: m.UserRoot}, Account{Endpoint: e.target.Endpoint, User: m.TargetUser})
	if err != nil {
		return nil, err
	}
	if m.Facts.Running == "" || m.Facts.Running == migration.Preflight {
		return orEmpty(known), nil
	}
	return withProgress(known, m.Progress.PerFolder), nil
}

// withProgress lays what a pass under way tells of folders over what is known of them.
func withProgress(known []MailboxFolder, progress []migration.FolderProgress) []MailboxFolder {
	all := make([]MailboxFolder, 0, max(len(known), len(progress)))
	at := map[string]int{}
	for _, f := range known {
		f.State = FolderWaiting
		at[f.Target] = len(all)
		all = append(all, f)
	}
	for _, p := range progress {
		i, there := at[p.Target]
		if !there {
			i = len(all)
			at[p.Target] = i
			all = append(all, MailboxFolder{})
		}
		f, n := &all[i], p.Messages
		f.Source, f.Target, f.State = p.Source, p.Target, FolderWaiting
		arrived := int64(n.Copied + n.Present)
		if n.Source > 0 {
			f.SourceMessages = int64(n.Source)
			f.Copied, f.Skipped = arrived, int64(n.Skipped)
		}
		switch {
		case p.Done:
			f.State = FolderDone
		case arrived+int64(n.Skipped) > 0:
			f.State = FolderCopying
		}
	}
	return all
}
