package mailsync

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// labelled is a session with a source whose folders are labels: it shows the
// engine views in their place.
type labelled struct {
	Session
	views *views
	// at is the view that is open, nil for another folder; opened is the raw name of
	// the stock that is.
	at     *view
	opened string
}

// Folders lists the views.
func (l *labelled) Folders(ctx context.Context) ([]migration.Folder, error) {
	all, err := l.Session.Folders(ctx)
	if err != nil {
		return nil, err
	}
	return l.views.arrange(all)
}

// Status tells the counters of views. Where something has happened in a stock, that
// takes finding out where its messages belong.
func (l *labelled) Status(ctx context.Context, rawNames []string) ([]*migration.FolderStatus, error) {
	v := l.views
	v.mu.Lock()
	defer v.mu.Unlock()
	statuses := make([]*migration.FolderStatus, len(rawNames))
	var plain []string
	var places []int
	for i, raw := range rawNames {
		view := v.find(raw)
		if view == nil {
			plain, places = append(plain, raw), append(places, i)
			continue
		}
		status, err := l.statusOf(ctx, view)
		if err != nil {
			return nil, err
		}
		statuses[i] = &status
	}
	if len(plain) == 0 {
		return statuses, nil
	}
	told, err := l.Session.Status(ctx, plain)
	if err != nil {
		return nil, err
	}
	for i, status := range told {
		statuses[places[i]] = status
	}
	return statuses, nil
}

func (l *labelled) statusOf(ctx context.Context, view *view) (migration.FolderStatus, error) {
	s := view.stock
	if !s.counted {
		if s.listed == nil {
			told, err := l.Session.Status(ctx, []string{s.raw})
			if err != nil {
				return migration.FolderStatus{}, err
			}
			s.listed = told[0]
		}
		if known, quiet := l.views.unchanged(s); quiet {
			return known[view.raw()], nil
		}
	}
	if err := l.ready(ctx, s); err != nil {
		return migration.FolderStatus{}, err
	}
	return s.statusOf(view), nil
}

// ready opens a stock, unless the session has it open, and finds out where its
// messages belong, unless that is known.
func (l *labelled) ready(ctx context.Context, s *stock) error {
	l.at = nil
	if !s.counted {
		l.opened = ""
		if err := l.views.count(ctx, l.Session, s); err != nil {
			return err
		}
		l.opened = s.raw
	}
	if s.status.Messages == gmailLimit && !s.whole && l.views.policy != migration.LabelsCopies {
		if err := l.checkLimit(ctx, s); err != nil {
			return err
		}
		s.whole = true
	}
	if l.opened == s.raw {
		return nil
	}
	return l.reopen(ctx, s)
}

// checkLimit refuses a stock that is cut to the limit for certain: a label shows a
// message that is not in it.
func (l *labelled) checkLimit(ctx context.Context, s *stock) error {
	known := map[uint64]bool{}
	if err := l.serials(ctx, s.all, known); err != nil {
		return err
	}
	for _, view := range s.views {
		if view.labels == nil || view.former {
			continue
		}
		folder := view.folder.Raw[len(s.raw)+len(between):]
		l.opened = ""
		if _, err := l.Session.Open(ctx, migration.Open{Folder: folder, ReadOnly: true}); err != nil {
			if migration.ClassOf(err) == migration.OneFolder {
				continue
			}
			return err
		}
		uids, err := l.Session.UIDs(ctx)
		if err != nil {
			return err
		}
		here := map[uint64]bool{}
		if err := l.serials(ctx, uids, here); err != nil {
			return err
		}
		for serial := range here {
			if !known[serial] {
				return cutShort(view.folder.Name)
			}
		}
	}
	return nil
}

// serials adds those of messages of the open folder.
func (l *labelled) serials(ctx context.Context, uids migration.UIDSet, to map[uint64]bool) error {
	told, err := l.views.ask(ctx, l.Session, uids)
	for _, m := range told {
		if m.serial != 0 {
			to[m.serial] = true
		}
	}
	return err
}

func cutShort(folder string) error {
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeFolderLimit, Doing: "looking into All Mail",
		Err:    fmt.Errorf("it shows 1,000 messages, and %q shows others: Gmail limits the folders, and most of the mail cannot be seen", folder),
		Remedy: limitRemedy}
}

// Open opens a view: its stock, unless the session has it open.
func (l *labelled) Open(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	status, isView, err := l.openView(ctx, open.Folder)
	if !isView && err == nil {
		return l.Session.Open(ctx, open)
	}
	if err != nil || open.Query == nil {
		return status, err
	}
	return status, l.Messages(ctx, *open.Query)
}

