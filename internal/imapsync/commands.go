package imapsync

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func (c *command) translate() Translation {
	var t Translation
	c.tellIncomplete()
	switch {
	case c.test || c.sides[0].host == "" || c.sides[1].host == "":
		t.Commands = c.tests()
	case c.needsServer():
		t = c.batch()
	default:
		t.Commands = [][]string{c.copy()}
	}
	rank := map[Fate]int{Without: 0, Becomes: 1, Unneeded: 2, Always: 3}
	slices.SortStableFunc(c.notes, func(a, b Note) int { return rank[a.Fate] - rank[b.Fate] })
	t.Notes = c.notes
	return t
}

// tellIncomplete tells of each side what has no effect because something else is missing.
func (c *command) tellIncomplete() {
	for i := range c.sides {
		s := &c.sides[i]
		host, admin := fmt.Sprintf("host%d", i+1), fmt.Sprintf("authuser%d", i+1)
		if s.host == "" {
			c.note(host, Without, "is missing: only the other server is tested, by its address, user and password file, and every other option was left out")
		} else if s.token && s.service() == "" {
			c.note(host, Without, "tokens are got for Office 365 and Google alone; sign in with a password or an administrator")
		}
		if s.proxy && s.admin == "" {
			c.note(fmt.Sprintf("proxyauth%d", i+1), Without, "was left out: it needs --"+admin+", the administrator who signs in")
		}
		if s.notls && s.security() == migration.StartTLS {
			c.note(fmt.Sprintf("notls%d", i+1), Without, "was left out: without nossl a line is protected, here by STARTTLS")
		}
	}
}

// needsServer reports whether something is asked that only batches can do, and tells it.
func (c *command) needsServer() bool {
	var reasons = map[string]bool{}
	for i := range c.sides {
		s := &c.sides[i]
		reasons["an administrator who signs in for the mailbox"] = reasons["an administrator who signs in for the mailbox"] || s.admin != ""
		reasons["Office 365, or tokens"] = reasons["Office 365, or tokens"] || s.service() != ""
	}
	reasons["ages of messages"] = c.from > 0 || c.before > 0
	reasons["a ceiling on the speed"] = len(c.rates) > 0
	maps.DeleteFunc(reasons, func(_ string, so bool) bool { return !so })
	if len(reasons) == 0 {
		return false
	}
	c.note("", Becomes, "a batch of mailhaul serve does it, because it takes "+strings.Join(slices.Sorted(maps.Keys(reasons)), " and ")+"; copy alone knows none of that")
	return true
}

func (c *command) tests() (commands [][]string) {
	for i := range c.sides {
		s := &c.sides[i]
		if s.host == "" {
			continue
		}
		words := []string{"mailhaul", "endpoint", "test", s.url(true)}
		if s.admin != "" {
			c.note(fmt.Sprintf("authuser%d", i+1), Without, "endpoint test signs in as the user here; for an administrator make the endpoint with endpoint create --admin-user, and test it by its name")
		} else if s.passfile != "" {
			words = append(words, "--password-file", s.passfile)
		}
		commands = append(commands, c.cleartext(words, s))
	}
	return commands
}

func (c *command) copy() []string {
	words := []string{"mailhaul", "copy"}
	for i := range c.sides {
		s := &c.sides[i]
		words = append(words, "--"+s.flag, s.url(true))
		if s.user == "" {
			c.note(fmt.Sprintf("user%d", i+1), Without, "is missing; write the user before the host")
		}
		if s.passfile != "" || s.password {
			words = append(words, "--"+s.flag+"-password-file", cmp.Or(s.passfile, c.own(s.flag+"-password")))
		}
		if s.compress {
			words = append(words, "--"+s.flag+"-compress")
		}
	}
	words = c.cleartext(words, &c.sides[0], &c.sides[1])
	if c.root != "" {
		words = append(words, "--source-root", c.root)
	}
	if c.budget != "" {
		words = append(words, "--source-day-budget", c.budget)
	}
	words = c.folders(words)
	for _, on := range []struct {
		so    bool
		words []string
	}{{c.dry, []string{"--dry-run"}}, {len(c.report) > 0, []string{"--report", c.own("report")}}, {len(c.trace) > 0, []string{"--trace", c.own("mailhaul") + ".trace"}}} {
		if on.so {
			words = append(words, on.words...)
		}
	}
	return words
}

