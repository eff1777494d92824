package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

// loadLimit is the time limit for filling a source.
const loadLimit = 5 * time.Minute

// bench is what all races share: the servers and the contenders.
type bench struct {
	opts           options
	dir            string
	source, target *dovecotrig.Server
	// plain is a target that hides MULTIAPPEND.
	plain      *dovecotrig.Server
	contenders []contender
	// skipped says which contenders are not there, and why.
	skipped []string
}

// newBench starts the servers and looks which contenders are there.
func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "mailhaul-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{opts: o, dir: dir}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// start brings up what newBench promises.
func (b *bench) start(ctx context.Context) error {
	if b.opts.mailhaul == "" {
		b.opts.mailhaul = filepath.Join(b.dir, "mailhaul")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.opts.mailhaul, "./cmd/mailhaul")
		if out, err := build.CombinedOutput(); err != nil {
			b.skipped = append(b.skipped, fmt.Sprintf("mailhaul does not build: %.200s", out))
		}
	}
	for _, s := range []struct {
		server **dovecotrig.Server
		opts   dovecotrig.Options
	}{
		{&b.source, dovecotrig.Options{}},
		{&b.target, dovecotrig.Options{}},
		{&b.plain, dovecotrig.Options{Hide: []string{"MULTIAPPEND"}}},
	} {
		server, err := dovecotrig.Start(ctx, s.opts)
		if err != nil {
			return err
		}
		*s.server = server
	}
	for _, c := range allContenders(b.opts.mailhaul) {
		if b.opts.contenders != "" && !strings.Contains(","+b.opts.contenders+",", ","+c.name+",") {
			continue
		}
		if c.missing != "" {
			b.skipped = append(b.skipped, c.name+": "+c.missing)
			continue
		}
		b.contenders = append(b.contenders, c)
	}
	return nil
}

// close stops the servers and removes all files.
func (b *bench) close() error {
	var errs []error
	for _, s := range []*dovecotrig.Server{b.source, b.target, b.plain} {
		if s != nil {
			errs = append(errs, s.Stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// loadTries is how often a user is filled: Dovecot has been seen to panic when several
// connections make folders at once.
const loadTries = 3

// load fills a user of a server and makes sure that the server has it all.
func (b *bench) load(ctx context.Context, s *dovecotrig.Server, user string, c mailgen.Corpus) error {
	ctx, cancel := context.WithTimeout(ctx, loadLimit)
	defer cancel()
	err := b.fill(ctx, s, user, c)
	for try := 1; err != nil && try < loadTries && ctx.Err() == nil; try++ {
		fmt.Printf("filling %s once more: %v\n", user, err)
		if err = b.remove(s, user); err == nil {
			err = b.fill(ctx, s, user, c)
		}
	}
	return err
}

func (b *bench) fill(ctx context.Context, s *dovecotrig.Server, user string, c mailgen.Corpus) error {
	target := mailgen.Target{Addr: s.Addr(), User: user, Password: s.Password}
	if err := mailgen.Load(ctx, target, c, mailgen.LoadOptions{}); err != nil {
		return fmt.Errorf("load %s: %w\n%s", user, err, complaints(s))
	}
	got, err := count(ctx, s, user)
	if err != nil {
		return err
	}
	if want := folderCounts(c); !maps.Equal(got, want) {
		return fmt.Errorf("after the load %s holds %v, want %v\n%s", user, got, want, complaints(s))
	}
	return nil
}

// folderCounts is the number of messages of each folder that has any.
func folderCounts(c mailgen.Corpus) map[string]int {
	counts := make(map[string]int)
	for _, m := range c.Messages {
		counts[m.Folder]++
	}
	return counts
}

// remove forgets a user and its mail.
func (b *bench) remove(s *dovecotrig.Server, user string) error {
	return os.RemoveAll(filepath.Join(s.Dir, "mail", user))
}

// line is the way to the two servers of a race: straight, or through relays.
type line struct {
	sourcePort, targetPort int
	relays                 []*relay.Relay
}

// straight is the way without relays.
func straight(source, target *dovecotrig.Server) *line {
	return &line{sourcePort: source.Port, targetPort: target.Port}
}

// relayed is the way through a relay on each side.
func relayed(source, target *dovecotrig.Server, latency time.Duration) (*line, error) {
	return relayedTo(source.Addr(), target.Addr(), latency)
}

// relayedTo is relayed between two addresses.
func relayedTo(source, target string, latency time.Duration) (*line, error) {
	l := &line{}
	for _, end := range []struct {
		addr string
		port *int
	}{{source, &l.sourcePort}, {target, &l.targetPort}} {
		r, err := relay.Listen(end.addr, relay.Options{Latency: latency})
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.relays = append(l.relays, r)
		*end.port = r.Port()
	}
	return l, nil
}

// setLatency changes the delay of both sides.
func (l *line) setLatency(d time.Duration) {
	for _, r := range l.relays {
		r.SetLatency(d)
	}
}

// turns is the number of turns so far at the source and at the target.
func (l *line) turns() [2]int64 {
	var n [2]int64
	for i, r := range l.relays {
		n[i] = r.Stats().Turns
	}
	return n
}

func (l *line) close() error {
	var errs []error
	for _, r := range l.relays {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// count returns the number of messages of each folder, as the server itself
// tells them, empty folders left out.
func count(ctx context.Context, s *dovecotrig.Server, user string) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := s.Doveadm(ctx, "-f", "tab", "mailbox", "status", "-u", user, "messages", "*")
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int)
	for i, row := range strings.Split(strings.TrimSpace(out), "\n") {
		name, number, ok := strings.Cut(row, "\t")
		if i == 0 || !ok {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("count the messages of %s: %w", user, err)
		}
		if n > 0 {
			counts[name] = n
		}
	}
	return counts, nil
}

// address is the address of a port on loopback.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
