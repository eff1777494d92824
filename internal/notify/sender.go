package notify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Store has the notices. Its times are of one clock.
type Store interface {
	// Take gives the first due notice, with Due put off by within, and counts
	// its try; false when none is due.
	Take(ctx context.Context, within time.Duration) (migration.Notice, bool, error)
	// Sent notes that it was sent.
	Sent(ctx context.Context, id int64) error
	// Failed notes why not, and when to try again; zero is never.
	Failed(ctx context.Context, id int64, trouble string, again time.Time) error
}

// Reports makes reports.
type Reports interface {
	// Report gives the report of a batch as it is now; false when there is no
	// such batch any more.
	Report(ctx context.Context, batch int64) (report.Batch, bool, error)
	// Handover gives that of a mailbox as it is now; false when there is no such
	// mailbox any more.
	Handover(ctx context.Context, batch int64, address string) (report.Handover, bool, error)
}

// Observer is told what becomes of notices: "sent", "failed" (and tried again) or
// "given-up".
type Observer interface{ Notice(kind, outcome string) }

// Options are what a Sender needs. Store and Reports must be there.
type Options struct {
	Store   Store
	Reports Reports
	// Mail gives the server that mail goes through just now; nil, or a server that is
	// nil, is none. It is asked for each mail, so that a change counts at once.
	Mail func(context.Context) (*MailServer, error)
	// Webhook is who is told; nil is nobody. What cannot be sent is tried again later.
	Webhook *Hook
	// Log gets what went wrong; nil is nobody.
	Log *slog.Logger
	// Observer may be nil.
	Observer Observer
	// Every is how often due notices are looked for; 0 is 5 s.
	Every time.Duration
	// Within is how long a node has for a notice before another one takes it;
	// 0 is 5 min.
	Within time.Duration
}

// The pauses between tries, and how long there are tries.
const (
	firstPause = time.Minute
	lastPause  = time.Hour
	giveUp     = 24 * time.Hour
)

// Sender sends notices.
type Sender struct {
	o    Options
	wake chan struct{}
}

