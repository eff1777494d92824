package main

import (
	"fmt"
	"math"
	"slices"
)

// bar is a goal of the project that a race can tell about.
type bar struct {
	what string
	// race is the name of the race, label the row it looks at.
	race, label string
	// measure gives the figure of the row, in its race.
	measure func(result, row) float64
	// goal is the least figure, or the most if most is true.
	goal float64
	most bool
}

// bars are all goals, in the order of the report.
func bars() []bar {
	all := []bar{
		{what: "loopback: interimap's time / ours", race: "loopback", label: "interimap", measure: ratio, goal: 1.2},
		{what: "loopback: mbsync's time / ours", race: "loopback", label: "mbsync", measure: ratio, goal: 1.8},
		{what: "loopback: imapsync's time / ours", race: "loopback", label: "imapsync", measure: ratio, goal: 4},
		{what: "loopback: the ceiling's time / ours", race: "loopback", label: "ceiling", measure: ratio, goal: 0.75},
		{what: "40 ms: interimap's time / ours", race: "latency", label: "interimap", measure: ratio, goal: 3},
		{what: "40 ms: mbsync's time / ours", race: "latency", label: "mbsync", measure: ratio, goal: 4},
		{what: "40 ms: imapsync's time / ours", race: "latency", label: "imapsync", measure: ratio, goal: 60},
		{what: "40 ms, no MULTIAPPEND: our speed / that with it", race: "nomultiappend", label: plainLabel, measure: inverse, goal: 0.7},
		{what: "40 ms, no MULTIAPPEND: our round trips per message, both sides", race: "nomultiappend", label: plainLabel, measure: tripsPerMessage, goal: 0.1, most: true},
		{what: "40 ms, Exchange Online personality: our speed / that with MULTIAPPEND to Dovecot", race: "online", label: onlineLabel, measure: inverse, goal: 0.7},
		{what: "40 ms, Exchange Online personality, throttling lifted (--target-unanswered 128): our speed / that with MULTIAPPEND to Dovecot", race: "online", label: liftedLabel, measure: inverse, goal: 0.7},
		{what: "nothing changed, 40 ms: interimap's time / ours", race: "unchanged", label: "interimap, 40 ms", measure: ratio, goal: 1},
		{what: "nothing changed: our round trips at the source, sign-in included", race: "unchanged", label: "mailhaul, 40 ms", measure: trips(0), goal: 4, most: true},
		{what: "nothing changed: our round trips at the target", race: "unchanged", label: "mailhaul, 40 ms", measure: trips(1), goal: 0, most: true},
	}
	for _, scene := range []string{manyLabel, bigLabel} {
		all = append(all, bar{what: "our memory in MB, " + scene, race: "memory", label: "mailhaul, " + scene,
			measure: func(_ result, r row) float64 { return r.rss() }, goal: 64, most: true})
	}
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		all = append(all, bar{what: "daily pass with nothing new: our processor time in ms per mailbox, " + database, race: "daily", label: dailyLabel(database),
			measure: func(_ result, r row) float64 { return r.cpu() * 1000 / dailyUnit }, goal: 10, most: true})
	}
	return all
}

// ratio is the row's time divided by that of its base.
func ratio(res result, r row) float64 {
	i := slices.IndexFunc(res.rows, func(b row) bool { return b.label == r.base && b.fault == "" })
	if i < 0 {
		return math.NaN()
	}
	return r.wall() / res.rows[i].wall()
}

func inverse(res result, r row) float64 { return 1 / ratio(res, r) }

// trips are the round trips that mailhaul counted at one side.
func trips(side int) func(result, row) float64 {
	return func(_ result, r row) float64 {
		return r.median(func(u usage) float64 { return float64(u.roundTrips[side]) })
	}
}

func tripsPerMessage(res result, r row) float64 {
	return (trips(0)(res, r) + trips(1)(res, r)) / float64(res.messages)
}

// verdict says how a bar fared; the figure is NaN when nobody measured it.
func (b bar) verdict(results []result) (figure float64, met bool) {
	for _, res := range results {
		if res.race != b.race {
			continue
		}
		for _, r := range res.rows {
			if r.label == b.label && r.fault == "" && len(r.runs) > 0 {
				figure = b.measure(res, r)
				return figure, b.most && figure <= b.goal || !b.most && figure >= b.goal
			}
		}
	}
	return math.NaN(), false
}

// writeBars writes what became of the goals.
func writeBars(line func(string, ...any), results []result) {
	line("## Goals\n")
	line("| goal | at least / at most | measured | met |")
	line("|---|---|---|---|")
	for _, b := range bars() {
		figure, met := b.verdict(results)
		sign, word := "at least", "no"
		if b.most {
			sign = "at most"
		}
		switch {
		case math.IsNaN(figure):
			word = "not measured"
		case met:
			word = "yes"
		}
		line("| %s | %s %s | %s | %s |", b.what, sign, fmt.Sprint(b.goal), number(figure, 2), word)
	}
	line("")
}
