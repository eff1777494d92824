package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Looker looks where the mail of a domain goes.
type Looker interface {
	// Look asks all servers of the zone of a watch's domain, those that were of it and had
	// the old records, and some resolvers. What could not be asked is in the look; an error
	// is that the context ended.
	Look(ctx context.Context, w cutover.Watch) (cutover.Look, error)
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

// Cutovers lists the domains that are watched, with what was seen last. With a batch
// they are those that have mailboxes in it.
func (s *Service) Cutovers(ctx context.Context, actor Actor, batch string) ([]Cutover, error) {
	if err := permit(actor, CutoverLook); err != nil {
		return nil, err
	}
	all := []Cutover{}
	err := s.store.View(ctx, "listing the domains that are watched", func(tx Tx) error {
		name := ""
		if batch != "" {
			b, err := tx.Batch(batch)
			if err != nil {
				return err
			}
			name = b.Name
		}
		found, err := cutoversOf(tx, name)
		all = orEmpty(found)
		return err
	})
	return all, problem(batchNamed(batch), err)
}

// cutoversOf gives the domains that have mailboxes in a batch; all without one.
func cutoversOf(tx Tx, batch string) (all []Cutover, err error) {
	records, err := tx.Cutovers()
	for _, record := range records {
		view, concerned, err := viewOfCutover(tx, record, batch)
		if err != nil {
			return nil, err
		}
		if concerned {
			all = append(all, view)
		}
	}
	return all, err
}

// CompletionWaits says why a batch does not complete by itself although its time has come:
// a domain of its mailboxes is watched, and it is not safe. None when it does.
func CompletionWaits(tx Tx, b migration.BatchRecord) (waits []string, err error) {
	if !b.CompletionDue(tx.Now()) {
		return nil, nil
	}
	domains, err := cutoversOf(tx, b.Name)
	for _, d := range domains {
		if !d.Complete.Yes {
			waits = append(waits, fmt.Sprintf("The mail of %s is %s: %s", d.Domain, d.State, strings.Join(d.Complete.Reasons, " ")))
		}
	}
	return waits, err
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
	_, err := s.planCutover(ctx, domain, spec)
	return err
}

// SetCutover has a domain watched from now on, or changes how if what was set still has the
// version; 0 is any. It looks at the domain at once.
func (s *Service) SetCutover(ctx context.Context, actor Actor, domain string, spec CutoverSpec, version int64) (view Cutover, err error) {
	if err := permit(actor, CutoverSet); err != nil {
		return view, err
	}
	plan, look, err := s.lookFor(ctx, domain, spec)
	if err != nil {
		return view, err
	}
	name := plan.Domain
	err = s.change(ctx, "watching a domain", func(tx Tx) error {
		record, watch, err := cutoverOrNew(tx, name, actor)
		if err != nil {
			return err
		}
		if version != 0 && version != cutoverVersion(record, watch.Target, watch.Stated) {
			return problem(cutoverNamed(name), migration.ErrChanged) // not to be tried again, as a look that came between is
		}
		record.Batches, record.Notify = plan.batches, spec.Notify
		former := watch.Stated
		watch = watch.Retarget(plan.Target)
		if spec.SaidAnew || !plan.Stated.Equal(former) { // else it stays, or was of another target
			watch = watch.Say(plan.Stated, tx.Now())
		}
		if view, err = s.seen(tx, &record, watch, look); err != nil {
			return err
		}
		return s.record(tx, actor, CutoverSet, "cutover/"+name, map[string]any{"target": string(plan.Target.Kind), "state": record.State})
	})
	return view, problem(cutoverNamed(name), err)
}

// CheckCutover looks at a domain now. Where it is watched its own target counts, and
// what was seen is remembered; elsewhere that of spec, and nothing is.
func (s *Service) CheckCutover(ctx context.Context, actor Actor, domain string, spec CutoverSpec) (view Cutover, err error) {
	if err := permit(actor, CutoverSet); err != nil {
		return view, err
	}
	plan, look, err := s.lookFor(ctx, domain, spec)
	if err != nil {
		return view, err
	}
	name := plan.Domain
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
		record = migration.CutoverRecord{Domain: name, Batches: plan.batches, Notify: spec.Notify}
		view, _, err = judgeCutover(tx, record, plan.Say(plan.Stated, tx.Now()).See(dated(tx, look)), "")
		return err
	})
	return view, problem(cutoverNamed(name), err)
}

