package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

// halfRound is the latency in each direction of a line with 40 ms round trips.
const halfRound = 20 * time.Millisecond

// race is one comparison.
type race struct {
	name string
	run  func(context.Context, *bench) (result, error)
}

// result is what a race found.
type result struct {
	// race is the race's name.
	race         string
	title, intro string
	// messages and bytes are the mail of one run; 0 where it does not matter.
	messages int
	bytes    int64
	rows     []row
	notes    []string
}

// row is one contender's runs in one situation.
type row struct {
	label string
	// base is the label of the row that ratios are relative to.
	base string
	runs []usage
	// altered says how many messages differ from the source; "" means that nobody
	// looked.
	altered string
	// fault says why the contender is out; its runs do not count.
	fault string
}

// races returns all races in the order of the report.
func races() []race {
	return []race{
		{"loopback", func(ctx context.Context, b *bench) (result, error) {
			return b.copyRace(ctx, "Loopback, no latency", "Straight to the servers.", b.spec(mailgen.Loopback()), nil)
		}},
		{"latency", func(ctx context.Context, b *bench) (result, error) {
			l, err := relayed(b.source, b.target, halfRound)
			if err != nil {
				return result{}, err
			}
			res, err := b.copyRace(ctx, "Round trips of 40 ms on both sides",
				"Relays delay both sides and limit no throughput.", b.spec(mailgen.Latency()), l)
			return res, errors.Join(err, l.close())
		}},
		{"nomultiappend", noMultiappend},
		{"online", online},
		{"unchanged", unchanged},
		{"memory", memory},
		{"daily", daily},
	}
}

// spec is the mail of a race, less of it for a quick look.
func (b *bench) spec(s mailgen.Spec) mailgen.Spec {
	if b.opts.quick {
		s.Messages, s.Bytes = s.Messages/10, s.Bytes/10
	}
	return s
}

// copyRace lets all contenders copy a corpus in turns. A nil line is straight.
func (b *bench) copyRace(ctx context.Context, title, intro string, spec mailgen.Spec, l *line) (result, error) {
	if l == nil {
		l = straight(b.source, b.target)
	}
	corpus := spec.Corpus()
	res := result{title: title, intro: intro, messages: len(corpus.Messages), bytes: corpus.Bytes()}
	source := "race-" + fmt.Sprint(spec.Seed)
	if err := b.load(ctx, b.source, source, corpus); err != nil {
		return res, err
	}
	var tries []attempt
	for _, c := range b.contenders {
		res.rows = append(res.rows, row{label: c.name, base: "mailhaul"})
		tries = append(tries, attempt{c: c, line: l, target: b.target, source: source, corpus: corpus})
	}
	if err := b.inTurns(ctx, res.rows, tries); err != nil {
		return res, err
	}
	return res, b.remove(b.source, source)
}

// inTurns runs the first attempt once, then the second, and so on, and then all
// of them again, and notes the runs in the rows of the same place. One that fails
// is out for the rest of the race.
func (b *bench) inTurns(ctx context.Context, rows []row, tries []attempt) error {
	for n := range b.opts.runs {
		for i, a := range tries {
			a.look = n == 0
			rows[i].note(n, func() ([]usage, error) { return b.attempt(ctx, a) })
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// note makes the n-th run of a row, unless an earlier one has failed.
func (r *row) note(n int, run func() ([]usage, error)) {
	if r.fault != "" {
		return
	}
	u, err := run()
	progress(n, r.label, u, err)
	if err != nil {
		r.fault = err.Error()
		return
	}
	r.runs = append(r.runs, u[0])
	r.altered = cmp.Or(r.altered, u[0].altered)
}

// progress tells the person who waits.
func progress(n int, name string, u []usage, err error) {
	for _, one := range u {
		fmt.Fprintf(os.Stderr, "run %d  %-12s %8.3f s  cpu %7.3f s  rss %4d MB  turns %d\n",
			n+1, name, one.wall.Seconds(), one.cpu.Seconds(), one.rss>>20, one.turns)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "run %d  %-12s OUT: %v\n", n+1, name, err)
	}
}

// attempt is one copy by one contender to a fresh user, and what follows it.
type attempt struct {
	c      contender
	line   *line
	target *dovecotrig.Server
	source string
	corpus mailgen.Corpus
	// look compares every message with the source after the copy.
	look bool
	// again are the latencies of further runs of the same job, each with nothing
	// changed; the relays must be there.
	again []time.Duration
}

// attempt runs the contender in a fresh directory for a fresh target user,
// checks that every message arrived, and cleans up. The first usage is the
// copy's, the others are those of the further runs.
func (b *bench) attempt(ctx context.Context, a attempt) (all []usage, err error) {
	dir, err := os.MkdirTemp(b.dir, a.c.name+"-")
	if err != nil {
		return nil, err
	}
	user := filepath.Base(dir)
	j := job{
		dir: dir, sourcePort: a.line.sourcePort, targetPort: a.line.targetPort,
		sourceUser: a.source, targetUser: user, password: b.source.Password, corpus: a.corpus,
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), b.remove(a.target, user)) }()
	if err := a.c.prepare(j); err != nil {
		return nil, err
	}
	for i := range len(a.again) + 1 {
		if i > 0 {
			a.line.setLatency(a.again[i-1])
		}
		before := a.line.turns()
		u, err := a.c.run(ctx, j)
		if err != nil {
			return all, fmt.Errorf("%w\n%s", err, complaints(a.target))
		}
		after := a.line.turns()
		u.turns = [2]int64{after[0] - before[0], after[1] - before[1]}
		all = append(all, u)
		if err := b.check(ctx, a, user); err != nil {
			return all, err
		}
	}
	if a.look {
		all[0].altered, err = b.compare(ctx, a, user)
	}
	return all, err
}

// complaints are the lines of a server's log that tell of something wrong.
func complaints(s *dovecotrig.Server) string {
	var lines []string
	for text := range strings.Lines(s.Log()) {
		if !strings.Contains(text, "Info: ") {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "")
}

// check compares the numbers of messages, folder by folder, on both sides with
// those of the corpus.
func (b *bench) check(ctx context.Context, a attempt, user string) error {
	want := folderCounts(a.corpus)
	for _, side := range []struct {
		name   string
		server *dovecotrig.Server
		user   string
	}{{"source", b.source, a.source}, {"target", a.target, user}} {
		got, err := count(ctx, side.server, side.user)
		if err != nil {
			return err
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("the %s holds %v, want %v\n%s", side.name, got, want, complaints(side.server))
		}
	}
	return nil
}
