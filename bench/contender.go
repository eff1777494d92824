package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mailhaul/mailhaul/bench/mailgen"
)

// job is one mailbox for one contender to copy.
type job struct {
	// dir is the contender's own, for its configuration and its state.
	dir                    string
	sourcePort, targetPort int
	sourceUser, targetUser string
	password               string
	// corpus is what the source holds; only the ceiling may look.
	corpus mailgen.Corpus
}

// contender is one way to copy a mailbox.
type contender struct {
	name string
	// missing says why the contender cannot take part; "" means that it can.
	missing string
	// note tells a reader of the report what was configured.
	note string
	// prepare writes the configuration into job.dir.
	prepare func(job) error
	// command returns the program and its arguments.
	command func(job) []string
	// inside copies within this process; used where command is nil.
	inside func(context.Context, job) error
}

// usage is what one run needed.
type usage struct {
	wall, cpu time.Duration
	// rss is the greatest resident memory in bytes; 0 where it is unknown.
	rss int64
	// turns are those of the relays at source and target.
	turns [2]int64
	// roundTrips is what mailhaul counted itself, source and target; -1 where
	// nothing was told.
	roundTrips [2]int64
	// altered is what compare said about the copy.
	altered string
}

// runLimit is the time limit of one run of one contender.
const runLimit = 15 * time.Minute

// run lets the contender copy and measures it.
func (c contender) run(ctx context.Context, j job) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	if c.command == nil {
		begun := time.Now()
		err := c.inside(ctx, j)
		return usage{wall: time.Since(begun), roundTrips: [2]int64{-1, -1}}, err
	}
	u, err := measure(ctx, j.dir, c.command(j))
	if err != nil {
		return u, fmt.Errorf("%s: %w", c.name, err)
	}
	return u, nil
}

// allContenders returns every way to copy, mailhaul first, the ceiling and its half last.
func allContenders(mailhaul string) []contender {
	return []contender{
		mailhaulContender(mailhaul), mbsyncContender(), interimapContender(),
		offlineimapContender(), imapsyncContender(), ceiling(), appends(),
	}
}

// absent says that a program is not installed, or "".
func absent(program, advice string) string {
	if _, err := exec.LookPath(program); err != nil {
		return "not installed" + advice
	}
	return ""
}

// writeFile writes a configuration file that only its owner reads.
func writeFile(j job, name, format string, args ...any) error {
	return os.WriteFile(filepath.Join(j.dir, name), []byte(fmt.Sprintf(format, args...)), 0o600)
}

func mailhaulContender(path string) contender {
	c := contender{
		name: "mailhaul", note: "defaults; one ledger file, synced to disk",
		prepare: func(j job) error { return writeFile(j, "password", "%s\n", j.password) },
		command: func(j job) []string {
			password := filepath.Join(j.dir, "password")
			return []string{
				path, "copy", "--json", "--allow-cleartext", "--ledger", filepath.Join(j.dir, "ledger.db"),
				"--source", fmt.Sprintf("imap+plain://%s@%s", j.sourceUser, address(j.sourcePort)),
				"--target", fmt.Sprintf("imap+plain://%s@%s", j.targetUser, address(j.targetPort)),
				"--source-password-file", password, "--target-password-file", password,
			}
		},
	}
	if _, err := os.Stat(path); err != nil {
		c.missing = "there is no binary"
	}
	return c
}

// mbsyncConfig: Far is the source, Near the target. COMPRESS costs only processor
// time on loopback, so it is off for everybody.
const mbsyncConfig = `IMAPStore source
Host 127.0.0.1
Port %d
User %s
Pass %s
SSLType None
AuthMechs LOGIN
DisableExtensions COMPRESS=DEFLATE

IMAPStore target
Host 127.0.0.1
Port %d
User %s
Pass %s
SSLType None
AuthMechs LOGIN
DisableExtensions COMPRESS=DEFLATE

Channel all
Far :source:
Near :target:
Patterns *
Create Near
Sync Pull
CopyArrivalDate yes
SyncState %s/state-
`

func mbsyncContender() contender {
	return contender{
		name: "mbsync", missing: absent("mbsync", " (package isync)"),
		note: "Sync Pull, CopyArrivalDate yes, PipelineDepth as default, COMPRESS off; it writes an X-TUID header into every copy and drops keywords",
		prepare: func(j job) error {
			return writeFile(j, "mbsyncrc", mbsyncConfig, j.sourcePort, j.sourceUser, j.password,
				j.targetPort, j.targetUser, j.password, j.dir)
		},
		command: func(j job) []string {
			return []string{"mbsync", "-q", "-c", filepath.Join(j.dir, "mbsyncrc"), "all"}
		},
	}
}

