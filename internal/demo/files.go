package demo

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The files in the demo's directory.
const (
	// MigrationFile has a row for each mailbox.
	MigrationFile = "mailboxes.csv"
	// ArchiveFile has a row for each mailbox of the archive.
	ArchiveFile = "archive.csv"
	// BrokenFile is a migration file with a mistake in nearly every row.
	BrokenFile = "broken.csv"
	// CAFile is the certificate of the authority of both servers.
	CAFile = "ca.pem"
)

// SourcePasswordFile and TargetPasswordFile are the files with the passwords of
// one mailbox.
func (m Mailbox) SourcePasswordFile() string { return m.User + ".source.password" }

// TargetPasswordFile is the same for the target.
func (m Mailbox) TargetPasswordFile() string { return m.User + ".target.password" }

// WriteFiles writes what the commands read into a directory, for its owner only.
func (d *Demo) WriteFiles(directory string) error {
	files := map[string]string{CAFile: string(d.CA), MigrationFile: migrationFile(d.Mailboxes), BrokenFile: brokenFile()}
	for _, m := range d.Mailboxes {
		files[m.SourcePasswordFile()] = m.sourcePassword + "\n"
		files[m.TargetPasswordFile()] = m.targetPassword + "\n"
	}
	return write(directory, files)
}

func write(directory string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the files of the demo: %w", err)
		}
	}
	return nil
}

func migrationFile(mailboxes []Mailbox) string {
	rows := [][]string{{migration.ColumnEmailAddress, migration.ColumnUserName, migration.ColumnPassword, migration.ColumnTargetPassword}}
	for _, m := range mailboxes {
		rows = append(rows, []string{m.Address, m.User, m.sourcePassword, m.targetPassword})
	}
	return table(rows)
}

// brokenFile has the mistakes people make in spreadsheets.
func brokenFile() string {
	return table([][]string{
		{migration.ColumnEmailAddress, migration.ColumnUserName, migration.ColumnPassword},
		{"anna@" + domain, "anna", "correct-horse"},
		{"Luc <luc@" + domain + ">", "luc", "battery-staple"},
		{"emma@" + domain, "", "seven-bridges"},
		{"vera@" + domain, "vera", ""},
		{"jan@@" + domain, "jan", "green-lantern"},
		{"ANNA@" + domain, "anna2", "second-row"},
		{"info@ärk.example", "info", "front-desk"},
		{"=HYPERLINK(A1)", "kim", "spread-sheet"},
	})
}

func table(rows [][]string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.WriteAll(rows) // a strings.Builder takes everything
	return b.String()
}