// heldBy are the batches that do not complete by themselves although their time has come,
// since it is not safe for a domain; also one that is stopped just now.
func heldBy(tx Tx, record migration.CutoverRecord, watch cutover.Watch) (held []migration.BatchRecord, err error) {
	batches, err := tx.Batches()
	for _, b := range batches {
		at := b.Options.CompleteAfter
		if b.Intent == migration.Finish || b.Intent == migration.Remove || at.IsZero() || tx.Now().Before(at) {
			continue
		}
		view, concerned, err := judgeCutover(tx, record, watch, b.Name)
		if err != nil {
			return nil, err
		}
		if concerned && !view.Complete.Yes {
			held = append(held, b)
		}
	}
	return held, err
}

func heldNames(tx Tx, record migration.CutoverRecord, watch cutover.Watch) (names []string, err error) {
	held, err := heldBy(tx, record, watch)
	for _, b := range held {
		names = append(names, b.Name)
	}
	return names, err
}

// letGo takes the time at which they complete by themselves from the batches that are held
// for a domain: nobody asks whether it is safe any more, so that an operator has to.
func (s *Service) letGo(tx Tx, actor Actor, record migration.CutoverRecord) (names []string, err error) {
	watch, unread := watchOf(record)
	if unread != nil {
		watch = cutover.Watch{Domain: record.Domain} // nothing is safe by what can't be read
	}
	held, err := heldBy(tx, record, watch)
	for _, b := range held {
		names = append(names, b.Name)
		b.Options.CompleteAfter = time.Time{}
		if err := tx.SaveBatch(&b); err != nil {
			return nil, err
		}
		if err := s.record(tx, actor, BatchSet, "batch/"+b.Name, map[string]any{"completeAfter": time.Time{}, "endOfWatch": record.Domain}); err != nil {
			return nil, err
		}
	}
	return names, err
}

// DeleteCutover ends the watch of a domain, and forgets what was seen. Batches that are
// held for it do not complete by themselves any more.
func (s *Service) DeleteCutover(ctx context.Context, actor Actor, domain string) error {
	if err := permit(actor, CutoverDelete); err != nil {
		return err
	}
	name, err := domainOf(domain)
	if err != nil {
		return err
	}
	err = s.change(ctx, "ending the watch of a domain", func(tx Tx) error {
		record, err := tx.Cutover(name)
		if err != nil {
			return err
		}
		held, err := s.letGo(tx, actor, record)
		if err != nil {
			return err
		}
		if err := tx.DeleteCutover(name); err != nil {
			return err
		}
		var told map[string]any
		if len(held) > 0 {
			told = map[string]any{"heldBatches": held}
		}
		return s.record(tx, actor, CutoverDelete, "cutover/"+name, told)
	})
	if err == nil {
		s.wake()
	}
	return problem(cutoverNamed(name), err)
}

