package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// batchPlan is a batch that is about to be made.
type batchPlan struct {
	spec    BatchSpec
	options migration.BatchOptions
	ends    ends
	file    *migration.File
}

// CreateBatch makes a batch of a migration file, and starts it when that is asked
// for. The file's summary is given also with a problem; nothing is made then, nor
// with CheckOnly.
func (s *Service) CreateBatch(ctx context.Context, actor Actor, spec BatchSpec, csv io.Reader) (BatchCreated, error) {
	if err := permit(actor, BatchCreate); err != nil {
		return BatchCreated{}, err
	}
	plan, err := s.planBatch(ctx, spec, csv)
	if err != nil {
		return BatchCreated{}, err
	}
	created := BatchCreated{File: fileSummary(plan.file)}
	created.File.Taken = len(spec.taken(plan.file.Rows))
	if spec.CheckOnly {
		return created, nil
	}
	if err := usable(plan.file, spec.SkipBad); err != nil {
		return created, err
	}
	view, err := s.makeBatch(ctx, actor, plan)
	if err != nil {
		return created, err
	}
	created.Batch = &view
	s.wake()
	return created, nil
}

// planBatch checks everything that can be checked before the batch is made. Of a file
// that is only looked at the endpoints may be missing; then its name is open, too.
func (s *Service) planBatch(ctx context.Context, spec BatchSpec, csv io.Reader) (*batchPlan, error) {
	if spec.Name == "" {
		spec.Name = nameOfFile(spec.FileName)
	}
	plan := &batchPlan{spec: spec}
	early := spec.CheckOnly && (spec.Source == "" || spec.Target == "")
	var c checks
	plan.options = c.batch(spec)
	if !early {
		c.name("name", spec.Name)
	}
	var used inUse
	var before map[string]string
	err := s.store.View(ctx, "checking the batch", func(tx Tx) (err error) {
		c.completion(plan.options.CompleteAfter, tx.Now())
		c.begin(plan.options.ReceivedFrom, tx.Now())
		if !early {
			if _, err := tx.Batch(spec.Name); err == nil {
				return errBatchExists()
			} else if !errors.Is(err, migration.ErrNotFound) {
				return err
			}
		}
		if plan.ends, err = findEnds(tx, &c, spec); err != nil {
			return err
		}
		if used, err = readInUse(tx); err != nil {
			return err
		}
		known, err := readKnownFiles(tx)
		before = known.byHash()
		return err
	})
	if err == nil {
		err = c.err()
	}
	if err != nil {
		return nil, err
	}
	if plan.file, err = s.readFile(csv, spec.FileOptions, plan.ends, used.row(plan.ends), before); err != nil {
		return nil, err
	}
	return plan, notItself(plan.file, plan.ends)
}

func errBatchExists() error {
	return &Problem{Kind: Conflict, Code: "name-taken", Detail: "The migration batch already exists.",
		Remedy: "Choose another name, or wait until the old batch is removed."}
}

// batch checks the specification, but for its name, and gives the options of it.
func (c *checks) batch(spec BatchSpec) migration.BatchOptions {
	c.rules("exclude", spec.Exclude)
	c.rules("include", spec.Include)
	c.recipients("notify", spec.Notify)
	c.password("targetPassword", spec.TargetPassword)
	c.that(spec.FileBytes >= 0, "fileBytes", "must not be negative")
	c.that(spec.First >= 0, "first", "must not be negative")
	o := migration.BatchOptions{
		Exclude: spec.Exclude, Include: spec.Include, ReceivedFrom: timeOf(spec.ReceivedFrom), ReceivedBefore: timeOf(spec.ReceivedBefore),
		Notify: slices.Clone(spec.Notify), StartAfter: timeOf(spec.StartAfter), CompleteAfter: timeOf(spec.CompleteAfter),
		Interval: c.interval(spec.IntervalSeconds), ReportInterval: c.reportInterval(spec.ReportIntervalSeconds),
	}
	policy, err := migration.ParseLabelPolicy(spec.Labels)
	c.that(err == nil, "labels", "must be one, copies or keywords")
	if policy != migration.LabelsOne {
		o.Labels = policy
	}
	c.schedule(o)
	return o
}

