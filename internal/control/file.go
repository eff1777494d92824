package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// shownProblems is how many problems of a file are told with it.
const shownProblems = 1000

func fileSummary(f *migration.File) *FileSummary {
	return &FileSummary{Rows: f.RowCount, Mailboxes: len(f.Rows), Errors: f.Errors, Warnings: f.Warnings, Notes: f.Notes, Refused: f.FileRefused,
		Bytes: f.Bytes, Problems: orEmpty(f.Problems[:min(len(f.Problems), shownProblems)])}
}

// ends are the two endpoints of a batch; of a file that is only looked at, one that is
// not chosen yet is zero.
type ends struct{ source, target migration.EndpointRecord }

// known reports whether both are chosen.
func (e ends) known() bool { return e.source.ID != 0 && e.target.ID != 0 }

// readFile reads a migration file for a batch between two endpoints. used names the
// batch that has a row's mailbox already.
func (s *Service) readFile(csv io.Reader, options FileOptions, e ends, used func(migration.Row) (column, batch string), before map[string]string) (*migration.File, error) {
	file, err := migration.ParseCSV(csv, migration.CSVOptions{
		AllowUnknownColumns:    options.AllowUnknownColumns,
		Source:                 e.source.Login,
		SourceHasAdmin:         e.source.Login.Form.HasAdmin(),
		SourceUnknown:          e.source.ID == 0,
		TargetHasAdmin:         e.target.Login.Form.HasAdmin(),
		TargetPasswordRequired: e.target.ID != 0 && !e.target.Login.Form.HasAdmin() && options.TargetPassword == "",
		InUse:                  used,
		HashKey:                s.root.Derive("migration files"),
		PreviousHashes:         before,
		ExpectedBytes:          options.FileBytes,
	})
	if err != nil {
		return nil, &Problem{Kind: Invalid, Code: "file-unreadable", Detail: "The migration file could not be read to its end.", Remedy: "Upload the file again."}
	}
	return file, nil
}

// FileMark is the same for the same migration file, and tells nothing of it.
func (s *Service) FileMark(text []byte) []byte {
	mac := hmac.New(sha256.New, s.root.Derive("migration files"))
	mac.Write(text)
	return mac.Sum(nil)
}

// taken are the rows that are taken of those that could be.
func (o FileOptions) taken(rows []migration.Row) []migration.Row {
	if o.First == 0 {
		return rows
	}
	return rows[:min(o.First, len(rows))]
}

// usable refuses a file with errors, unless the bad rows are to be left out.
func usable(file *migration.File, skipBad bool) error {
	p := &Problem{Kind: Invalid, Code: "migration-file", Detail: fmt.Sprintf("The migration file has %d errors.", file.Errors),
		Remedy: "Correct them and upload the file again, or leave the bad rows out (--skip-bad)."}
	if file.Errors == 1 {
		p.Detail = "The migration file has an error."
	}
	for _, problem := range file.Problems {
		if problem.Severity == migration.SeverityError && len(p.Fields) < 10 {
			p.Fields = append(p.Fields, Field{"file", problem.String()})
		}
	}
	if slices.ContainsFunc(file.Problems, func(problem migration.Problem) bool { return problem.Code == migration.CSVInUse }) {
		p.Remedy += " Rows that another batch has need no second one: with --skip-bad only the others are taken, or all new ones go to that batch: mailhaul batch add BATCH FILE."
	}
	switch {
	case file.FileRefused, file.Errors > 0 && !skipBad:
		if file.FileRefused {
			p.Remedy = "Correct it and upload the file again."
		}
		return p
	case len(file.Rows) == 0:
		p.Detail, p.Remedy = "The migration file has no row that can be used.", "Correct the rows and upload the file again."
		return p
	}
	return nil
}

// sealRows makes mailboxes of rows.
func sealRows(rows []migration.Row, key secret.DataKey, e ends, batch string, targetPassword secret.Text) []migration.MailboxRecord {
	mailboxes := make([]migration.MailboxRecord, 0, len(rows))
	for _, row := range rows {
		m := migration.MailboxRecord{Row: row.Row, Address: row.EmailAddress, SourceUser: row.UserName, TargetUser: row.TargetUserName, UserRoot: e.source.Login.RootOf(row.UserName, row.UserRoot)}
		if m.TargetUser == "" {
			m.TargetUser = row.EmailAddress
		}
		atTarget := row.TargetPassword
		if atTarget.Empty() {
			atTarget = targetPassword
		}
		m.SourceSecret = secretOf(key, row.Password, e.source, batch, m.Address, SourceSide)
		m.TargetSecret = secretOf(key, atTarget, e.target, batch, m.Address, TargetSide)
		mailboxes = append(mailboxes, m)
	}
	return mailboxes
}

// knownFiles are the hashes of earlier migration files and their batches.
type knownFiles []knownFile

type knownFile struct {
	Hash  string `json:"hash"`
	Batch string `json:"batch"`
}

// maxKnownFiles is how many are remembered.
const maxKnownFiles = 500

func readKnownFiles(tx SettingTx) (known knownFiles, err error) {
	text, err := tx.Setting(settingFiles)
	if errors.Is(err, migration.ErrNotFound) || err == nil && text == "" {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &known)
	}
	return known, err
}

func (k knownFiles) byHash() map[string]string {
	found := map[string]string{}
	for _, file := range k {
		found[file.Hash] = file.Batch
	}
	return found
}

// rememberFile notes what a file was used for.
func rememberFile(tx SettingTx, hash, batch string) error {
	known, err := readKnownFiles(tx)
	if err != nil || hash == "" {
		return err
	}
	known = append(known, knownFile{hash, batch})
	known = known[max(0, len(known)-maxKnownFiles):]
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return tx.SetSetting(settingFiles, string(text))
}
