package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Looker looks where the mail of a domain goes.
type Looker interface {
	// Look asks all servers of the domain's zone and some resolvers. What could not be
	// asked is in the look; an error is that the context ended.
	Look(ctx context.Context, domain string) (cutover.Look, error)
}

// CutoverNews is what people are told when the state of a domain changes.
type CutoverNews struct {
	Record migration.CutoverRecord // after the change
	// Former is the state that people were told of before.
	Former  string
	Verdict cutover.Verdict
}

// CutoverEvery is the time between two looks at a domain that is watched.
const CutoverEvery = 15 * time.Minute

// mostBehind is how many mailboxes are named that are not in step.
const mostBehind = 100

// Cutovers lists the domains that are watched, with what was seen last. With a batch
// they are those that have mailboxes in it.
func (s *Service) Cutovers(ctx context.Context, actor Actor, batch string) ([]Cutover, error) {
	if err := permit(actor, CutoverLook); err != nil {
		return nil, err
	}
	all := []Cutover{}
	err := s.store.View(ctx, "listing the domains that are watched", func(tx Tx) error {
		all = all[:0]
		if batch != "" {
			if _, err := tx.Batch(batch); err != nil {
				return err
			}
		}
		records, err := tx.Cutovers()
		for _, record := range records {
			view, concerned, err := viewOfCutover(tx, record, batch)
			if err != nil {
				return err
			}
			if concerned {
				all = append(all, view)
			}
		}
		return err
	})
	return all, problem(batchNamed(batch), err)
}

// Cutover tells how far the move of a domain is, by the last look.
func (s *Service) Cutover(ctx context.Context, actor Actor, domain string) (view Cutover, err error) {
	if err := permit(actor, CutoverLook); err != nil {
		return view, err
	}
	name, err := domainOf(domain)
	if err != nil {
		return view, err
	}
	err = s.store.View(ctx, "reading what was seen of a domain", func(tx Tx) error {
		record, err := tx.Cutover(name)
		if err != nil {
			return err
		}
		view, _, err = viewOfCutover(tx, record, "")
		return err
	})
	return view, problem(cutoverNamed(name), err)
}

// JudgeCutover says what SetCutover and CheckCutover would find wrong without asking a
// server.
func (s *Service) JudgeCutover(ctx context.Context, actor Actor, domain string, spec CutoverSpec) error {
	if err := permit(actor, CutoverSet); err != nil {
		return err
	}
	_, _, err := s.planCutover(ctx, domain, spec)
	return err
}

// SetCutover has a domain watched from now on, or changes how, and looks at it at once.
func (s *Service) SetCutover(ctx context.Context, actor Actor, domain string, spec CutoverSpec) (view Cutover, err error) {
	if err := permit(actor, CutoverSet); err != nil {
		return view, err
	}
	name, target, err := s.planCutover(ctx, domain, spec)
	if err != nil {
		return view, err
	}
	look, err := s.looker.Look(ctx, name)
	if err != nil {
		return view, err
	}
	err = s.change(ctx, "watching a domain", func(tx Tx) error {
		record, watch, err := cutoverOrNew(tx, name, actor)
		if err != nil {
			return err
		}
		record.Batches, record.Notify = spec.Batches, spec.Notify
		if !watch.Target.Same(target) {
			watch = watch.Retarget(target)
		}
		watch.Stated = time.Time{}
		if spec.SwitchedAt != nil {
			watch.Stated = spec.SwitchedAt.UTC()
		}
		if view, err = s.seen(tx, &record, watch, look); err != nil {
			return err
		}
		return s.record(tx, actor, CutoverSet, "cutover/"+name, map[string]any{"target": string(target.Kind), "state": record.State})
	})
	return view, problem(cutoverNamed(name), err)
}

// CheckCutover looks at a domain now. Where it is watched its own target counts, and
// what was seen is remembered; elsewhere that of spec, and nothing is.
func (s *Service) CheckCutover(ctx context.Context, actor Actor, domain string, spec CutoverSpec) (view Cutover, err error) {
	if err := permit(actor, CutoverSet); err != nil {
		return view, err
	}
	name, target, err := s.planCutover(ctx, domain, spec)
	if err != nil {
		return view, err
	}
	look, err := s.looker.Look(ctx, name)
	if err != nil {
		return view, err
	}
	err = s.change(ctx, "looking at a domain", func(tx Tx) error {
		record, err := tx.Cutover(name)
		if err == nil {
			var watch cutover.Watch
			if watch, err = watchOf(record); err == nil {
				view, err = s.seen(tx, &record, watch, look)
			}
			return err
		}
		if !errors.Is(err, migration.ErrNotFound) {
			return err
		}
		watch := cutover.Watch{Domain: name, Target: target}
		if spec.SwitchedAt != nil {
			watch.Stated = spec.SwitchedAt.UTC()
		}
		record = migration.CutoverRecord{Domain: name, Batches: spec.Batches, Notify: spec.Notify}
		view, _, err = judgeCutover(tx, record, watch.See(look), "")
		return err
	})
	return view, problem(cutoverNamed(name), err)
}

