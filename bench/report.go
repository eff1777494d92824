package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
)

// median returns the middle one of the values, or the mean of the two middle ones.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// wall, cpu and rss are the medians of a row, in seconds and MB.
func (r row) wall() float64 { return r.median(func(u usage) float64 { return u.wall.Seconds() }) }
func (r row) cpu() float64  { return r.median(func(u usage) float64 { return u.cpu.Seconds() }) }
func (r row) rss() float64 {
	return r.median(func(u usage) float64 { return float64(u.rss) / (1 << 20) })
}

func (r row) median(of func(usage) float64) float64 {
	values := make([]float64, len(r.runs))
	for i, u := range r.runs {
		values[i] = of(u)
	}
	return median(values)
}

// spread is the fastest and the slowest run.
func (r row) spread() string {
	if len(r.runs) == 0 {
		return "-"
	}
	lo, hi := r.runs[0].wall, r.runs[0].wall
	for _, u := range r.runs {
		lo, hi = min(lo, u.wall), max(hi, u.wall)
	}
	return fmt.Sprintf("%.2f-%.2f", lo.Seconds(), hi.Seconds())
}

// report writes the results as a page of Markdown.
func report(ctx context.Context, b *bench, o options, results []result) string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("# Benchmarks\n")
	line("Written by `go run ./bench` on %s. Do not edit; run it again.\n", o.date)
	if o.quick {
		line("**A quick look with a tenth of the mail and one run each: the numbers prove nothing.**\n")
	}
	writeBars(line, results)
	writeMethod(ctx, line, b, o)
	for _, res := range results {
		writeResult(line, res)
	}
	return s.String()
}

// writeMethod tells the machine, the versions and how it was measured.
func writeMethod(ctx context.Context, line func(string, ...any), b *bench, o options) {
	line("## Method\n")
	line("- Machine: %s, %d processors, %s; load before the start not controlled.", cpuModel(), runtime.NumCPU(), kernel())
	line("- Clients and servers share the machine: processor time that one side saves is the other's gain.")
	line("- Servers: two Dovecot %s on loopback with the same settings, mdbox, mail not synced to disk.", version(ctx, "dovecot", "--version"))
	line("- Versions: %s; interimap %s; offlineimap %s; %s.", version(ctx, "mbsync", "--version"),
		interimapVersion(ctx), version(ctx, "offlineimap", "--version"), runtime.Version())
	line("- Runs of each contender: %d, in turns, each to a fresh target user; times are medians with the fastest and the slowest run.", o.runs)
	line("- After each run the messages of each folder are counted on both servers; whoever lost or doubled one is out.")
	line("- After its first run the copy is also read with Python's imaplib and compared message by message: hash of the bytes, date, flags and keywords.")
	line("- Everything goes in the clear, without TLS and without COMPRESS, for every contender.")
	line("- Memory is the greatest resident set that GNU time reports; the ceiling and its half run inside the bench and have none.")
	line("- A ratio is the contender's median divided by that of mailhaul: 2.00 means twice as long.")
	line("- The mail is generated: sizes are log-normal, attachments hardly compress. Real servers throttle, real lines lose packets; neither is measured here.")
	line("\nContenders:\n")
	for _, c := range b.contenders {
		line("- %s: %s.", c.name, c.note)
	}
	for _, text := range b.skipped {
		line("- Not measured: %s.", text)
	}
	line("")
}

// interimapVersion cuts the version out of what interimap says.
func interimapVersion(ctx context.Context) string {
	fields := strings.Fields(version(ctx, "interimap", "--version"))
	if len(fields) == 0 {
		return "unknown"
	}
	return fields[len(fields)-1]
}

// writeResult writes one race as a table.
func writeResult(line func(string, ...any), res result) {
	line("## %s\n", res.title)
	line("%s", res.intro)
	if res.messages > 0 {
		line("%d messages, %.1f MB in all.", res.messages, float64(res.bytes)/(1<<20))
	}
	line("\n| contender | s | fastest-slowest | ratio | messages/s | MB/s | processor s | memory MB | turns source+target | own count | differing messages |")
	line("|---|---|---|---|---|---|---|---|---|---|---|")
	base := func(label string) float64 {
		if i := slices.IndexFunc(res.rows, func(r row) bool { return r.label == label && r.fault == "" }); i >= 0 {
			return res.rows[i].wall()
		}
		return math.NaN()
	}
	for _, r := range res.rows {
		if r.fault != "" {
			first, _, _ := strings.Cut(r.fault, "\n")
			line("| %s | out: %s | | | | | | | | | |", r.label, strings.ReplaceAll(first, "|", "/"))
			continue
		}
		line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", r.label, number(r.wall(), 3), r.spread(),
			number(r.wall()/base(r.base), 2), rate(float64(res.messages), r.wall()),
			rate(float64(res.bytes)/(1<<20), r.wall()), positive(r.cpu(), 2), positive(r.rss(), 0), r.turns(), r.own(), cmp.Or(r.altered, "-"))
	}
	line("")
	for _, n := range res.notes {
		line("- %s", n)
	}
}

// turns are the medians of the relays' turns.
func (r row) turns() string {
	source := r.median(func(u usage) float64 { return float64(u.turns[0]) })
	target := r.median(func(u usage) float64 { return float64(u.turns[1]) })
	if math.IsNaN(source) || source+target == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f+%.0f", source, target)
}

// own are the medians of the round trips that mailhaul counted itself.
func (r row) own() string {
	source := r.median(func(u usage) float64 { return float64(u.roundTrips[0]) })
	target := r.median(func(u usage) float64 { return float64(u.roundTrips[1]) })
	if math.IsNaN(source) || source < 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f+%.0f", source, target)
}

// number writes a value, or a dash where there is none.
func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// positive writes a value that is unknown when it is 0.
func positive(v float64, digits int) string {
	if v <= 0 {
		return "-"
	}
	return number(v, digits)
}

// rate writes an amount per second; there is none where the amount is 0.
func rate(amount, seconds float64) string { return positive(amount/seconds, 0) }

// cpuModel is the processor's name.
func cpuModel() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for text := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kernel is the name and release of the kernel.
func kernel() string {
	data, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(data))
}