func (l *labelled) openView(ctx context.Context, raw string) (status migration.FolderStatus, isView bool, err error) {
	v := l.views
	v.mu.Lock()
	defer v.mu.Unlock()
	l.at = nil
	view := v.find(raw)
	if view == nil {
		l.opened = ""
		return status, false, nil
	}
	if err := l.ready(ctx, view.stock); err != nil {
		return status, true, err
	}
	l.at = view
	return view.stock.statusOf(view), true, nil
}

// reopen opens a stock that is counted. Its numbers must be those of before.
func (l *labelled) reopen(ctx context.Context, s *stock) error {
	l.opened = ""
	status, err := l.Session.Open(ctx, migration.Open{Folder: s.raw, ReadOnly: true})
	if err != nil {
		return err
	}
	if status.UIDValidity != s.status.UIDValidity {
		return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeUIDValidity, Doing: "opening All Mail at the source",
			Err: errors.New("it was rebuilt while it was copied"), Remedy: "Nothing to do: the next pass goes on."}
	}
	l.opened = s.raw
	return nil
}

// members are the messages of the open view, as they were when its stock was
// counted; false when no view is open.
func (l *labelled) members() (migration.UIDSet, bool) {
	if l.at == nil {
		return migration.UIDSet{}, false
	}
	l.views.mu.Lock()
	defer l.views.mu.Unlock()
	return l.at.stock.members[l.at.raw()], true
}

// UIDs gives those of the open view's messages that are still there.
func (l *labelled) UIDs(ctx context.Context) (migration.UIDSet, error) {
	members, isView := l.members()
	all, err := l.Session.UIDs(ctx)
	if err == nil && isView {
		all = all.Intersect(members)
	}
	return all, err
}

// Messages streams those of the open view.
func (l *labelled) Messages(ctx context.Context, query migration.Query) error {
	members, isView := l.members()
	if !isView {
		return l.Session.Messages(ctx, query)
	}
	asked := query.UIDs
	if asked.Empty() {
		asked = migration.UIDsFrom(max(query.From, 1), ^migration.UID(0))
	}
	query.UIDs, query.From = asked.Intersect(members), 0
	if query.UIDs.Empty() {
		return nil
	}
	finish := func() error { return nil }
	if l.views.policy == migration.LabelsKeywords && query.Flags {
		query.Each, finish = l.withKeywords(ctx, query.Each)
	}
	var err error
	if query.ChangedSince != 0 {
		err = l.changed(ctx, query)
	} else {
		err = l.Session.Messages(ctx, query)
	}
	if err != nil {
		return err
	}
	return finish()
}

// changed tells what has changed in the open view. The stock is asked once for all
// its views.
func (l *labelled) changed(ctx context.Context, query migration.Query) error {
	found, err := l.views.changedIn(ctx, l.Session, l.at.stock, query.ChangedSince)
	if err != nil {
		return err
	}
	for _, m := range found {
		if query.UIDs.Contains(m.UID) {
			if err := query.Each(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// changedIn gives the messages of the open stock whose mod-sequence is higher.
func (v *views) changedIn(ctx context.Context, source Session, s *stock, since uint64) ([]migration.Message, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found, asked := s.changed[since]; asked {
		return found, nil
	}
	var found []migration.Message
	err := source.Messages(ctx, migration.Query{UIDs: migration.UIDsFrom(1, max(s.all.Max(), 1)), ChangedSince: since, Flags: true, Each: func(m migration.Message) error {
		found = append(found, m)
		return nil
	}})
	if err == nil {
		s.changed[since] = found
	}
	return found, err
}

// withKeywords adds to the flags of messages the labels that are keywords of
// theirs. Messages whose labels are not known yet are given by finish, which asks.
func (l *labelled) withKeywords(ctx context.Context, each func(migration.Message) error) (now func(migration.Message) error, finish func() error) {
	view, s, v := l.at, l.at.stock, l.views
	var held []migration.Message
	give := func(m migration.Message, labels []string) error {
		m.Flags = append(m.Flags[:len(m.Flags):len(m.Flags)], view.keywords(labels)...)
		return each(m)
	}
	now = func(m migration.Message) error {
		labels, known := v.labelsOf(s, m.UID)
		if !known {
			held = append(held, m)
			return nil
		}
		return give(m, labels)
	}
	return now, func() error {
		told, err := v.ask(ctx, l.Session, uidsOf(held))
		v.keepLabels(s, told)
		for _, m := range held {
			if err == nil {
				labels, _ := v.labelsOf(s, m.UID)
				err = give(m, labels)
			}
		}
		return err
	}
}