// DeleteCutover ends the watch of a domain, and forgets what was seen.
func (s *Service) DeleteCutover(ctx context.Context, actor Actor, domain string) error {
	if err := permit(actor, CutoverDelete); err != nil {
		return err
	}
	name, err := domainOf(domain)
	if err != nil {
		return err
	}
	err = s.change(ctx, "ending the watch of a domain", func(tx Tx) error {
		if err := tx.DeleteCutover(name); err != nil {
			return err
		}
		return s.record(tx, actor, CutoverDelete, "cutover/"+name, nil)
	})
	return problem(cutoverNamed(name), err)
}

// LookDue looks at the domain whose next look is due first, for the server itself; false
// when none is.
func (s *Service) LookDue(ctx context.Context) (bool, error) {
	if s.looker == nil {
		return false, nil
	}
	var domain string
	err := s.store.Change(ctx, "finding a domain to look at", func(tx Tx) error {
		record, err := tx.TakeCutover(CutoverEvery)
		domain = record.Domain
		return err
	})
	if errors.Is(err, migration.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	look, err := s.looker.Look(ctx, domain)
	if err != nil {
		return true, err
	}
	err = s.change(ctx, "remembering what was seen of a domain", func(tx Tx) error {
		record, err := tx.Cutover(domain)
		if errors.Is(err, migration.ErrNotFound) {
			return nil // the watch was ended meanwhile
		}
		if err != nil {
			return err
		}
		watch, err := watchOf(record)
		if err == nil {
			_, err = s.seen(tx, &record, watch, look)
		}
		return err
	})
	return true, err
}

// planCutover checks what is asked for.
func (s *Service) planCutover(ctx context.Context, domain string, spec CutoverSpec) (name string, target cutover.Target, err error) {
	var c checks
	name, err = domainOf(domain)
	if err != nil {
		return "", target, err
	}
	if spec.Target.Kind == "" {
		spec.Target.Kind = cutover.Office365
		if len(spec.Target.MX) > 0 {
			spec.Target.Kind = cutover.Other
		}
	}
	target, wrong := spec.Target.Checked()
	c.that(wrong == nil, "target", "can't be used: %v", wrong)
	c.that(spec.SwitchedAt == nil || spec.SwitchedAt.Before(time.Now()), "switchedAt", "must have passed")
	c.recipients("notify", spec.Notify)
	if err := s.batchesKnown(ctx, spec.Batches, &c); err != nil {
		return "", target, err
	}
	if err := c.err(); err != nil {
		return "", target, err
	}
	if s.looker == nil {
		return "", target, &Problem{Kind: Unavailable, Code: "no-resolver", Detail: "This server has no resolver to look domains up with.", Remedy: "Start it with --dns ADDRESS."}
	}
	return name, target, nil
}

// batchesKnown checks that there are batches of those names.
func (s *Service) batchesKnown(ctx context.Context, names []string, c *checks) error {
	if len(names) == 0 {
		return nil
	}
	return s.store.View(ctx, "looking for batches", func(tx Tx) error {
		known, err := tx.BatchNames()
		for _, name := range names {
			found := false
			for _, other := range known {
				found = found || other == name
			}
			c.that(found, "batches", "must be names of batches; there is no %q", migration.SafeText(name))
		}
		return err
	})
}

func domainOf(text string) (string, error) {
	name, err := cutover.ParseDomain(text)
	if err != nil {
		return "", invalid([]Field{{"domain", "must be the name of a domain, such as example.org"}})
	}
	return name, nil
}

func cutoverNamed(domain string) string {
	return fmt.Sprintf("the watch of the domain %q", migration.SafeText(domain))
}

// cutoverOrNew reads the watch of a domain, or begins one.
func cutoverOrNew(tx Tx, domain string, actor Actor) (migration.CutoverRecord, cutover.Watch, error) {
	record, err := tx.Cutover(domain)
	if errors.Is(err, migration.ErrNotFound) {
		return migration.CutoverRecord{Domain: domain, CreatedBy: actor.Name}, cutover.Watch{Domain: domain}, nil
	}
	if err != nil {
		return record, cutover.Watch{}, err
	}
	watch, err := watchOf(record)
	return record, watch, err
}

func watchOf(record migration.CutoverRecord) (cutover.Watch, error) {
	var watch cutover.Watch
	if err := json.Unmarshal(record.Kept, &watch); err != nil {
		return watch, fmt.Errorf("reading what was seen of %s: %w", record.Domain, err)
	}
	return watch, nil
}

// seen remembers a look, and tells people when the state has changed.
func (s *Service) seen(tx Tx, record *migration.CutoverRecord, watch cutover.Watch, look cutover.Look) (Cutover, error) {
	watch = watch.See(look)
	text, err := json.Marshal(watch)
	if err != nil {
		return Cutover{}, fmt.Errorf("writing what was seen of %s: %w", record.Domain, err)
	}
	former := record.State
	record.Kept, record.Looked, record.Due = text, watch.Last.At, tx.Now().Add(CutoverEvery)
	view, _, err := judgeCutover(tx, *record, watch, "")
	if err != nil {
		return Cutover{}, err
	}
	record.State = string(view.State)
	if record.Version == 0 {
		err = tx.CreateCutover(record)
	} else {
		err = tx.SaveCutover(record)
	}
	if err != nil {
		return Cutover{}, err
	}
	view.setRecord(*record)
	if former == "" || former == record.State || s.cutoverNews == nil {
		return view, nil
	}
	return view, s.tellCutover(tx, CutoverNews{*record, former, view.Verdict})
}

func (s *Service) tellCutover(tx Tx, news CutoverNews) error {
	notices, err := s.cutoverNews(tx, news)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if err := tx.Notify(n); err != nil {
			return err
		}
	}
	return nil
}

