package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteHandovers writes HandOver.csv: a row for each mailbox, for a mail merge. It
// holds one mailbox at a time.
func (b Batch) WriteHandovers(w io.Writer) error {
	out, err := startTable(w, handoverColumns())
	if err != nil {
		return fmt.Errorf("writing the hand-overs: %w", err)
	}
	for m, err := range b.Mailboxes {
		if err != nil {
			return fmt.Errorf("reading the mailboxes of the batch: %w", err)
		}
		h := b.Handover(m)
		v, err := h.view(cellHandover)
		if err != nil {
			return err
		}
		if err := out.row(handoverRow{h, v}); err != nil {
			return fmt.Errorf("writing the hand-overs: %w", err)
		}
	}
	return out.end()
}

// handoverRow is a row of HandOver.csv.
type handoverRow struct {
	Handover
	*handoverView
}

// HandoverColumns lists the columns of HandOver.csv in their order.
func HandoverColumns() []Column {
	var columns []Column
	for _, c := range handoverColumns() {
		columns = append(columns, Column{HandoverFile, c.name, c.meaning})
	}
	return columns
}

func handoverColumns() []column[handoverRow] {
	number := func(of func(handoverRow) int64) func(handoverRow) string {
		return func(r handoverRow) string { return strconv.FormatInt(of(r), 10) }
	}
	return []column[handoverRow]{
		{"EmailAddress", "The address of the mailbox.", func(r handoverRow) string { return r.Handover.Address }},
		{"NewAddress", "Where mail reaches its owner at the target: the user there if that is an address, else EmailAddress.", func(r handoverRow) string { return r.NewAddress() }},
		{"TargetUser", "The user name at the target.", func(r handoverRow) string { return r.TargetUser }},
		{"State", "The state of the mailbox, such as Synced or Completed.", func(r handoverRow) string { return string(r.Facts.State()) }},
		{"Folders", "How many folders there are.", number(func(r handoverRow) int64 { return int64(r.handoverView.Folders) })},
		{"MessagesAtSource", "The messages at the source, as last counted.", number(func(r handoverRow) int64 { return r.Source })},
		{"MessagesAtTarget", "Those of them that were brought to the target or found there.", number(func(r handoverRow) int64 { return r.Target })},
		{"LeftOut", "Those of them that were left out.", number(func(r handoverRow) int64 { return r.Left })},
		{"LastSynced", "When the last pass went through, as RFC 3339 writes it; empty before the first.", func(r handoverRow) string { return stamp(r.LastSynced) }},
		{"LastSyncedText", "The same in words.", func(r handoverRow) string { return r.Synced }},
		{"StandingText", "A sentence that says whether all messages are there.", func(r handoverRow) string { return r.standingText() }},
		{"LargestFolders", "The folders with most messages, at most three.", func(r handoverRow) string { return strings.Join(r.Largest, ", ") }},
		{"FolderText", "The first 50 folders, each with its messages at the source and at the target.", func(r handoverRow) string { return r.folderText() }},
		{"LeftOutText", "What was left out and why, with the first 20 messages; empty when nothing was.", func(r handoverRow) string { return r.leftOutText() }},
		{"RenamedText", "The folders that have another name at the target.", func(r handoverRow) string { return joined(r.Renamed, renaming.Text) }},
		{"NotesText", "What was not to be copied, and what else the owner may notice.", func(r handoverRow) string {
			return strings.Join(append(r.Chosen[:len(r.Chosen):len(r.Chosen)], r.Notes...), " ")
		}},
	}
}

// standingText is empty before the first pass.
func (r handoverRow) standingText() string {
	if r.LastSynced.IsZero() {
		return ""
	}
	return r.standing()
}

func (r handoverRow) folderText() string {
	text := joined(r.Listed, func(f Folder) string {
		if f.Skipped > 0 {
			return fmt.Sprintf("%s: %s old, %s new, %s left out", f.Names(), f.Old(), f.New(), f.Out())
		}
		return fmt.Sprintf("%s: %s old, %s new", f.Names(), f.Old(), f.New())
	})
	if more := r.MoreFolders(); more != "" {
		text += "; " + more
	}
	return text
}

func (r handoverRow) leftOutText() string {
	return joined(r.Reasons, func(l *leftOut) string {
		messages := joined(l.Messages, leftMessage.Text)
		if more := l.More(); more != "" {
			messages = strings.TrimPrefix(messages+"; "+more, "; ")
		}
		return fmt.Sprintf("%s (%s): %s. %s", l.Why, l.Number(), messages, l.Advice)
	})
}

func joined[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = text(item)
	}
	return strings.Join(parts, "; ")
}
