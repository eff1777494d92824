package mailsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// views are those of a pass over a source with labels; of any other it has none.
// All sessions of the pass share them.
type views struct {
	policy migration.LabelPolicy
	ledger Ledger

	mu      sync.Mutex
	records []FolderRecord
	*arrangement
	// Of the ledger, once it is read: what it knows of each folder by its number,
	// the serials, and where each copied message is.
	loaded   bool
	accounts map[int64]account
	sets     []SerialSet
	homes    map[uint64]home
	findings []migration.Finding
	// words guards labelSets, which are sets of labels by their text, and the labels
	// of messages. It is never held while a server is asked.
	words     sync.Mutex
	labelSets map[string][]string
}

// account is what the ledger knows of a folder: all messages of which it knows
// what became, and those of them that were copied.
type account struct{ all, copied migration.UIDSet }

// home is where a message was copied.
type home struct {
	view     string
	validity uint32
}

func newViews(job *Job) *views {
	policy := job.Labels
	if policy == "" {
		policy = migration.LabelsOne
	}
	return &views{policy: policy, ledger: job.Ledger, labelSets: map[string][]string{}}
}

// over gives the engine the views of a source with labels.
func (v *views) over(session Session) Session {
	if !hasLabels(session.Profile()) {
		return session
	}
	return &labelled{Session: session, views: v}
}

// dialViews puts the views of a source with labels in the place of its folders.
func (p *pass) dialViews() {
	dial := p.Source
	p.Source = func(ctx context.Context) (Session, error) {
		session, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return p.views.over(session), nil
	}
}

// arrange makes the views of the folders listed, and notes those that show no more
// than Gmail is set to.
func (v *views) arrange(all []migration.Folder) ([]migration.Folder, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	made, err := arrange(all, v.policy)
	if err != nil {
		return nil, err
	}
	v.arrangement, v.findings, v.loaded = made, limited(all), false
	if v.policy == migration.LabelsCopies && len(made.views) == 0 {
		v.findings = append(v.findings, migration.Finding{Code: migration.CodeLabels, Reason: "All Mail is not shown in IMAP; mail without a label is not copied",
			Remedy: "In the settings of Gmail, under Labels, let All Mail show in IMAP, and copy again."})
	}
	return made.folders(), nil
}

// gmailLimit is the number of messages of a folder that Gmail shows in IMAP where
// it is set to show not all.
const gmailLimit = 1000

const limitRemedy = "In the settings of Gmail, under Forwarding and POP/IMAP, let folders have any number of messages (Folder size limits), and copy again."

// limited finds folders that seem to be cut to the limit.
func limited(all []migration.Folder) (findings []migration.Finding) {
	for _, f := range all {
		if f.Selectable && f.Status != nil && f.Status.Messages == gmailLimit {
			findings = append(findings, migration.Finding{Code: migration.CodeFolderLimit, Folder: f.Name,
				Reason: "the folder shows exactly 1,000 messages, which is what Gmail shows when folders are limited; older ones may be missing",
				Remedy: limitRemedy})
		}
	}
	return findings
}

// formerly adds the views of labels that are gone, as the ledger remembers them.
func (v *views) formerly(all []migration.Folder, records []FolderRecord) []migration.Folder {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.records = records
	if v.arrangement == nil || v.policy == migration.LabelsCopies {
		return all
	}
	for _, r := range records {
		raw, label, isView := strings.Cut(r.Source, between)
		i := slices.IndexFunc(v.stocks, func(s *stock) bool { return s.raw == raw })
		if !isView || i < 0 || v.find(r.Source) != nil {
			continue
		}
		name := migration.Folder{Name: label, Raw: label, Delimiter: '/', Selectable: true}
		former := v.view(v.stocks[i], name, []string{label}, 0)
		former.former = true
		all = append(all, former.folder)
	}
	return all
}

// choose notes which views are taken.
func (v *views) choose(wanted []migration.Folder) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.arrangement == nil {
		return
	}
	for _, view := range v.views {
		view.taken = slices.ContainsFunc(wanted, func(f migration.Folder) bool { return f.Raw == view.raw() })
	}
}

// withoutIdle leaves out views that nothing was ever placed in and that are no
// label: an empty All Mail.
func (v *views) withoutIdle(wanted []migration.Folder) []migration.Folder {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(wanted, func(f migration.Folder) bool {
		view := v.find(f.Raw)
		return view != nil && f.Use == "All" && f.Status != nil && f.Status.Messages == 0 &&
			!slices.ContainsFunc(v.records, func(r FolderRecord) bool { return r.Source == f.Raw })
	})
}

// find gives a view by its raw name, nil if there is none.
func (v *views) find(raw string) *view {
	if v.arrangement == nil {
		return nil
	}
	for _, view := range v.views {
		if view.raw() == raw {
			return view
		}
	}
	return nil
}

func (v *views) recordsOf(s *stock) []FolderRecord {
	return slices.DeleteFunc(slices.Clone(v.records), func(r FolderRecord) bool { return !strings.HasPrefix(r.Source, s.raw+between) })
}

