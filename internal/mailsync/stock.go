package mailsync

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// stock is a folder that holds messages, and which of them are in which view.
type stock struct {
	raw   string
	views []*view
	// elsewhere are labels whose messages are copied from folders of their own.
	elsewhere []string
	// listed are the counters that came with the list, nil if none did.
	listed *migration.FolderStatus

	// counted: what follows is known, as it was at one moment.
	counted bool
	status  migration.FolderStatus
	all     migration.UIDSet
	// members by the raw name of the view.
	members map[string]migration.UIDSet
	// labels are those of messages whose flags were told, kept for keywords.
	labels map[migration.UID][]string
	// whole: what it shows is not cut to Gmail's limit, or not for certain.
	whole bool
	// changed are the answers about changed flags, by the mod-sequence asked for.
	changed map[uint64][]migration.Message
	serials SerialSet
	// unsaved: the ledger does not know the serials yet.
	unsaved bool
}

// count finds out where each message of the stock belongs. The session has the
// stock open afterwards.
func (v *views) count(ctx context.Context, source Session, s *stock) error {
	if err := v.load(ctx); err != nil {
		return err
	}
	status, err := source.Open(ctx, migration.Open{Folder: s.raw, ReadOnly: true})
	if err != nil {
		return err
	}
	all, err := source.UIDs(ctx)
	if err != nil {
		return err
	}
	if status.UIDNext != 0 { // what came since is for the next pass
		all = all.Minus(migration.UIDsFrom(status.UIDNext, ^migration.UID(0)))
	}
	s.status, s.all, s.members = status, all, map[string]migration.UIDSet{}
	s.labels, s.changed = map[migration.UID][]string{}, map[uint64][]migration.Message{}
	accounted := migration.UIDSet{}
	for _, record := range v.recordsOf(s) {
		if record.SourceUIDValidity == status.UIDValidity {
			mine := v.accounts[record.ID].all
			accounted = accounted.Union(mine)
			s.members[record.Source] = mine.Intersect(all)
		}
	}
	s.serials = v.serialsOf(s, accounted)
	fresh, err := v.ask(ctx, source, all.Minus(accounted))
	if err != nil {
		return err
	}
	v.placeAll(s, fresh)
	s.counted = true
	return nil
}

// unplaced is a message that the ledger knows nothing of.
type unplaced struct {
	uid    migration.UID
	serial uint64
	labels []string
	told   bool
}

// ask gets the labels and serials of messages of the open stock, in the order of
// their UIDs. What the server does not describe has none.
func (v *views) ask(ctx context.Context, source Session, uids migration.UIDSet) ([]unplaced, error) {
	told := map[migration.UID]unplaced{}
	err := source.Attributes(ctx, uids, []string{serialAttribute, labelsAttribute}, func(uid migration.UID, values map[string]string) error {
		serial, _ := strconv.ParseUint(values[serialAttribute], 10, 64)
		told[uid] = unplaced{uid, serial, v.labelsIn(values), true}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]unplaced, 0, len(told))
	for uid := range uids.All() {
		m := told[uid]
		m.uid = uid
		out = append(out, m)
	}
	return out, nil
}

// labelsIn reads the value of X-GM-LABELS. Few sets of labels differ, so each is
// kept once.
func (v *views) labelsIn(values map[string]string) []string {
	text := values[labelsAttribute]
	if text == "" {
		return nil
	}
	v.words.Lock()
	defer v.words.Unlock()
	labels, known := v.labelSets[text]
	if !known {
		labels = strings.Split(text, "\n")
		v.labelSets[strings.Clone(text)] = labels
	}
	return labels
}

// labelsOf gives the labels of a message, if they are known.
func (v *views) labelsOf(s *stock, uid migration.UID) (labels []string, known bool) {
	v.words.Lock()
	defer v.words.Unlock()
	labels, known = s.labels[uid]
	return labels, known
}

// keepLabels remembers labels for those who ask again in this pass.
func (v *views) keepLabels(s *stock, told []unplaced) {
	v.words.Lock()
	defer v.words.Unlock()
	for _, m := range told {
		s.labels[m.uid] = m.labels
	}
}

// placeAll puts messages into their views. One that was copied under another number
// has come from another stock, or the stock was rebuilt: it is not copied again.
func (v *views) placeAll(s *stock, fresh []unplaced) {
	placed := map[string][]migration.UID{}
	for _, m := range fresh {
		home, copied := v.homes[m.serial]
		var in *view
		var beside []string
		switch {
		case m.serial != 0 && copied:
			// Where the stock was rebuilt, the view finds its copies anew.
			if rebuilt := v.find(home.view); rebuilt != nil && rebuilt.stock == s && home.validity != s.status.UIDValidity {
				in = rebuilt
			}
		case !m.told:
			in = s.anywhere()
		default:
			in, beside = s.place(m.labels)
		}
		if in == nil {
			continue
		}
		placed[in.raw()] = append(placed[in.raw()], m.uid)
		v.note(s, m, in, beside)
	}
	for raw, uids := range placed {
		s.members[raw] = s.members[raw].Union(migration.NewUIDSet(uids...))
	}
	if v.policy == migration.LabelsKeywords {
		v.keepLabels(s, fresh)
	}
}

// anywhere is the view for a message that the server lists and does not describe:
// there it is copied or reported, as such messages are.
func (s *stock) anywhere() *view {
	for _, v := range slices.Backward(s.views) {
		if v.taken && !v.former {
			return v
		}
	}
	return nil
}

// note takes up a message's serial, and the labels beside its place when it is seen
// for the first time.
func (v *views) note(s *stock, m unplaced, in *view, beside []string) {
	if m.serial == 0 {
		return
	}
	v.homes[m.serial] = home{in.raw(), s.status.UIDValidity} // it may be in the next stock too by now
	if s.serials.Numbers[m.uid] == m.serial {
		return
	}
	s.serials.Numbers[m.uid], s.unsaved = m.serial, true
	if len(beside) > 0 {
		s.serials.Several++
		for _, label := range beside {
			s.serials.Others[label]++
		}
	}
}

// status is the state of a view as a folder.
func (s *stock) statusOf(v *view) migration.FolderStatus {
	status := s.status
	status.Messages, status.Size, status.ID = uint32(s.members[v.raw()].Len()), 0, ""
	return status
}

// unchanged gives the state of the stock's views as the ledger has it, if the
// counters prove that nothing has happened since the last pass.
func (v *views) unchanged(s *stock) (map[string]migration.FolderStatus, bool) {
	now := s.listed
	if now == nil || now.UIDNext == 0 || now.HighestModSeq == 0 {
		return nil, false
	}
	known := map[string]migration.FolderStatus{}
	for _, r := range v.recordsOf(s) {
		if now.UIDValidity == r.SourceUIDValidity && now.UIDNext == r.SourceUIDNext && now.HighestModSeq == r.SourceModSeq {
			status := *now
			status.Messages = r.SourceMessages
			known[r.Source] = status
		}
	}
	lacks := slices.ContainsFunc(s.views, func(view *view) bool {
		_, have := known[view.raw()]
		return view.taken && !have
	})
	return known, !lacks
}
