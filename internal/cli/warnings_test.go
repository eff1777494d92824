package cli

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestAPreflightWarnsNotOfDefaultFoldersThatAreOnlyCalledDifferently(t *testing.T) {
	warnings, renamed := warningsOf(mailsync.Summary{
		PerFolder: []mailsync.FolderSummary{{Source: "Sent", Default: true}, {Source: "Calendar"}},
		Findings: []migration.Finding{
			{Code: migration.CodeFolderRenamed, Folder: "Sent"},
			{Code: migration.CodeFolderRenamed, Folder: "Calendar"},
			{Code: migration.CodeFolderRefused, Folder: "Sent"},
			{Code: migration.CodeTooLarge, Folder: "Sent", UID: 7},
		},
	})
	if renamed != 1 || len(warnings) != 2 || warnings[0].Folder != "Calendar" || warnings[1].Code != migration.CodeFolderRefused {
		t.Errorf("%d are only called differently, and it warns of %+v", renamed, warnings)
	}
}
