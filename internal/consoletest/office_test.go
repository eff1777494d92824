package consoletest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// company is a world in the middle of its migration.
type company struct {
	*world
	source, target *rig.Mail
	api            *api.Client
}

// newCompany starts a server between two Dovecots, with an administrator and endpoints.
// It speaks TLS where an authority is given, with flags for its certificate.
func newCompany(t *testing.T, ca []byte, flags ...string) *company {
	t.Helper()
	require(t)
	c := &company{source: dovecotrig.StartT(t, dovecotrig.Options{}).Mail,
		target: dovecotrig.StartT(t, dovecotrig.Options{QuotaBytes: 1 << 30, Extra: "plugin {\n quota_max_mail_size = 200k\n}\n"}).Mail}
	c.world = newWorld(t, flags...)
	c.ca = ca
	c.api = c.setUp()
	c.endpoint(control.EndpointSpec{Name: "old-server", Port: c.source.TLSPort, CA: string(c.source.CAPEM)})
	c.endpoint(control.EndpointSpec{Name: "new-server", Port: c.target.Port, Security: "starttls", CA: string(c.target.CAPEM)})
	return c
}

func (c *company) endpoint(spec control.EndpointSpec) {
	c.Helper()
	spec.Host = "localhost"
	_, err := c.api.CreateEndpoint(c.Context(), spec, false)
	c.must(err)
}

// staff are addresses of people, none of them real.
func staff(department string, n int) []string {
	first := strings.Fields("anna bruno clara david elena felix greta henry irene jonas karin lukas marta nils olga paul")
	last := strings.Fields("lind falk holm berg ström roth wald moor stein feld dahl krone ahorn birk linde esche")
	people := make([]string, n)
	for i := range people {
		people[i] = strings.ReplaceAll(fmt.Sprintf("%s.%s@%s.example.org", first[(i+len(department))%len(first)], last[(i*3+len(department))%len(last)], department), "ö", "oe")
	}
	return people
}

// migrationFile has a row for each; wrong is the password of the last one.
func migrationFile(people []string, wrong string) string {
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for i, user := range people {
		password := dovecotrig.DefaultPassword
		if i == len(people)-1 && wrong != "" {
			password = wrong
		}
		rows += fmt.Sprintf("%[1]s,%[1]s,%[2]s,%[3]s\n", user, password, dovecotrig.DefaultPassword)
	}
	return rows
}

// batch makes a batch of people who have the mail of an office.
func (c *company) batch(spec control.BatchSpec, people []string, wrong string) {
	c.Helper()
	for i, user := range people {
		c.must(load(c.T, c.source, user, office(i == 1)))
	}
	c.create(spec, migrationFile(people, wrong))
}

// create makes a batch of a migration file.
func (c *company) create(spec control.BatchSpec, file string) {
	c.Helper()
	if spec.Source == "" {
		spec.Source = "old-server"
	}
	spec.Target, spec.FileName = "new-server", spec.Name+".csv"
	_, err := c.api.CreateBatch(c.Context(), spec, strings.NewReader(file), "")
	c.must(err)
}

// await follows a batch until it is as wanted.
func (c *company) await(batch, what string, wanted func(api.LiveBatch) bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	var last api.LiveBatch
	err := c.api.WatchBatch(ctx, batch, func(live api.LiveBatch) bool {
		last = live
		return !wanted(live)
	})
	if err != nil || !wanted(last) {
		c.Fatalf("%s is not %s: %v: %+v", batch, what, err, last.Batch)
	}
}

func (c *company) awaitState(batch string, states ...string) {
	c.Helper()
	c.await(batch, strings.Join(states, " or "), func(live api.LiveBatch) bool {
		for _, state := range states {
			if live.Batch.State == state && live.Batch.Counts.Running == 0 {
				return true
			}
		}
		return false
	})
}

// ask asks a verb of a batch.
func (c *company) ask(batch, verb string) {
	c.Helper()
	_, err := c.api.AskBatch(c.Context(), batch, verb)
	c.must(err)
}

// busy brings the company to where every page has something to show: a batch that is
// completed, one that is synced with something left out and somebody who cannot sign
// in, one under way that takes long, and one that waits.
func (c *company) busy() {
	c.Helper()
	c.batch(control.BatchSpec{Name: "management", Notify: []string{"it-team@example.org"}}, staff("management", 3)[:1], "")
	c.batch(control.BatchSpec{Name: "headquarters", Exclude: []string{"Old projects", "#JunkEmail#"}, Notify: []string{"it-team@example.org"}}, staff("hq", 12), "not-the-password")
	for _, batch := range []string{"management", "headquarters"} {
		c.ask(batch, "preflight")
	}
	c.await("headquarters", "tried", func(api.LiveBatch) bool { return c.tried("headquarters") })
	for _, batch := range []string{"management", "headquarters"} {
		c.ask(batch, "start")
	}
	c.awaitState("management", "Synced")
	c.ask("management", "complete")
	c.endpoint(control.EndpointSpec{Name: "branch-server", Port: c.source.Port, Security: "starttls", CA: string(c.source.CAPEM), BytesPerSecond: 150_000})
	slow := staff("branch", 8)
	for i, user := range slow {
		c.must(load(c.T, c.source, user, archive(i)))
	}
	c.create(control.BatchSpec{Name: "branch-offices", Source: "branch-server"}, migrationFile(slow, ""))
	c.ask("branch-offices", "start")
	later := time.Now().Add(20 * time.Hour).Truncate(time.Hour)
	c.create(control.BatchSpec{Name: "warehouse", AutoStart: true, StartAfter: &later}, migrationFile(staff("warehouse", 5), ""))
	for _, spec := range []control.OperatorSpec{{Name: "tom.berger", Email: "tom.berger@example.org", Role: "operator"}, {Name: "hanna.vogt", Role: "viewer"}} {
		spec.Password = control.Password("battery horse correct")
		_, err := c.api.CreateOperator(c.Context(), spec)
		c.must(err)
	}
	c.awaitState("management", "Completed", "CompletedWithErrors")
	c.await("headquarters", "with its errors", func(live api.LiveBatch) bool { return live.Batch.Counts.Failed == 1 && live.Batch.Counts.Synced == 11 })
}

// tried is whether every mailbox of a batch was tried.
func (c *company) tried(batch string) bool {
	for m, err := range c.api.Mailboxes(c.Context(), control.MailboxQuery{Batch: batch}) {
		if err != nil || m.Preflight == nil {
			return false
		}
	}
	return true
}

// archive is mail that takes its time.
func archive(seed int) mailgen.Corpus {
	return mailgen.Spec{Seed: uint64(seed + 1), Messages: 800, Bytes: 4 << 20, Folders: 5}.Corpus()
}