// LookDue looks at the domain whose next look is due first, for the server itself; false
// when none is.
func (s *Service) LookDue(ctx context.Context) (bool, error) {
	if s.looker == nil {
		return false, nil
	}
	var due migration.CutoverRecord
	err := s.store.Change(ctx, "finding a domain to look at", func(tx Tx) (err error) {
		due, err = tx.TakeCutover(CutoverEvery)
		return err
	})
	if errors.Is(err, migration.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	known, err := watchOf(due)
	if err != nil {
		return true, err
	}
	look, err := s.looker.Look(ctx, known)
	if err != nil {
		return true, err
	}
	err = s.change(ctx, "remembering what was seen of a domain", func(tx Tx) error {
		record, err := tx.Cutover(due.Domain)
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

// cutoverPlan is what is asked for, checked: a watch that has seen nothing, and the batches
// whose mailboxes count, by the names that they have. known is what was seen before.
type cutoverPlan struct {
	cutover.Watch
	batches []string
	known   cutover.Watch
}

// lookFor checks what is asked for, and looks at the domain.
func (s *Service) lookFor(ctx context.Context, domain string, spec CutoverSpec) (plan cutoverPlan, look cutover.Look, err error) {
	if plan, err = s.planCutover(ctx, domain, spec); err != nil {
		return plan, look, err
	}
	look, err = s.looker.Look(ctx, plan.known)
	return plan, look, err
}

// planCutover checks what is asked for.
func (s *Service) planCutover(ctx context.Context, domain string, spec CutoverSpec) (plan cutoverPlan, err error) {
	var c checks
	if plan.Domain, err = domainOf(domain); err != nil {
		return plan, err
	}
	if spec.Target.Kind == "" {
		spec.Target.Kind = cutover.Office365
		if len(spec.Target.MX) > 0 {
			spec.Target.Kind = cutover.Other
		}
	}
	var flaws []cutover.Flaw
	plan.Target, flaws = spec.Target.Checked()
	for _, f := range flaws {
		c.that(false, "target."+f.Field, "can't be used: %s", f.Text)
	}
	plan.Stated = timeOf(spec.SwitchedAt)
	c.that(!plan.Stated.After(time.Now()), "switchedAt", "must have passed")
	c.recipients("notify", spec.Notify)
	var unknown []string
	err = s.store.View(ctx, "looking for batches", func(tx Tx) (err error) {
		var before migration.CutoverRecord
		if before, plan.known, err = cutoverOrNew(tx, plan.Domain, Actor{}); err == nil {
			plan.batches, unknown, err = batchesToCount(tx, before.Batches, spec.Batches)
		}
		return err
	})
	if err != nil {
		return plan, err
	}
	for _, name := range unknown {
		c.that(false, "batches", "must be names of batches; there is no %q", migration.SafeText(name))
	}
	if err := c.err(); err != nil {
		return plan, err
	}
	if s.looker == nil {
		return plan, &Problem{Kind: Unavailable, Code: "no-resolver", Detail: "This server has no resolver to look domains up with.", Remedy: "Start it with --dns ADDRESS."}
	}
	return plan, nil
}

// batchesToCount gives batches the names that they have. One that is deleted stays where
// the watch of the domain named it before: the verdict says that it is gone.
func batchesToCount(tx Tx, before, names []string) (found, unknown []string, err error) {
	for _, name := range names {
		b, err := tx.Batch(name)
		switch {
		case err == nil:
			found = append(found, b.Name)
		case !errors.Is(err, migration.ErrNotFound):
			return nil, nil, err
		case amongBatches(before, name):
			found = append(found, name)
		default:
			unknown = append(unknown, name)
		}
	}
	return found, unknown, nil
}

// amongBatches reports whether a batch is among those that are named; case does not matter.
func amongBatches(named []string, batch string) bool {
	return slices.ContainsFunc(named, func(name string) bool { return strings.EqualFold(name, batch) })
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

// dated is a look by the clock that all nodes share: that of the node which looked may be wrong.
// What lies within a minute is the time since the look, not the clock.
func dated(tx Tx, look cutover.Look) cutover.Look {
	return look.Shifted(time.Until(tx.Now()).Round(time.Minute))
}

// seen remembers a look, and tells people when the state has changed.
func (s *Service) seen(tx Tx, record *migration.CutoverRecord, watch cutover.Watch, look cutover.Look) (Cutover, error) {
	watch = watch.See(dated(tx, look))
	text, err := json.Marshal(watch)
	if err != nil {
		return Cutover{}, fmt.Errorf("writing what was seen of %s: %w", record.Domain, err)
	}
	if err := s.redate(tx, *record); err != nil {
		return Cutover{}, err
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
	if view.HeldBatches, err = heldNames(tx, *record, watch); err != nil {
		return Cutover{}, err
	}
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
	view, concerned, err = judgeCutover(tx, record, watch, batch)
	if err == nil && batch == "" {
		view.HeldBatches, err = heldNames(tx, record, watch)
	}
	return view, concerned, err
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
