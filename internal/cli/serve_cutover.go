package cli

import (
	"context"
	"errors"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/notify"
)

// lookForDue is how often a node asks whether a domain is to be looked at.
const lookForDue = time.Minute

// looker asks the resolvers of --dns, or else the system's; nil without any. The servers
// of zones, whose addresses strangers write, are reached as the policy allows.
func (f *serveFlags) looker(policy control.DialPolicy) (control.Looker, error) {
	resolvers := []string{}
	for _, text := range f.resolvers {
		at, err := cutover.ParseResolver(text)
		if err != nil {
			return nil, usageError("dns: %w", err)
		}
		resolvers = append(resolvers, at)
	}
	if len(resolvers) == 0 {
		var err error
		if resolvers, err = cutover.SystemResolvers("/etc/resolv.conf"); err != nil {
			return nil, nil //nolint:nilerr // a server that looks up no domains needs none; who asks is told
		}
	}
	asker, err := cutover.NewAsker(cutover.Options{Resolvers: resolvers, Dial: policy.Dial})
	if err != nil {
		return nil, usageError("dns: %w", err)
	}
	return asker, nil
}

var _ control.Looker = (*cutover.Asker)(nil)

// watchDomains looks at the domains that are due until the context ends.
func (s *server) watchDomains(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = s.service.LookDue(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("a domain was not looked at", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// cutoverNews makes the notices for who has set the watch, if there is such an operator
// still, and those it names.
func (s *server) cutoverNews(tx control.Tx, news control.CutoverNews) ([]migration.Notice, error) {
	composer, err := s.composer(tx)
	if err != nil {
		return nil, err
	}
	to := news.Record.Notify
	creator, err := tx.Operator(news.Record.CreatedBy)
	switch {
	case err == nil && creator.Email != "":
		to = append([]string{creator.Email}, to...)
	case err != nil && !errors.Is(err, migration.ErrNotFound):
		return nil, err
	}
	event := notify.CutoverEvent{Domain: news.Record.Domain, At: tx.Now(), Former: news.Former, State: news.Record.State,
		Version: news.Record.Version, Created: news.Record.Created, SafeAt: news.Verdict.Clock.SafeAt}
	for _, f := range news.Verdict.Findings {
		event.Sentences = append(event.Sentences, notify.Advised{Sentence: f.Sentence, Advice: f.Advice})
	}
	return composer.ComposeCutover(event, to), nil
}