func (c *command) folders(words []string) []string {
	for _, name := range c.include {
		words = append(words, "--include", name)
	}
	for _, name := range c.exclude {
		words = append(words, "--exclude", name)
	}
	return words
}

// cleartext allows lines without protection where a side has nothing else.
func (c *command) cleartext(words []string, sides ...*side) []string {
	allowed := false
	for _, s := range sides {
		if s.security() == migration.Cleartext {
			c.note("", Without, "the line to "+s.host+" is not protected, and whoever listens reads the password: try imaps:// or imap:// first")
			allowed = true
		}
	}
	if allowed {
		words = append(words, "--allow-cleartext")
	}
	return words
}

// batch is the translation for what only the server does.
func (c *command) batch() Translation {
	source, target, batch := c.own(sourceName), c.own(targetName), c.own(batchName)
	t := Translation{FileName: batch + ".csv"}
	c.tellOnlyCopy()
	for i, name := range []string{source, target} {
		words := c.endpoint(&c.sides[i], name)
		if i == 0 {
			words = append(words, c.rates...)
			if down, _, found := strings.Cut(c.budget, ","); found {
				words = append(words, "--bytes-per-day-down", down)
			}
		}
		t.Commands = append(t.Commands, words)
	}
	t.FileText = c.file()
	create := c.folders([]string{"mailhaul", "batch", "create", t.FileName, "--source", source, "--target", target})
	if c.from > 0 && c.before > c.from {
		c.note("minage", Without, "with a larger --minage than --maxage imapsync takes what is older than the one or younger than the other; make two batches, one after the other")
	} else {
		create = append(create, c.ages()...)
	}
	if c.notify {
		create = append(create, "--notify", "ADDRESS")
	}
	t.Commands = append(t.Commands, create, []string{"mailhaul", "batch", "preflight", batch})
	if !c.dry {
		t.Commands = append(t.Commands, []string{"mailhaul", "batch", "start", batch})
	}
	return t
}

// tellOnlyCopy tells what copy does and a batch does not.
func (c *command) tellOnlyCopy() {
	for _, option := range c.report {
		c.note(option, Without, "only copy has --report; mailhaul report gets the reports of a batch")
	}
	for _, option := range c.trace {
		c.note(option, Without, "only copy has --trace; endpoint test says step by step what is wrong with a server")
	}
	for i, column := range []string{"Password", "TargetPassword"} {
		s := &c.sides[i]
		if s.compress {
			c.note(fmt.Sprintf("compress%d", i+1), Without, "only copy compresses the line")
		}
		passfile, admin := fmt.Sprintf("passfile%d", i+1), fmt.Sprintf("authuser%d", i+1)
		switch {
		case s.passfile != "" && s.manyPasswords():
			c.note(passfile, Without, "only copy reads the password of a mailbox from a file; a batch has it in the column "+column+" of the migration file")
		case s.passfile != "" && s.service() != "":
			c.note(passfile, Without, "the application or service account signs in, with no password")
		}
		if s.admin != "" && s.service() != "" {
			c.note(admin, Without, "the application or service account signs in instead of an administrator")
		}
	}
}

// ages are the moments between which messages were received.
func (c *command) ages() (words []string) {
	moment := func(days float64) string {
		return c.now.Add(-time.Duration(days * 24 * float64(time.Hour))).UTC().Format(time.RFC3339)
	}
	if c.from > 0 {
		words = append(words, "--received-from", moment(c.from))
	}
	if c.before > 0 {
		words = append(words, "--received-before", moment(c.before))
	}
	return words
}

