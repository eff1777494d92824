package mailsync

import (
	"context"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Preview finds out what Run would do, and writes nothing: neither to the target
// nor to the ledger. Mail that an earlier tool brought to the target is not
// recognised yet, so ToCopy is an upper bound there.
func Preview(ctx context.Context, job Job) (Summary, error) {
	p, release := newPass(ctx, &job)
	defer release()
	l := &line{job: p.Job, meter: &p.meter}
	defer p.close(l)
	err := p.prepare(l)
	if err == nil {
		err = p.nameTargets(l)
	}
	for _, f := range p.folders {
		if err != nil {
			break
		}
		if f.stage != done {
			err = p.previewFolder(l, f)
		}
	}
	return p.summary(), err
}

// nameTargets gives the folders that the ledger remembers their names for people:
// it holds the raw ones.
func (p *pass) nameTargets(l *line) error {
	if !slices.ContainsFunc(p.folders, func(f *folder) bool { return f.record.ID != 0 }) {
		return nil
	}
	if err := l.dial(p.work, true); err != nil {
		return err
	}
	if err := p.listTargets(l); err != nil {
		return err
	}
	names := map[string]string{}
	for _, t := range p.targets {
		names[t.Raw] = t.Name
	}
	for _, f := range p.folders {
		if name, there := names[f.target]; there {
			f.pair.Target = name
		}
	}
	return nil
}

func (p *pass) previewFolder(l *line, f *folder) error {
	if err := p.recall(f); err != nil {
		return err
	}
	look := newLook(p.Job, f)
	if err := p.lookAtSource(l, f, look); err != nil {
		if migration.ClassOf(err) != migration.OneFolder {
			return err
		}
		p.giveUpFolder(f, err)
		return nil
	}
	if look.status.UIDValidity != f.record.SourceUIDValidity && f.record.ID != 0 {
		f.findings = append(f.findings, migration.Finding{Code: migration.CodeUIDValidity, Folder: f.pair.Source.Name,
			Reason: "the source folder was rebuilt; its messages will be recognised by their bytes before anything is copied"})
		f.copiedBefore = migration.UIDSet{}
	}
	if err := look.complete(p.work, l.source); err != nil {
		return onSource(err)
	}
	p.sortOut(f, look)
	f.planned = len(f.pending.entries) + len(f.singles) + len(f.doubt)
	f.plannedBytes = f.pending.bytes()
	return nil
}