// load reads what the ledger knows of the views.
func (v *views) load(ctx context.Context) error {
	if v.loaded {
		return nil
	}
	v.accounts, v.homes = map[int64]account{}, map[uint64]home{}
	sets, err := v.ledger.Serials(ctx)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	v.sets = sets
	for _, r := range v.records {
		raw, _, isView := strings.Cut(r.Source, between)
		if !isView {
			continue
		}
		known, err := v.accountOf(ctx, r)
		if err != nil {
			return err
		}
		v.accounts[r.ID] = known
		i := slices.IndexFunc(sets, func(set SerialSet) bool { return set.Source == raw && set.UIDValidity == r.SourceUIDValidity })
		if i < 0 {
			continue
		}
		for uid := range known.copied.All() {
			if serial := sets[i].Numbers[uid]; serial != 0 {
				v.homes[serial] = home{r.Source, r.SourceUIDValidity}
			}
		}
	}
	v.loaded = true
	return nil
}

// accountOf reads what the ledger knows of a folder's messages. What is in doubt or
// to be tried again is accounted for in this folder, and not copied: should it
// appear in another stock, no loss comes first.
func (v *views) accountOf(ctx context.Context, r FolderRecord) (account, error) {
	var copied, others []migration.UID
	err := v.ledger.Pairs(ctx, r.ID, nil, func(pair Pair) error {
		copied = append(copied, pair.Source)
		return nil
	})
	if err != nil {
		return account{}, ledgerFault("reading the ledger", err)
	}
	marks, err := v.ledger.Marks(ctx, r.ID)
	if err != nil {
		return account{}, ledgerFault("reading the ledger", err)
	}
	for _, mark := range marks {
		others = append(others, mark.Source)
	}
	known := account{copied: migration.NewUIDSet(copied...).Union(r.Departed)}
	known.all = known.copied.Union(migration.NewUIDSet(others...))
	intents, err := v.ledger.Intents(ctx, r.ID)
	for _, intent := range intents {
		known.all = known.all.Union(intent.Sources)
	}
	return known, ledgerFault("reading the ledger", err)
}

// serialsOf gives the ledger's serials of a stock that still mean something.
func (v *views) serialsOf(s *stock, accounted migration.UIDSet) SerialSet {
	for _, set := range v.sets {
		if set.Source == s.raw && set.UIDValidity == s.status.UIDValidity {
			kept := set
			kept.Numbers, kept.Others = maps.Clone(set.Numbers), maps.Clone(set.Others)
			maps.DeleteFunc(kept.Numbers, func(uid migration.UID, _ uint64) bool { return !accounted.Contains(uid) && !s.all.Contains(uid) })
			return kept
		}
	}
	return SerialSet{Source: s.raw, UIDValidity: s.status.UIDValidity, Numbers: map[migration.UID]uint64{}, Others: map[string]int{}}
}

// save writes the serials of a view's stock down, before anything of it is copied.
func (v *views) save(ctx context.Context, raw string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	view := v.find(raw)
	if view == nil || !view.stock.unsaved {
		return nil
	}
	if err := v.ledger.SaveSerials(ctx, view.stock.serials); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	view.stock.unsaved = false
	return nil
}

// told are the findings about labels.
func (v *views) told() []migration.Finding {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.arrangement == nil {
		return nil
	}
	several, others := 0, map[string]int{}
	for _, s := range v.stocks {
		if s.counted {
			several += s.serials.Several
			for label, n := range s.serials.Others {
				others[label] += n
			}
		}
	}
	if several == 0 {
		return v.findings
	}
	return append(slices.Clone(v.findings), v.severalLabels(several, others))
}

// severalLabels is the finding for messages with more labels than the one they are
// copied for.
func (v *views) severalLabels(several int, others map[string]int) migration.Finding {
	names := slices.SortedFunc(maps.Keys(others), func(a, b string) int {
		if others[a] != others[b] {
			return others[b] - others[a]
		}
		return strings.Compare(a, b)
	})
	const most = 20
	var parts []string
	for _, name := range names[:min(most, len(names))] {
		parts = append(parts, fmt.Sprintf("%s (%d)", migration.SafeText(name), others[name]))
	}
	if n := len(names) - most; n > 0 {
		parts = append(parts, plural(n, "more label"))
	}
	finding := migration.Finding{Code: migration.CodeLabels, Count: several,
		Reason: fmt.Sprintf("%s had more than one label; each is at the target once, and not also in: %s", plural(several, "message"), strings.Join(parts, ", ")),
		Remedy: "To see which, search at Gmail for label:NAME. With --labels keywords the other labels are kept as keywords, with --labels copies there is a copy for each label."}
	if v.policy == migration.LabelsKeywords {
		finding.Reason = fmt.Sprintf("%s had more than one label; each is at the target once, and has these as keywords where the target keeps them: %s", plural(several, "message"), strings.Join(parts, ", "))
		finding.Remedy = "Nothing to do; mail programs show and search keywords as tags."
	}
	return finding
}

// asArchive gives All Mail of a source with labels, which holds what is archived,
// the use of an archive where the source has no other.
func (p *pass) asArchive(f migration.Folder) migration.Folder {
	if p.views.find(f.Raw) == nil || f.Use != "All" {
		return f
	}
	var all []migration.Folder
	for _, other := range p.folders {
		all = append(all, other.pair.Source)
	}
	if _, has := p.sourceGuide().uses(all, p.sourcePrefix)["Archive"]; !has {
		f.Use = "Archive"
	}
	return f
}
