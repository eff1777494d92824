package mailsync

import (
	"context"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// dialTraits has every dialling note what makes of servers there are; what the target
// was measured to keep goes before what its make suggests.
func (p *pass) dialTraits() {
	source, target := p.Source, p.Target
	p.Source = func(ctx context.Context) (Session, error) {
		session, err := source(ctx)
		if err == nil {
			traits := session.Profile().Traits
			p.sourceTraits.Store(&traits)
		}
		return session, err
	}
	p.Target = func(ctx context.Context) (Target, error) {
		session, err := target(ctx)
		if err == nil {
			traits := p.Calibration.Over(session.Profile().Traits)
			p.targetTraits.Store(&traits)
		}
		return session, err
	}
}

// traits are those of the target, as far as it was asked yet.
func (p *pass) traits() migration.Traits { return traitsOf(&p.targetTraits) }

func traitsOf(side *atomic.Pointer[migration.Traits]) migration.Traits {
	if traits := side.Load(); traits != nil {
		return *traits
	}
	return migration.Traits{}
}
