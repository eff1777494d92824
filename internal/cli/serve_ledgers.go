package cli

import (
	"context"
	"strings"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// ledgers tells from the store's ledgers what was copied.
type ledgers struct{ store *store.Store }

var _ control.Ledgers = ledgers{}

// Folders gives how far the folders of a mailbox have come.
func (l ledgers) Folders(ctx context.Context, source, target control.Account) ([]control.MailboxFolder, error) {
	from := serveSide{endpoint: migration.EndpointRecord{Endpoint: source.Endpoint}, account: source}
	to := serveSide{endpoint: migration.EndpointRecord{Endpoint: target.Endpoint}, account: target}
	standings, err := l.store.FolderStandings(ctx, from.identity(), to.identity())
	if err != nil {
		return nil, err
	}
	folders := make([]control.MailboxFolder, 0, len(standings))
	for _, f := range standings {
		folder := control.MailboxFolder{Source: folderName(f.Source), Target: folderName(f.Target), SourceMessages: f.SourceMessages, Copied: f.Copied, Skipped: f.Skipped, State: control.FolderBegun}
		if f.Whole {
			folder.State = control.FolderDone
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// folderName is the name of a folder for people. That of a view of labels is the
// label's, behind that of its stock.
func folderName(raw string) string {
	if _, label, isView := strings.Cut(raw, "\x00"); isView && label != "" {
		raw = label
	}
	return imap.DecodedName(strings.TrimSuffix(raw, "\x00"))
}
