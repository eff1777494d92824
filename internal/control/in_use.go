package control

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// inUse names the active batches that see to an address, read a source mailbox or
// fill a target mailbox: two rows that do the same would copy everything twice, and
// at once.
type inUse struct {
	addresses, sources, targets map[string]string
	// known are the addresses of a batch that rows are added to.
	known map[string]bool
}

func readInUse(tx Tx) (inUse, error) {
	used := inUse{map[string]string{}, map[string]string{}, map[string]string{}, nil}
	endpoints, err := tx.Endpoints()
	if err != nil {
		return used, err
	}
	byID := map[int64]migration.EndpointRecord{}
	for _, e := range endpoints {
		byID[e.ID] = e
	}
	err = tx.InUse(func(m migration.MailboxInUse) {
		used.addresses[m.Address] = m.Batch
		used.sources[mailboxAt(byID[m.Source], m.SourceUser, m.UserRoot)] = m.Batch
		used.targets[mailboxAt(byID[m.Target], m.TargetUser, "")] = m.Batch
	})
	return used, err
}

// mailboxAt is the same for all names of a mailbox that are known to be one: of one
// server by two endpoints, with and without STARTTLS.
func mailboxAt(e migration.EndpointRecord, user, root string) string {
	port := e.Port
	if port == 143 {
		port = 993
	}
	return fmt.Sprintf("%s:%d\x00%s\x00%s", lower(e.Host), port, lower(user), strings.Trim(root, "/"))
}

// but leaves out the addresses of a batch: its rows are known, and no mistake.
func (u *inUse) but(batch string) {
	u.known = map[string]bool{}
	for address, name := range u.addresses {
		if name == batch {
			u.known[address] = true
			delete(u.addresses, address)
		}
	}
}

// of gives the column that tells of a mailbox in use, and its batch.
func (u *inUse) of(e ends, address, sourceUser, targetUser, root string) (column, batch string) {
	switch {
	case u.known[lower(address)]:
		return "", ""
	case u.addresses[lower(address)] != "":
		return migration.ColumnEmailAddress, u.addresses[lower(address)]
	}
	if batch := u.sources[mailboxAt(e.source, sourceUser, root)]; batch != "" {
		return migration.ColumnUserName, batch
	}
	if batch := u.targets[mailboxAt(e.target, targetUser, "")]; batch != "" {
		return migration.ColumnTargetUserName, batch
	}
	return "", ""
}

// row is of for rows of a migration file.
func (u *inUse) row(e ends) func(migration.Row) (column, batch string) {
	return func(row migration.Row) (column, batch string) {
		return u.of(e, row.EmailAddress, row.UserName, cmp.Or(row.TargetUserName, row.EmailAddress), e.source.Login.RootOf(row.UserName, row.UserRoot))
	}
}

// taken refuses mailboxes that a batch got since the file was read.
func (u *inUse) taken(mailboxes []migration.MailboxRecord, e ends) error {
	for _, m := range mailboxes {
		if column, batch := u.of(e, m.Address, m.SourceUser, m.TargetUser, m.UserRoot); batch != "" {
			return &Problem{Kind: Conflict, Code: "mailbox-in-use", Detail: m.Address + ": " + migration.InUseText(column, batch),
				Remedy: "Remove the row, or take the mailbox out of the other batch first."}
		}
	}
	return nil
}

// notItself refuses rows that would copy a mailbox into itself.
func notItself(file *migration.File, e ends) error {
	if !e.known() {
		return nil
	}
	for _, row := range file.Rows {
		target := cmp.Or(row.TargetUserName, row.EmailAddress)
		if mailboxAt(e.source, row.UserName, "") == mailboxAt(e.target, target, "") {
			return &Problem{Kind: Invalid, Code: "same-mailbox", Detail: fmt.Sprintf("Row %d: source and target are one mailbox, %s at %s.", row.Row, migration.SafeText(target), e.target.Host),
				Remedy: "Choose another endpoint as the target, or give the row another TargetUserName."}
		}
	}
	return nil
}