// viewOfCutover is what an operator sees of a watch. concerned is whether it has
// mailboxes in the batch; always without one.
func viewOfCutover(tx Tx, record migration.CutoverRecord, batch string) (view Cutover, concerned bool, err error) {
	watch, err := watchOf(record)
	if err != nil {
		return view, false, err
	}
	return judgeCutover(tx, record, watch, batch)
}

func judgeCutover(tx Tx, record migration.CutoverRecord, watch cutover.Watch, batch string) (view Cutover, concerned bool, err error) {
	facts, concerned, err := mailboxFacts(tx, record, watch.Clock(), batch)
	if err != nil {
		return view, false, err
	}
	view = Cutover{Verdict: cutover.Judge(watch, &facts, tx.Now()), StatedAt: watch.Stated}
	view.setRecord(record)
	return view, concerned || batch == "", nil
}

// mailboxFacts counts the mailboxes of a domain by the clock of its move.
func mailboxFacts(tx Tx, record migration.CutoverRecord, clock cutover.Clock, batch string) (facts cutover.Mailboxes, concerned bool, err error) {
	cut, err := batchesThatEnd(tx, clock.SafeAt)
	if err != nil {
		return facts, false, err
	}
	var beforeSwitch, beforeEnd []cutover.Behind
	err = tx.MailboxesOf(record.Domain, func(m migration.MailboxInStep) {
		if len(record.Batches) > 0 && !slices.Contains(record.Batches, m.Batch) {
			return
		}
		concerned = concerned || m.Batch == batch
		facts.Total++
		if !m.LastSynced.IsZero() {
			facts.Synced++
		}
		if m.Phase == migration.Closed {
			facts.Completed++
		}
		behind := cutover.Behind{Batch: m.Batch, EmailAddress: m.Address, SyncedAt: m.SyncedFrom}
		if after(m.SyncedFrom, clock.SwitchedAt) && !cut[m.Batch] {
			facts.SyncedAfterSwitch++
		} else if len(beforeSwitch) < mostBehind {
			beforeSwitch = append(beforeSwitch, behind)
		}
		if after(m.SyncedFrom, clock.SafeAt) && !cut[m.Batch] {
			facts.SyncedAfterWait++
		} else if len(beforeEnd) < mostBehind {
			beforeEnd = append(beforeEnd, behind)
		}
	})
	facts.Behind = orEmpty(beforeSwitch)
	if len(beforeSwitch) == 0 {
		facts.Behind = orEmpty(beforeEnd)
	}
	return facts, concerned, err
}

// batchesThatEnd are the batches that leave out what arrives before the wait is over: a
// pass of theirs brings nothing along.
func batchesThatEnd(tx Tx, safe time.Time) (map[string]bool, error) {
	all, err := tx.Batches()
	ending := map[string]bool{}
	for _, b := range all {
		if end := b.Options.ReceivedBefore; !end.IsZero() && (safe.IsZero() || end.Before(safe)) {
			ending[b.Name] = true
		}
	}
	return ending, err
}

// after reports whether a pass began once a moment had come; never while it has not.
func after(began, moment time.Time) bool {
	return !moment.IsZero() && !began.Before(moment)
}
