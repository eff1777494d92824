package mailsync

import (
	"fmt"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// absentee is a source message that is not where it belongs at the target.
type absentee struct {
	f       *folder
	message migration.Message
	lost    bool // it was copied once
	reason  string
}

// miss notes a message to be looked for in other folders once all were compared.
func (v *verifier) miss(f *folder, m migration.Message, lost bool, reason string) {
	v.result.Differences++
	v.missing = append(v.missing, absentee{f, m, lost, reason})
}

// findMoved looks for missing messages in all folders of the target, by date and
// bytes, among what is nobody's copy: people move mail.
func (v *verifier) findMoved() error {
	for _, t := range v.targets {
		if len(v.missing) == 0 || v.stoppedNow() {
			return nil
		}
		if !t.Selectable || t.Space != migration.Personal {
			continue
		}
		if err := v.findMovedIn(t); err != nil && migration.ClassOf(err) != migration.OneFolder {
			return err
		}
	}
	return nil
}

func (v *verifier) findMovedIn(t migration.Folder) error {
	var there side
	query := &migration.Query{From: 1, Flags: true, Date: true, Each: there.see}
	status, err := v.line.selectTarget(v.work, migration.Open{Folder: t.Raw, ReadOnly: true, Query: query})
	if err != nil {
		return err
	}
	taken, compared := v.taken[t.Raw]
	if !compared {
		if taken, err = v.recordedIn(t.Raw, status.UIDValidity); err != nil {
			return err
		}
	}
	for _, f := range v.folders {
		missing := v.missingFrom(f)
		if len(missing) == 0 {
			continue
		}
		free := slices.DeleteFunc(there.messages, func(m migration.Message) bool { return taken.Contains(m.UID) })
		found, err := v.recogniseAmong(v.line, f, missing, free)
		if err != nil {
			return err
		}
		v.tellMoved(f, found, t)
		for _, pair := range found {
			taken.Add(pair.Target)
		}
		if compared {
			v.result.Others -= len(found)
		}
		there.messages = free
	}
	return nil
}

// recordedIn gives the copies that the ledger knows in a folder that was not
// compared.
func (v *verifier) recordedIn(raw string, validity uint32) (migration.UIDSet, error) {
	var copies []migration.UID
	records, err := v.Ledger.Folders(v.work)
	for _, record := range records {
		if err == nil && record.Target == raw && record.TargetUIDValidity == validity {
			err = v.Ledger.Pairs(v.work, record.ID, nil, func(pair Pair) error {
				copies = append(copies, pair.Target)
				return nil
			})
		}
	}
	return migration.NewUIDSet(copies...), ledgerFault("reading the ledger", err)
}

func (v *verifier) missingFrom(f *folder) (messages []migration.Message) {
	for _, a := range v.missing {
		if a.f == f {
			messages = append(messages, a.message)
		}
	}
	return messages
}

func (v *verifier) tellMoved(f *folder, found []Pair, t migration.Folder) {
	at := map[migration.UID]migration.UID{}
	for _, pair := range found {
		at[pair.Source] = pair.Target
	}
	v.missing = slices.DeleteFunc(v.missing, func(a absentee) bool {
		uid, moved := at[a.message.UID]
		if a.f != f || !moved {
			return false
		}
		v.report(Difference{Symbol: Differs, Folder: f.pair.Source.Name, UID: a.message.UID, Reason: fmt.Sprintf("is now in %q, uid %d", t.Name, uid)})
		return true
	})
}

// tellMissing tells what was found nowhere.
func (v *verifier) tellMissing() {
	for _, a := range v.missing {
		v.report(Difference{Symbol: OnlyHere, Folder: a.f.pair.Source.Name, UID: a.message.UID, Reason: a.reason, Lost: a.lost})
	}
}
