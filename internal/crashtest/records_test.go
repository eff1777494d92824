package crashtest

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

// recordsOf counts the messages that a ledger calls copied or intended, by
// target folder.
func recordsOf(ctx context.Context, ledger mailsync.Ledger) (map[string]int, error) {
	counts := map[string]int{}
	folders, err := ledger.Folders(ctx)
	for _, folder := range folders {
		if err != nil {
			break
		}
		var intents []mailsync.Intent
		intents, err = ledger.Intents(ctx, folder.ID)
		for _, intent := range intents {
			counts[folder.Target] += intent.Sources.Len()
		}
		if err == nil {
			err = ledger.Pairs(ctx, folder.ID, nil, func(mailsync.Pair) error {
				counts[folder.Target]++
				return nil
			})
		}
	}
	return counts, err
}
