// Command bench lets mailhaul and other tools copy the same mail between the
// same two servers and writes what each needed.
//
//	go run ./bench [-only loopback,latency] [-runs 5] [-out BENCHMARKS.md] [-quick]
//
// It starts Dovecot servers on loopback, fills the source with generated mail and
// lets every contender copy it to a fresh target user, in turns (A B C A B C), so
// that a busy minute of the machine hits all alike. After each run it counts the
// messages folder by folder; a contender that lost one is out. What is compared
// is medians of one run of the command on one machine: ratios carry over to other
// machines, seconds do not.
//
// The ceiling is no tool: it fetches everything from the source and throws it
// away, while it appends the same bytes from memory, and keeps no record. Nothing
// that copies can be faster by much between these servers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options is the command line.
type options struct {
	only       string
	contenders string
	runs       int
	out        string
	quick      bool
	mailhaul   string
	date       string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run parses the command line, runs the races and writes the report.
func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "only", "", "races to run, with commas: "+strings.Join(raceNames(), ","))
	flags.StringVar(&o.contenders, "contenders", "", "contenders to run, with commas; empty means all")
	flags.IntVar(&o.runs, "runs", 5, "runs of each contender; the median counts")
	flags.StringVar(&o.out, "out", "", "file to write the report to as well")
	flags.BoolVar(&o.quick, "quick", false, "a tenth of the mail and one run, to see that everything works")
	flags.StringVar(&o.mailhaul, "mailhaul", "", "mailhaul binary; empty means to build it")
	flags.StringVar(&o.date, "date", time.Now().Format(time.DateOnly), "date in the report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.runs = 1
	}
	chosen, err := chooseRaces(o.only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	var results []result
	for _, r := range chosen {
		fmt.Fprintf(os.Stderr, "== %s\n", r.name)
		res, raceErr := r.run(ctx, b)
		if raceErr != nil {
			err = fmt.Errorf("race %s: %w", r.name, raceErr)
			break
		}
		res.race = r.name
		results = append(results, res)
	}
	if err = errors.Join(err, b.close()); err != nil {
		return err
	}
	text := report(ctx, b, o, results)
	fmt.Print(text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o644)
}

// chooseRaces returns the races named in a list with commas, or all.
func chooseRaces(only string) ([]race, error) {
	if only == "" {
		return races(), nil
	}
	var chosen []race
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(races(), func(r race) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown race %q; there are %s", name, strings.Join(raceNames(), ", "))
		}
		chosen = append(chosen, races()[i])
	}
	return chosen, nil
}

// raceNames returns the names of all races.
func raceNames() []string {
	var names []string
	for _, r := range races() {
		names = append(names, r.name)
	}
	return names
}
