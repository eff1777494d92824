package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/cutover"
)

// The whole way with a server: its own look at a name server at port 53, the watch, and a
// batch that is not completed or deleted by mistake.
func TestABatchIsNotDeletedWhileMailMayStillArrive(t *testing.T) {
	zone := startNameServer(t, "127.7.4.53:53")
	if zone == nil {
		if os.Getenv("MAILHAUL_REQUIRE_RIGS") == "1" {
			t.Fatal("port 53 may not be used here")
		}
		t.Skip("port 53 may not be used here")
	}
	zone.publish(t, oldMX()...)
	s := serveTLS(t, "--allow-loopback", "--dns", zone.address)
	s.run("cutover", "list").want(t, exitDone, "safe to delete")
	s.run("cutover", "check", "example.org", "--mx", "mx.new.example").want(t, exitSkipped, "example.org: ready-to-switch", "No batch has a mailbox of example.org.")
	file := filepath.Join(t.TempDir(), "pilot.csv")
	if err := os.WriteFile(file, []byte("EmailAddress,UserName,Password,TargetPassword\nanna@example.org,anna,one two,three four\ncarl@example.org,carl,five six,seven eight\ndora@example.net,dora,one two,three four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "new"} {
		s.run("endpoint", "create", name, "imaps://imap."+name+".example", "--skip-verification").want(t, exitDone)
	}
	s.run("batch", "create", file, "--source", "old", "--target", "new").want(t, exitDone)
	s.run("cutover", "watch", "example.org", "--mx", "mx.new.example", "--notify", "boss@example.org").want(t, exitDone, "ready-to-switch", "target: mx.new.example", "nobody is mailed when the state changes", "again every 15 minutes")
	zone.publish(t, newMX()...)
	s.run("cutover", "check", "example.org").want(t, exitSkipped, "example.org: switching", "[waiting]", "2 mailboxes of example.org, 0 synchronised since the switch", "anna@example.org in batch pilot: last pass began never")
	s.run("cutover", "watch", "example.org", "--spf", "spf.new.example", "--batch", "PILOT").want(t, exitDone, "switching")
	s.run("cutover", "check", "example.org", "--json").want(t, exitSkipped, `"mx.new.example"`, `"spf": "spf.new.example"`, `"pilot"`)
	s.run("cutover", "check", "example.org", "--mx", "other.example").want(t, exitUsage, "watches example.org already")
	s.run("cutover", "list").want(t, exitDone, "example.org", "switching", "mx.new.example")
	s.run("batch", "delete", "pilot", "--yes").want(t, exitUsage, "the mail of example.org is switching", "2 of 2 mailboxes were not synchronised", "see mailhaul cutover check example.org", "--yes --despite-cutover pilot")
	s.run("batch", "delete", "PILOT", "--yes").want(t, exitUsage, "the mail of example.org is switching")
	s.run("mailbox", "delete", "pilot", "carl@example.org", "--yes").want(t, exitUsage, "the mail of example.org is switching", "it is not safe to delete carl@example.org", "--despite-cutover 'carl@example.org'")
	s.run("mailbox", "delete", "pilot", "carl@example.org").want(t, exitUsage, "say --yes")
	s.typed("carl", "mailbox", "delete", "pilot", "carl@example.org", "--yes").want(t, exitUsage, "that is not its name")
	s.run("mailbox", "delete", "pilot", "carl@example.org", "--yes", "--despite-cutover", "carl@example.org").want(t, exitDone, "is being removed")
	s.run("mailbox", "delete", "pilot", "dora@example.net", "--yes").want(t, exitDone, "is being removed")
	s.run("batch", "complete", "pilot").want(t, exitUsage, "it is not safe to complete pilot")
	s.run("batch", "delete", "pilot", "--yes", "--despite-cutover", "another").want(t, exitUsage, "it is not safe")
	s.typed("pilots", "batch", "delete", "pilot", "--yes").want(t, exitUsage, "is lost to the new one", "that is not its name")
	s.typed("pilot", "batch", "delete", "pilot", "--yes").want(t, exitDone, "is being removed")
	s.run("cutover", "delete", "example.org", "--yes").want(t, exitDone)
	s.run("cutover", "delete", "example.org", "--yes").want(t, exitUsage, "There is no watch of the domain")
}

// What is safe is deleted without being asked more, and what is safe to complete only is
// not.
func TestTheGuardLetsPassWhatIsSafe(t *testing.T) {
	safe, not := cutover.Safe{Yes: true}, cutover.Safe{Reasons: []string{"It is early."}}
	watched := func(complete, remove cutover.Safe) []control.Cutover {
		return []control.Cutover{{Verdict: cutover.Verdict{Domain: "example.org", Complete: complete, Delete: remove}}}
	}
	for name, c := range map[string]struct {
		guard   *guard
		watched []control.Cutover
		passes  bool
	}{
		"nothing is watched":              {guardOfDeleting(), nil, true},
		"safe to delete":                  {guardOfDeleting(), watched(safe, safe), true},
		"safe to complete":                {guardOfCompleting(), watched(safe, not), true},
		"deleting, safe to complete only": {guardOfDeleting(), watched(safe, not), false},
		"completing too early":            {guardOfCompleting(), watched(not, not), false},
	} {
		var out bytes.Buffer
		asked, err := c.guard.check(&remote{streams: Streams{In: strings.NewReader(""), Out: &out, Err: &out}}, c.watched, "pilot")
		if asked || (err == nil) != c.passes || (out.Len() == 0) != c.passes {
			t.Errorf("%s: asked %v, %v, %q", name, asked, err, out.String())
		}
	}
}

// A watch that batches wait for is not ended without a word of them.
func TestTheGuardNamesTheBatchesThatAWatchHolds(t *testing.T) {
	for name, c := range map[string]struct {
		held    []string
		despite string
		asked   bool
		want    string // what the refusal says; none where there is none
	}{
		"none":                    {},
		"held":                    {[]string{"pilot", "rest"}, "", false, "--yes --despite-cutover example.org"},
		"held, and another named": {[]string{"pilot"}, "pilot", false, "nothing was done"},
		"held, and named":         {[]string{"pilot"}, "example.org", true, ""},
	} {
		var out bytes.Buffer
		g := &guard{verb: "end the watch of", despite: c.despite}
		watch := control.Cutover{Verdict: cutover.Verdict{Domain: "example.org"}, HeldBatches: c.held}
		asked, err := g.ofWatch(&remote{streams: Streams{In: strings.NewReader(""), Out: &out, Err: &out}}, watch, "example.org")
		if asked != c.asked || (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: asked %v, %v", name, asked, err)
		}
		for _, batch := range c.held {
			if err != nil && !strings.Contains(out.String(), "batch "+batch+" waits to complete until it is safe for the mail of example.org") {
				t.Errorf("%s: %q does not name %s", name, out.String(), batch)
			}
		}
	}
}

// typed runs a command at a terminal at which a person types a line.
func (s *tlsServer) typed(line string, args ...string) output {
	s.Helper()
	person, program := terminal(s.T)
	if _, err := person.WriteString(line + "\n"); err != nil {
		s.Fatal(err)
	}
	var out, errs bytes.Buffer
	status := Run(s.Context(), append(args, s.trusting...), Streams{In: program, Out: &out, Err: &errs})
	return output{status, out.String(), errs.String()}
}
