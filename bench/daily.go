package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// dailyUnit is how many passes a row of the daily pass stands for: processor seconds
// of a thousand are milliseconds of one.
const dailyUnit = 1000

// daily measures a server's daily pass over mailboxes with nothing new. The test that
// holds it to its bar does the work: two servers in memory, our side in a process of
// its own.
func daily(ctx context.Context, b *bench) (result, error) {
	res := result{
		title: "The daily pass of a server",
		intro: fmt.Sprintf("Our side's figures for %d mailboxes with nothing new, of 20 messages in 3 folders, over TLS, against two servers in memory "+
			"on the same machine: a server process with its database, sign-in, the look at the source, and the books.", dailyUnit),
	}
	test := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestLongAPassWithNothingNew", "./internal/cli")
	test.Env = append(os.Environ(), "MAILHAUL_REQUIRE_RIGS=1")
	if !b.opts.quick {
		test.Env = append(test.Env, "MAILHAUL_LONG=1")
	}
	out, err := test.CombinedOutput()
	if err != nil {
		return res, fmt.Errorf("%w\n%s", err, out)
	}
	measured := dailyLines(string(out))
	if len(measured) != 2 {
		return res, fmt.Errorf("no figures of two databases in\n%s", out)
	}
	for i, database := range []string{"SQLite", "PostgreSQL"} {
		d := measured[i]
		one := usage{wall: time.Duration(dailyUnit / d.rate * float64(time.Second)), cpu: dailyUnit * d.cpu, rss: d.rss, roundTrips: [2]int64{-1, -1}}
		label := dailyLabel(database)
		res.rows = append(res.rows, row{label: label, base: label, runs: []usage{one}})
		const most = 50_000
		res.notes = append(res.notes, fmt.Sprintf("%s, extrapolated: %d mailboxes take %.0f minutes of processor time a day, %.1f hours at the rate measured (%.0f a second, both servers on the same machine).",
			database, most, (most*d.cpu).Minutes(), most/d.rate/3600, d.rate))
	}
	return res, nil
}

func dailyLabel(database string) string { return "mailhaul on " + database }

// dailyFigures is what the test says of one database.
type dailyFigures struct {
	cpu  time.Duration
	rate float64
	rss  int64
}

var dailyLine = regexp.MustCompile(`passes with nothing new: ([0-9.]+) ms of processor time each, ([0-9]+) a second; memory [0-9]+ MiB after the second round, ([0-9]+) MiB`)

func dailyLines(out string) (all []dailyFigures) {
	for _, found := range dailyLine.FindAllStringSubmatch(out, -1) {
		cpu, _ := strconv.ParseFloat(found[1], 64)
		rate, _ := strconv.ParseFloat(found[2], 64)
		rss, _ := strconv.ParseInt(found[3], 10, 64)
		if rate > 0 {
			all = append(all, dailyFigures{time.Duration(cpu * float64(time.Millisecond)), rate, rss << 20})
		}
	}
	return all
}
