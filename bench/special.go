package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

// noMultiappend compares mailhaul with itself on a target that hides MULTIAPPEND,
// with mbsync, which never uses it, for scale.
func noMultiappend(ctx context.Context, b *bench) (res result, err error) {
	corpus := b.spec(mailgen.Latency()).Corpus()
	res = result{
		title: "Round trips of 40 ms, the target without MULTIAPPEND",
		intro: "As before, but the target does not announce MULTIAPPEND. mbsync never uses it and is here for scale.",

		messages: len(corpus.Messages), bytes: corpus.Bytes(),
	}
	const source, base = "race-nomultiappend", "mailhaul, MULTIAPPEND"
	if err := b.load(ctx, b.source, source, corpus); err != nil {
		return res, err
	}
	var tries []attempt
	for _, try := range []struct {
		name, label string
		target      *dovecotrig.Server
	}{
		{"mailhaul", base, b.target},
		{"mailhaul", plainLabel, b.plain},
		{"mbsync", "mbsync", b.plain},
	} {
		i := slices.IndexFunc(b.contenders, func(c contender) bool { return c.name == try.name })
		if i < 0 {
			continue
		}
		l, err := relayed(b.source, try.target, halfRound)
		if err != nil {
			return res, err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		tries = append(tries, attempt{c: b.contenders[i], line: l, target: try.target, source: source, corpus: corpus})
		res.rows = append(res.rows, row{label: try.label, base: base})
	}
	if err := b.inTurns(ctx, res.rows, tries); err != nil {
		return res, err
	}
	return res, b.remove(b.source, source)
}

// unchanged copies once and then measures passes in which nothing is new, without
// latency and with 40 ms.
func unchanged(ctx context.Context, b *bench) (res result, err error) {
	corpus := b.spec(mailgen.Loopback()).Corpus()
	res = result{
		title: "Nothing changed",
		intro: fmt.Sprintf("A second and a third pass after a complete copy of %d messages in %d folders. "+
			"Turns are counted by the relays: the client's writes that follow the server's data, "+
			"at the source and at the target, all connections together, sign-in included.",
			len(corpus.Messages), len(corpus.Folders)),
	}
	const source = "race-unchanged"
	if err := b.load(ctx, b.source, source, corpus); err != nil {
		return res, err
	}
	l, err := relayed(b.source, b.target, 0)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	var players []contender
	for _, c := range b.contenders {
		if c.command == nil {
			continue // Ceilings have no second pass.
		}
		players = append(players, c)
		res.rows = append(res.rows, row{label: c.name + ", 0 ms", base: "mailhaul, 0 ms"},
			row{label: c.name + ", 40 ms", base: "mailhaul, 40 ms"})
	}
	for n := range b.opts.runs {
		for i, c := range players {
			if res.rows[2*i].fault != "" {
				continue
			}
			l.setLatency(0)
			a := attempt{c: c, line: l, target: b.target, source: source, corpus: corpus, again: []time.Duration{0, halfRound}}
			u, err := b.attempt(ctx, a)
			if ctx.Err() != nil {
				return res, context.Cause(ctx)
			}
			progress(n, c.name, u, err)
			if err != nil {
				res.rows[2*i].fault, res.rows[2*i+1].fault = err.Error(), err.Error()
				continue
			}
			res.rows[2*i].runs = append(res.rows[2*i].runs, u[1])
			res.rows[2*i+1].runs = append(res.rows[2*i+1].runs, u[2])
		}
	}
	return res, b.remove(b.source, source)
}

// plainLabel is the row of the target without MULTIAPPEND; manyLabel and bigLabel
// are the scenes of the memory race.
const (
	plainLabel = "mailhaul, no MULTIAPPEND"
	manyLabel  = "a folder of 100,000 messages"
	bigLabel   = "a message of 150 MB"
)

// memory measures the greatest resident memory of every contender's process on a
// folder of very many messages and on one very big message.
func memory(ctx context.Context, b *bench) (result, error) {
	res := result{
		title: "Memory",
		intro: "The greatest resident memory of the contender's process, copying straight on loopback; one run each.",
	}
	many, big := 100_000, 150_000_000
	if b.opts.quick {
		many, big = many/20, big/10
	}
	folder := mailgen.Spec{Seed: 5, Messages: many, Bytes: int64(many) * 1000}.Corpus()
	huge := mailgen.Corpus{Folders: []string{"INBOX"}, Messages: []mailgen.Message{mailgen.Giant(6, big)}}
	for _, scene := range []struct {
		label  string
		corpus mailgen.Corpus
		all    bool
	}{
		{manyLabel, folder, false},
		{bigLabel, huge, true},
	} {
		source := "race-memory"
		if err := b.load(ctx, b.source, source, scene.corpus); err != nil {
			return res, err
		}
		for _, c := range b.contenders {
			// Nobody waits an hour for a contender that takes 4 round trips a message.
			if c.command == nil || !scene.all && (c.name == "offlineimap" || c.name == "imapsync") {
				continue
			}
			one := row{label: c.name + ", " + scene.label, base: "mailhaul, " + scene.label}
			u, err := b.attempt(ctx, attempt{
				c: c, line: straight(b.source, b.target), target: b.target, source: source, corpus: scene.corpus,
			})
			progress(0, one.label, u, err)
			if err != nil {
				one.fault = err.Error()
			}
			one.runs = u
			res.rows = append(res.rows, one)
		}
		if err := b.remove(b.source, source); err != nil {
			return res, err
		}
	}
	return res, nil
}

// roundTrips reads what mailhaul counted from its JSON summary.
func roundTrips(out []byte) [2]int64 {
	var summary struct {
		Total struct {
			RoundTrips *struct {
				Source int64 `json:"source"`
				Target int64 `json:"target"`
			} `json:"roundTrips"`
		} `json:"total"`
	}
	if err := json.Unmarshal(out, &summary); err != nil || summary.Total.RoundTrips == nil {
		return [2]int64{-1, -1}
	}
	return [2]int64{summary.Total.RoundTrips.Source, summary.Total.RoundTrips.Target}
}