const interimapConfig = `database = %s/interimap.db

[local]
type = imap
host = 127.0.0.1
port = %d
username = %s
password = %s
STARTTLS = NO
auth = PLAIN
compress = NO

[remote]
type = imap
host = 127.0.0.1
port = %d
username = %s
password = %s
STARTTLS = NO
auth = PLAIN
compress = NO
`

func interimapContender() contender {
	return contender{
		name: "interimap", missing: absent("interimap", " (package interimap)"),
		note: "first run, then one more; compress NO; both ways by its nature",
		prepare: func(j job) error {
			return writeFile(j, "interimaprc", interimapConfig, j.dir, j.targetPort, j.targetUser, j.password,
				j.sourcePort, j.sourceUser, j.password)
		},
		command: func(j job) []string {
			return []string{"interimap", "--quiet", "--config=" + filepath.Join(j.dir, "interimaprc")}
		},
	}
}

const offlineimapConfig = `[general]
accounts = all
metadata = %s/offlineimap
ui = quiet
fsync = False

[Account all]
localrepository = target
remoterepository = source

[Repository target]
type = IMAP
remotehost = 127.0.0.1
remoteport = %d
remoteuser = %s
remotepass = %s
ssl = no
starttls = no
auth_mechanisms = PLAIN, LOGIN
maxconnections = 4

[Repository source]
type = IMAP
remotehost = 127.0.0.1
remoteport = %d
remoteuser = %s
remotepass = %s
ssl = no
starttls = no
auth_mechanisms = PLAIN, LOGIN
maxconnections = 4
readonly = True
`

func offlineimapContender() contender {
	return contender{
		name: "offlineimap", missing: absent("offlineimap", " (package offlineimap3)"),
		note: "maxconnections 4, fsync False; it drops keywords",
		prepare: func(j job) error {
			return writeFile(j, "offlineimaprc", offlineimapConfig, j.dir, j.targetPort, j.targetUser, j.password,
				j.sourcePort, j.sourceUser, j.password)
		},
		command: func(j job) []string {
			return []string{"offlineimap", "-o", "-c", filepath.Join(j.dir, "offlineimaprc")}
		},
	}
}

func imapsyncContender() contender {
	return contender{
		name: "imapsync", missing: absent("imapsync", "; Debian 12 has no package of it"),
		note:    "--nofoldersizes --addheader",
		prepare: func(j job) error { return writeFile(j, "password", "%s\n", j.password) },
		command: func(j job) []string {
			password := filepath.Join(j.dir, "password")
			return []string{
				"imapsync", "--nossl1", "--nossl2", "--notls1", "--notls2", "--nofoldersizes", "--addheader", "--nolog",
				"--host1", "127.0.0.1", "--port1", fmt.Sprint(j.sourcePort), "--user1", j.sourceUser, "--passfile1", password,
				"--host2", "127.0.0.1", "--port2", fmt.Sprint(j.targetPort), "--user2", j.targetUser, "--passfile2", password,
			}
		},
	}
}

// ceiling does the servers' part of a copy and nothing else: every message is
// fetched and thrown away while the same messages are appended from memory.
func ceiling() contender {
	return contender{
		name:    "ceiling",
		note:    "raw pipelined FETCH of everything, thrown away, and at the same time MULTIAPPEND of the same messages from memory; 4 connections to each side, no record",
		prepare: func(job) error { return nil },
		inside: func(ctx context.Context, j job) error {
			g, ctx := errgroup.WithContext(ctx)
			g.Go(func() error {
				source := mailgen.Target{Addr: address(j.sourcePort), User: j.sourceUser, Password: j.password}
				return mailgen.Drain(ctx, source, j.corpus.Folders, 0)
			})
			g.Go(func() error { return fill(ctx, j) })
			return g.Wait()
		},
	}
}

// appends is the target's half of the ceiling.
func appends() contender {
	return contender{
		name:    "appends",
		note:    "the ceiling's MULTIAPPEND alone, so that the source leaves its processor time to the target",
		prepare: func(job) error { return nil },
		inside:  fill,
	}
}

// fill appends the corpus from memory.
func fill(ctx context.Context, j job) error {
	target := mailgen.Target{Addr: address(j.targetPort), User: j.targetUser, Password: j.password}
	err := mailgen.Load(ctx, target, j.corpus, mailgen.LoadOptions{})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// version returns the first line that a program says about itself.
func version(ctx context.Context, program string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
