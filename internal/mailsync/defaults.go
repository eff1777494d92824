package mailsync

import (
	"context"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Defaults says which folders of a mailbox are its default ones, before marks and
// known names do. The zero value says nothing.
type Defaults struct {
	// Named are those that a person names. One that is not there is passed over.
	Named migration.DefaultFolders
	// Ask asks the server's service, once in a pass and only when folders are to be
	// paired or a rule means a use; nil asks nobody. Its finding tells why the answer
	// is missing, and the pass goes on without.
	Ask func(context.Context) (migration.DefaultFolders, *migration.Finding)
}

// asked is the answer to Defaults.Ask in a pass.
type asked struct {
	once     sync.Once
	folders  migration.DefaultFolders
	findings []migration.Finding
}

// guide gives what leads to the default folders, with what was asked.
func (d Defaults) guide(traits migration.Traits, asked migration.DefaultFolders) guide {
	return guide{named: []migration.DefaultFolders{d.Named, asked}, local: traits.Localises}
}

// ask asks the service, if there is one.
func (d Defaults) ask(ctx context.Context) (migration.DefaultFolders, *migration.Finding) {
	if d.Ask == nil {
		return nil, nil
	}
	return d.Ask(ctx)
}

// ask asks the service, once.
func (p *pass) ask(d Defaults, a *asked) migration.DefaultFolders {
	a.once.Do(func() {
		folders, finding := d.ask(p.work)
		a.folders = folders
		if finding != nil {
			a.findings = []migration.Finding{*finding}
		}
	})
	return a.folders
}

func (p *pass) sourceGuide() guide {
	return p.SourceDefaults.guide(traitsOf(&p.sourceTraits), p.ask(p.SourceDefaults, &p.sourceAsked))
}

func (p *pass) targetGuide() guide {
	return p.TargetDefaults.guide(traitsOf(&p.targetTraits), p.ask(p.TargetDefaults, &p.targetAsked))
}