// New makes a sender, or says what is wrong with the webhook.
func New(o Options) (*Sender, error) {
	o.Every, o.Within = cmp.Or(o.Every, 5*time.Second), cmp.Or(o.Within, 5*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Mail == nil {
		o.Mail = func(context.Context) (*MailServer, error) { return nil, nil }
	}
	if o.Webhook != nil {
		if err := o.Webhook.Check(); err != nil {
			return nil, fmt.Errorf("webhook: %w", err)
		}
	}
	return &Sender{o, make(chan struct{}, 1)}, nil
}

// Wake has due notices looked for at once.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until the context ends. A sending under way then goes on
// to its end, which takes no longer than Within.
func (s *Sender) Run(ctx context.Context) error {
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = s.sendOne(ctx); err != nil && ctx.Err() == nil {
				s.o.Log.Error("taking a notice", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// sendOne takes a notice and sends it; false when none was due.
func (s *Sender) sendOne(ctx context.Context) (bool, error) {
	n, found, err := s.o.Store.Take(ctx, s.o.Within)
	if err != nil || !found {
		return false, err
	}
	// The node has until Within: after that another one may take it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Within)
	defer cancel()
	err = s.deliver(ctx, n)
	log := s.o.Log.With("notice", n.ID, "batch", n.BatchName, "kind", n.Kind, "try", n.Tries)
	if err == nil {
		s.observe(n, "sent")
		log.Info("notice sent")
		return true, s.note(ctx, func() error { return s.o.Store.Sent(ctx, n.ID) })
	}
	trouble, again := trouble(err), s.again(n)
	if errors.Is(err, errGone) {
		again = time.Time{}
	}
	if again.IsZero() {
		s.observe(n, "given-up")
		log.Error("notice given up", "error", trouble)
	} else {
		s.observe(n, "failed")
		log.Warn("notice not sent", "error", trouble, "again", again)
	}
	return true, s.note(ctx, func() error { return s.o.Store.Failed(ctx, n.ID, trouble, again) })
}

// note tries some times to write down what became of a notice: without it, the
// notice would be sent once more.
func (s *Sender) note(ctx context.Context, write func() error) error {
	err := write()
	for pause := 100 * time.Millisecond; err != nil && pause < 10*time.Second; pause *= 2 {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			err = write()
		}
	}
	return err
}

// deliver sends to who is named; a notice of Compose names one. Its errors hold no
// secret.
func (s *Sender) deliver(ctx context.Context, n migration.Notice) error {
	// What is left of the time is for writing down what became of it.
	ctx, cancel := context.WithTimeout(ctx, s.o.Within*3/4)
	defer cancel()
	f, err := factsOf(n)
	if err != nil {
		return err
	}
	if slices.Contains(n.Recipients, Webhook) {
		return s.call(ctx, n, f)
	}
	server, err := s.o.Mail(ctx)
	if err != nil {
		return err
	}
	if server == nil {
		return errors.New("no mail server is set up on this server")
	}
	parts, err := s.contents(ctx, n, f)
	if err != nil {
		return err
	}
	return withoutSecret(server.send(ctx, n, f, parts), server.Password)
}

// call tells the webhook.
func (s *Sender) call(ctx context.Context, n migration.Notice, f facts) error {
	if s.o.Webhook == nil {
		return errors.New("no webhook is set up on this server")
	}
	parts, err := s.parts(ctx, n, f, false)
	if err != nil {
		return err
	}
	return withoutSecret(s.o.Webhook.post(ctx, n, f, parts), s.o.Webhook.Secret)
}

// parts are what a notice is made of. Without a report there is only text.
type parts struct {
	text               string
	html               []byte
	statistics, errors []byte // empty when they are too large
	total              *report.BatchTotal
}

// errGone says that there is nothing to send any more, and will not be.
var errGone = errors.New("the mailbox is not in its batch any more")

// contents are what a mail is made of.
func (s *Sender) contents(ctx context.Context, n migration.Notice, f facts) (parts, error) {
	if n.Kind != Handover {
		return s.parts(ctx, n, f, true)
	}
	handover, found, err := s.o.Reports.Handover(ctx, n.Batch, f.Mailbox)
	if err == nil && !found {
		return parts{}, errGone
	}
	var text, html bytes.Buffer
	if err == nil {
		handover.Contact = f.Contact
		err = handover.Letter(&text, &html)
	}
	if err != nil {
		return parts{}, fmt.Errorf("making the hand-over: %w", err)
	}
	return parts{text: text.String(), html: html.Bytes()}, nil
}

// mostAttached is how many bytes of a CSV file go with a mail.
const mostAttached = 5 << 20

func (s *Sender) parts(ctx context.Context, n migration.Notice, f facts, files bool) (p parts, err error) {
	if n.Kind == Cutover {
		p.text, err = cutoverLetter(n)
		return p, err
	}
	batch, found, err := s.o.Reports.Report(ctx, n.Batch)
	if err != nil {
		return p, fmt.Errorf("making the report: %w", err)
	}
	if !found {
		p.text = letter(n, f, nil) + "\nThe batch has been deleted since, so there is no report.\n"
		return p, nil
	}
	statistics, faults, html := limited{most: mostAttached}, limited{most: mostAttached}, limited{most: mostAttached}
	var wanted report.BatchFiles
	if files {
		wanted = report.BatchFiles{Statistics: &statistics, Errors: &faults, Letter: &html}
	}
	total, err := batch.Write(wanted)
	if err != nil {
		return p, fmt.Errorf("making the report: %w", err)
	}
	p = parts{text: letter(n, f, &total), html: html.bytes, statistics: statistics.bytes, errors: faults.bytes, total: &total}
	switch {
	case !files:
	case statistics.over || faults.over || len(statistics.bytes)+len(faults.bytes) > mostAttached:
		p.statistics, p.errors = nil, nil
		p.text += fmt.Sprintf("\n%s and %s are too large to be attached; `mailhaul report` gets them from the server.\n", report.StatisticsFile, report.ErrorsFile)
	default:
		p.text += fmt.Sprintf("\nAttached: %s has a row for each mailbox, %s one for each thing that did not arrive.\n", report.StatisticsFile, report.ErrorsFile)
	}
	return p, nil
}

// limited keeps what is written, or nothing when it becomes too much.
type limited struct {
	bytes []byte
	most  int
	over  bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.over = l.over || len(l.bytes)+len(p) > l.most; l.over {
		l.bytes = nil
		return len(p), nil
	}
	l.bytes = append(l.bytes, p...)
	return len(p), nil
}

// cleanError is an error without the secret that a server has repeated.
type cleanError struct {
	text string
	err  error
}

func (e *cleanError) Error() string { return e.text }
func (e *cleanError) Unwrap() error { return e.err }

// withoutSecret is the error in a form that can be kept: servers may repeat what they
// were told.
func withoutSecret(err error, value secret.Text) error {
	if err == nil {
		return nil
	}
	return &cleanError{secret.NewScrubber(value.Reveal()).Scrub(migration.SafeText(err.Error())), err}
}

// trouble is an error as it is kept.
func trouble(err error) string {
	if err == nil {
		return ""
	}
	return line(migration.SafeText(err.Error()))
}

// again is when to try again, by the clock of the store; zero is never.
func (s *Sender) again(n migration.Notice) time.Time {
	taken := n.Due.Add(-s.o.Within)
	if taken.Sub(n.Created) >= giveUp {
		return time.Time{}
	}
	pause := firstPause
	for i := 1; i < n.Tries && pause < lastPause; i++ {
		pause *= 2
	}
	return taken.Add(min(pause, lastPause))
}

func (s *Sender) observe(n migration.Notice, outcome string) {
	if s.o.Observer != nil {
		s.o.Observer.Notice(n.Kind, outcome)
	}
}