// findEnds finds the endpoints of a batch.
func findEnds(tx EndpointTx, c *checks, spec BatchSpec) (e ends, err error) {
	for _, side := range []struct {
		field, name string
		into        *migration.EndpointRecord
	}{{"source", spec.Source, &e.source}, {"target", spec.Target, &e.target}} {
		if side.name == "" && spec.CheckOnly {
			continue
		}
		*side.into, err = tx.Endpoint(side.name)
		if errors.Is(err, migration.ErrNotFound) {
			c.that(false, side.field, "must be the name of an endpoint; there is no %q", migration.SafeText(side.name))
			err = nil
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// makeBatch seals the passwords and stores batch and mailboxes.
func (s *Service) makeBatch(ctx context.Context, actor Actor, plan *batchPlan) (view Batch, err error) {
	spec := plan.spec
	key, wrapped := s.keys.NewDataKey()
	mailboxes := sealRows(spec.taken(plan.file.Rows), key, plan.ends, spec.Name, spec.TargetPassword.Text())
	err = s.change(ctx, "creating the batch", func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		if err := sameServers(tx, plan.ends); err != nil {
			return err
		}
		used, err := readInUse(tx)
		if err != nil {
			return err
		}
		if err := used.taken(mailboxes, plan.ends); err != nil {
			return err
		}
		b := migration.BatchRecord{Name: spec.Name, Source: plan.ends.source.ID, Target: plan.ends.target.ID, Intent: migration.Hold,
			Options: plan.options, Key: wrapped, CreatedBy: actor.Name}
		if spec.AutoStart {
			begin(&b, tx.Now())
		}
		for i := range mailboxes {
			mailboxes[i].Due = firstDue(b, tx.Now())
		}
		if err := tx.CreateBatch(&b, mailboxes); err != nil {
			if errors.Is(err, migration.ErrNameTaken) {
				return errBatchExists()
			}
			return err
		}
		if err := rememberFile(tx, plan.file.Hash, b.Name); err != nil {
			return err
		}
		if err := s.record(tx, actor, BatchCreate, "batch/"+b.Name, map[string]any{"source": plan.ends.source.Name, "target": plan.ends.target.Name,
			"mailboxes": len(mailboxes), "leftOut": plan.file.RowCount - len(mailboxes), "started": spec.AutoStart}); err != nil {
			return err
		}
		view, err = showBatch(tx, b.Name)
		return err
	})
	return view, err
}

// alone makes changes that must not go on at the same time wait for each other: two
// batches with one mailbox would copy into one target at once.
func alone(tx SettingTx) error { return tx.SetSetting(settingLock, "") }

// sameServers makes sure that the passwords were sealed for the endpoints as they
// are now.
func sameServers(tx EndpointTx, e ends) error {
	for _, was := range []migration.EndpointRecord{e.source, e.target} {
		is, err := tx.EndpointByID(was.ID)
		if err != nil || rowBinding(is, "", "", SourceSide) != rowBinding(was, "", "", SourceSide) || is.Login != was.Login {
			return &Problem{Kind: Changed, Code: "changed", Detail: fmt.Sprintf("Somebody has changed %s meanwhile.", endpointNamed(was.Name)), Remedy: "Try again."}
		}
	}
	return nil
}

// AddRows adds the mailboxes of a migration file that the batch does not have yet,
// and leaves those it has as they are.
func (s *Service) AddRows(ctx context.Context, actor Actor, batch string, csv io.Reader, options FileOptions) (Added, error) {
	if err := permit(actor, BatchAdd); err != nil {
		return Added{}, err
	}
	var c checks
	c.that(options.First >= 0, "first", "must not be negative")
	if err := c.err(); err != nil {
		return Added{}, err
	}
	plan, err := s.planRows(ctx, batch, csv, options)
	if err != nil {
		return Added{}, problem(batchNamed(batch), err)
	}
	added := Added{File: fileSummary(plan.file)}
	if !options.CheckOnly {
		if err := usable(plan.file, options.SkipBad); err != nil {
			return added, err
		}
	}
	err = s.change(ctx, "adding mailboxes", func(tx Tx) error {
		added.Added, added.Known = 0, 0
		return s.addRows(tx, actor, plan, &added, options)
	})
	if err == nil && added.Added > 0 {
		s.wake()
	}
	return added, problem(batchNamed(batch), err)
}

// planRows reads a file for a batch that there is.
func (s *Service) planRows(ctx context.Context, batch string, csv io.Reader, options FileOptions) (*batchPlan, error) {
	plan := &batchPlan{spec: BatchSpec{Name: batch}}
	var used inUse
	err := s.store.View(ctx, "checking the batch", func(tx Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		if err := ask(b, tx.Now(), migration.VerbAdd); err != nil {
			return err
		}
		if plan.ends, err = endsOf(tx, b); err != nil {
			return err
		}
		used, err = readInUse(tx)
		used.but(b.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if plan.file, err = s.readFile(csv, options, plan.ends, used.row(plan.ends), nil); err != nil {
		return nil, err
	}
	return plan, notItself(plan.file, plan.ends)
}

func endsOf(tx EndpointTx, b migration.BatchRecord) (e ends, err error) {
	if e.source, err = tx.EndpointByID(b.Source); err != nil {
		return e, err
	}
	e.target, err = tx.EndpointByID(b.Target)
	return e, err
}

func (s *Service) addRows(tx Tx, actor Actor, plan *batchPlan, added *Added, options FileOptions) error {
	if err := alone(tx); err != nil {
		return err
	}
	b, err := tx.Batch(plan.spec.Name)
	if err != nil {
		return err
	}
	if err := ask(b, tx.Now(), migration.VerbAdd); err != nil {
		return err
	}
	if err := sameServers(tx, plan.ends); err != nil {
		return err
	}
	fresh, err := unknownRows(tx, b, plan.file.Rows)
	if err != nil {
		return err
	}
	added.Known = len(plan.file.Rows) - len(fresh)
	fresh = options.taken(fresh)
	added.Added, added.File.Taken = len(fresh), len(fresh)
	if options.CheckOnly || len(fresh) == 0 {
		return nil
	}
	key, err := s.keys.UnwrapKey(b.Key)
	if err != nil {
		return refused(batchNamed(b.Name), "its key can't be opened")
	}
	mailboxes := sealRows(fresh, key, plan.ends, b.Name, options.TargetPassword.Text())
	used, err := readInUse(tx)
	if err != nil {
		return err
	}
	if err := used.taken(mailboxes, plan.ends); err != nil {
		return err
	}
	for i := range mailboxes {
		mailboxes[i].Due = firstDue(b, tx.Now())
	}
	if err := tx.AddMailboxes(b, mailboxes); err != nil {
		return err
	}
	// The version of the batch tells that it is another one now.
	if err := tx.SaveBatch(&b); err != nil {
		return err
	}
	return s.record(tx, actor, BatchAdd, "batch/"+b.Name, map[string]any{"added": added.Added, "known": added.Known})
}

// unknownRows are those whose mailbox the batch does not have.
func unknownRows(tx BatchTx, b migration.BatchRecord, rows []migration.Row) ([]migration.Row, error) {
	addresses, err := tx.Addresses(b.ID)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		known[address] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(row migration.Row) bool { return known[lower(row.EmailAddress)] }), nil
}