func (c *command) endpoint(s *side, name string) []string {
	words := []string{"mailhaul", "endpoint", "create", name}
	switch kind := s.service(); kind {
	case migration.KindOffice365:
		c.note("", Without, "Office 365 takes no passwords: an application signs in for every mailbox, and docs/office365.md says how it is made")
		return append(words, "--type", string(kind), "--tenant", "TENANT", "--client-id", "ID", "--client-secret-file", c.own(s.flag+"-client-secret"))
	case migration.KindGmail:
		c.note("", Without, "tokens are got by a service account, for every mailbox; docs/google.md says how it is made")
		return append(words, "--type", string(kind), "--service-account-file", c.own(s.flag+"-service-account")+".json")
	}
	words = c.cleartext(append(words, s.url(false)), s)
	if s.admin != "" {
		form := "authzid"
		if s.proxy {
			form = "proxyauth"
		}
		words = append(words, "--login", form, "--admin-user", s.admin, "--admin-password-file", cmp.Or(s.passfile, c.own(s.flag+"-password")))
	}
	return words
}

// service is the kind of endpoint whose tokens a side signs in with, empty for none.
func (s *side) service() migration.EndpointKind {
	host := "." + strings.ToLower(s.host)
	switch {
	case s.office, s.token && (host == ".outlook.office365.com" || host == ".outlook.office.com"):
		return migration.KindOffice365
	case s.token && (strings.HasSuffix(host, ".gmail.com") || strings.HasSuffix(host, ".googlemail.com")):
		return migration.KindGmail
	}
	return ""
}

// manyPasswords reports whether each mailbox signs in by itself.
func (s *side) manyPasswords() bool { return s.admin == "" && s.service() == "" }

// file is the migration file for the one mailbox, without its passwords.
func (c *command) file() string {
	source, target := &c.sides[0], &c.sides[1]
	header := []string{"EmailAddress", "UserName"}
	row := []string{addressOf(target.user, source.user, ""), source.user}
	if row[0] == "" {
		row[0] = unknown
		c.note("", Without, "the EmailAddress of the mailbox is not known: neither user is an address")
	}
	if source.manyPasswords() {
		header, row = append(header, "Password"), append(row, "")
		c.note("", Becomes, "fill in the column Password of the migration file, and let nobody else read it")
	}
	if c.root != "" {
		header, row = append(header, "UserRoot"), append(row, c.root)
	}
	if target.user != "" && target.user != row[0] {
		header, row = append(header, "TargetUserName"), append(row, target.user)
	}
	if target.manyPasswords() {
		header, row = append(header, "TargetPassword"), append(row, "")
		c.note("", Becomes, "fill in the column TargetPassword of the migration file, and let nobody else read it")
	}
	return csvLine(header) + csvLine(row)
}

func (s *side) security() migration.Security {
	switch {
	case s.nossl && s.notls:
		return migration.Cleartext
	case !s.ssl && (s.tls || s.nossl || s.port == "143"):
		return migration.StartTLS
	}
	return migration.Implicit
}

// url is the side's address, with its user on request.
func (s *side) url(withUser bool) string {
	scheme, usual := "imaps", "993"
	switch s.security() {
	case migration.StartTLS:
		scheme, usual = "imap", "143"
	case migration.Cleartext:
		scheme, usual = "imap+plain", ""
	case migration.Implicit:
	}
	address := s.host
	switch port := cmp.Or(s.port, cmp.Or(usual, "143")); {
	case port != usual:
		address = net.JoinHostPort(s.host, port)
	case strings.Contains(s.host, ":"):
		address = "[" + s.host + "]"
	}
	if withUser && s.user != "" {
		address = strings.NewReplacer("%", "%25", ":", "%3A").Replace(s.user) + "@" + address
	}
	return scheme + "://" + address
}
