package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// The rows of the race to Exchange Online.
const (
	onlineBase  = "mailhaul, to Dovecot with MULTIAPPEND"
	onlineLabel = "mailhaul, to the Exchange Online personality"
	// liftedLabel is a tenant for which Microsoft has lifted throttling, and mailhaul
	// knows.
	liftedLabel = onlineLabel + ", --target-unanswered 128"
)

// online compares mailhaul with itself on the way to a server in memory that behaves
// as Exchange Online does when it does not throttle. It takes as many connections
// there as it does by default.
func online(ctx context.Context, b *bench) (res result, err error) {
	corpus := b.spec(mailgen.Latency()).Corpus()
	res = result{
		title: "Round trips of 40 ms, to Exchange Online as it is imitated here",
		intro: "The target of the other rows is a server in memory with the habits of Exchange Online: LITERAL+ without MULTIAPPEND, " +
			"messages made anew, an end of the connection after ten errors, no throttling. By default at most 9 messages are unanswered there, so that it can never refuse ten: 500 messages over 8 connections then take at least 7 round trips of 40 ms. There the bytes that were sent are compared, and the dates.",
		messages: len(corpus.Messages), bytes: corpus.Bytes(),
		rows: []row{{label: onlineBase, base: onlineBase}, {label: onlineLabel, base: onlineBase}, {label: liftedLabel, base: onlineBase}},
	}
	i := slices.IndexFunc(b.contenders, func(c contender) bool { return c.name == "mailhaul" })
	if i < 0 {
		return result{title: res.title, intro: res.intro}, nil
	}
	const source = "race-online"
	if err := b.load(ctx, b.source, source, corpus); err != nil {
		return res, err
	}
	near, err := relayed(b.source, b.target, halfRound)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, near.close()) }()
	cloud, err := newCloud(b)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, cloud.close()) }()
	for n := range b.opts.runs {
		toDovecot := attempt{c: b.contenders[i], line: near, target: b.target, source: source, corpus: corpus, look: n == 0}
		res.rows[0].note(n, func() ([]usage, error) { return b.attempt(ctx, toDovecot) })
		toCloud := attempt{c: b.contenders[i], line: cloud.line, source: source, corpus: corpus}
		res.rows[1].note(n, func() ([]usage, error) { return cloud.attempt(ctx, b, toCloud) })
		toCloud.c = trusting(toCloud.c)
		res.rows[2].note(n, func() ([]usage, error) { return cloud.attempt(ctx, b, toCloud) })
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
	}
	return res, b.remove(b.source, source)
}

// trusting is the contender that was told that the target refuses nothing.
func trusting(c contender) contender {
	command := c.command
	c.command = func(j job) []string { return append(command(j), "--target-unanswered", "128") }
	return c
}

// cloud is a server in memory with the habits of Exchange Online, and the way to it.
type cloud struct {
	server *imapfake.Server
	line   *line
}

func newCloud(b *bench) (*cloud, error) {
	p := imapfake.ExchangeOnline()
	p.Append.Rewrite, p.Limits.Throttle = imapfake.RewriteHeaders, nil
	c := &cloud{server: imapfake.New(imapfake.Options{Personality: p})}
	addr, err := c.server.Listen()
	if err == nil {
		c.line, err = relayedTo(b.source.Addr(), addr, halfRound)
	}
	if err != nil {
		c.server.Close()
		return nil, err
	}
	return c, nil
}

func (c *cloud) close() error {
	err := c.line.close()
	c.server.Close()
	return err
}

// attempt lets the contender copy to a fresh mailbox and checks what has arrived.
func (c *cloud) attempt(ctx context.Context, b *bench, a attempt) (all []usage, err error) {
	dir, err := os.MkdirTemp(b.dir, a.c.name+"-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	user := filepath.Base(dir)
	box := c.server.AddUser(user, b.source.Password)
	j := job{
		dir: dir, sourcePort: a.line.sourcePort, targetPort: a.line.targetPort,
		sourceUser: a.source, targetUser: user, password: b.source.Password, corpus: a.corpus,
	}
	if err := a.c.prepare(j); err != nil {
		return nil, err
	}
	before := a.line.turns()
	u, err := a.c.run(ctx, j)
	if err != nil {
		return nil, err
	}
	after := a.line.turns()
	u.turns = [2]int64{after[0] - before[0], after[1] - before[1]}
	u.altered = "0"
	defer empty(box) // the memory is that of this process
	return []usage{u}, same(a.corpus, box)
}

// empty takes all messages out of a mailbox.
func empty(box *imapfake.Mailbox) {
	for _, name := range box.Folders() {
		for _, m := range box.Messages(name) {
			_ = box.Expunge(name, m.UID) // the folder is there
		}
	}
}

// same is an error unless a mailbox was given the messages of a corpus, each once, with
// its date.
func same(c mailgen.Corpus, box *imapfake.Mailbox) error {
	type print struct {
		sum  [sha256.Size]byte
		date int64
	}
	counts := map[print]int{}
	for _, m := range c.Messages {
		counts[print{sha256.Sum256(m.Body), m.Date.Unix()}]++
	}
	for _, name := range box.Folders() {
		for _, m := range box.Messages(name) {
			counts[print{sha256.Sum256(m.Appended), m.Date.Unix()}]--
		}
	}
	lost, more := 0, 0
	for _, n := range counts {
		lost, more = lost+max(0, n), more+max(0, -n)
	}
	if lost+more > 0 {
		return fmt.Errorf("%d messages are missing in the mailbox and %d are none of the source", lost, more)
	}
	return nil
}
