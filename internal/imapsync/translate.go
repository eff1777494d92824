package imapsync

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Note tells what a person should know of one option.
type Note struct {
	// Option is as it is spelt in imapsync's documentation, with dashes; empty for what
	// concerns the command as a whole.
	Option string `json:"option,omitempty"`
	Fate   Fate   `json:"fate"`
	Text   string `json:"text"`
}

// Translation is what a command line of imapsync becomes.
type Translation struct {
	// Commands are the words of each command of mailhaul, in order. What is in capitals
	// is not known here and to be filled in.
	Commands [][]string `json:"commands"`
	// FileName is that of the migration file which the commands name, and FileText its
	// text, without passwords; both are empty where they name none.
	FileName string `json:"fileName,omitempty"`
	FileText string `json:"fileText,omitempty"`
	// Notes begin with those that matter most.
	Notes []Note `json:"notes"`
}

// The names that are made up for endpoints and the migration file.
const (
	sourceName = "old"
	targetName = "new"
	batchName  = "mailboxes"
	unknown    = "UNKNOWN"
)

// Script translates every call of imapsync in a script. The error says what is
// wrong with which call.
func Script(script string, now time.Time) ([]Translation, error) {
	var all []Translation
	for i, words := range commandLines(script) {
		t, err := Translate(words, now)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", i+1, err)
		}
		all = append(all, t)
	}
	if len(all) == 0 {
		return nil, errors.New("no call of imapsync is in it")
	}
	return all, nil
}

// Translate translates the words of one command line, without the program's name. Ages
// in days count back from now. No word is repeated in an error or a note that could be a
// password.
func Translate(words []string, now time.Time) (Translation, error) {
	c := &command{now: now}
	c.sides[0].flag, c.sides[1].flag = "source", "target"
	if len(words) > 0 && isProgram(words[0]) {
		words = words[1:]
	}
	c.read(words)
	if c.sides[0].host == "" && c.sides[1].host == "" {
		return Translation{}, errors.New("--host1 and --host2 are missing: what is to be translated is a command line of imapsync")
	}
	return c.translate(), nil
}

// side is one end of a command line.
type side struct {
	flag                      string // the side's name in mailhaul's flags
	host, port, user          string
	admin, passfile           string
	ssl, tls, nossl, notls    bool
	proxy, compress, password bool
	office, token             bool
}

// command is one command line as it is read.
type command struct {
	now              time.Time
	sides            [2]side
	include, exclude []string
	root, budget     string
	from, before     float64 // ages in days, 0 for none
	rates            []string
	dry, test        bool
	trace, report    bool
	notify           bool
	notes            []Note
	noted            map[string]bool
}

// note adds what is to be told of an option, once.
func (c *command) note(option string, fate Fate, text string) {
	if c.noted == nil {
		c.noted = map[string]bool{}
	}
	if option != "" {
		option = "--" + option
	}
	if key := option + text; !c.noted[key] {
		c.noted[key] = true
		c.notes = append(c.notes, Note{option, fate, text})
	}
}

func (c *command) read(words []string) {
	known := spellings()
	for i := 0; i < len(words); i++ {
		dashes, isOption := strings.CutPrefix(words[i], "-")
		if !isOption || dashes == "" {
			c.note("", Without, "a word that belongs to no option was left out; it is not shown, for it may be a password")
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(dashes, "-"), "=")
		s, negated, found := findNegated(known, name)
		if !found {
			c.note(shownName(name), Without, "imapsync's documentation knows no such option, nor is it clear what it is short for")
			continue
		}
		if s.option.Value && !hasValue {
			if i+1 == len(words) {
				c.note(s.name(), Without, "its value is missing")
				continue
			}
			i++
			value = words[i]
		}
		if negated {
			c.negated(s)
		} else {
			c.take(s, value)
		}
	}
}

// findNegated finds an option, also by "no" before the name of one that is on or off.
func findNegated(known map[string]spelling, name string) (s spelling, negated, found bool) {
	if s, found = find(known, name); found {
		return s, false, true
	}
	rest, negated := strings.CutPrefix(strings.ToLower(name), "no")
	if negated {
		s, found = find(known, strings.TrimPrefix(rest, "-"))
	}
	return s, negated, found && !s.option.Value
}

// shownName is an unknown name as far as it can be shown.
func shownName(name string) string {
	if len(name) > 40 || strings.ContainsFunc(name, func(r rune) bool { return r != '-' && r != '_' && (r < '0' || r > 'z' || r > '9' && r < 'A') }) {
		return unknown
	}
	return name
}

func (c *command) negated(s spelling) {
	if s.option.Fate == Always {
		c.note("no"+s.name(), Without, "cannot be switched off: "+s.option.Text)
	}
}

// take takes an option with its value.
func (c *command) take(s spelling, value string) {
	o := s.option
	if o.Fate != Becomes {
		c.note(s.name(), o.Fate, o.Text)
		return
	}
	if o.Sided {
		for i := range c.sides {
			if s.side == 0 || s.side == i+1 {
				c.takeSided(&c.sides[i], s, value)
			}
		}
		return
	}
	c.takeSingle(s, value)
}

func (c *command) takeSided(side *side, s spelling, value string) {
	if strings.Contains(value, "$") || strings.Contains(value, "%%") {
		c.note(s.name(), Becomes, "its value is a variable of a script; for a list of mailboxes that a loop reads there is mailhaul imapsync list")
	}
	switch s.option.Name {
	case "host":
		side.host = value
	case "port":
		side.port = value
	case "user":
		side.user = value
	case "password":
		side.password = true
		c.note(s.name(), Becomes, "the password is not repeated: put it as the first line into a file that only you can read")
	case "passfile":
		side.passfile = value
	case "ssl":
		side.ssl = true
	case "tls":
		side.tls = true
	case "nossl":
		side.nossl = true
	case "notls":
		side.notls = true
	case "authuser":
		side.admin = value
	case "proxyauth":
		side.proxy = true
	case "compress":
		side.compress = true
	case "gmail":
		side.host = cmp.Or(side.host, "imap.gmail.com")
		c.note(s.name(), Becomes, s.option.Text)
	case "office":
		side.host, side.office = cmp.Or(side.host, "outlook.office365.com"), true
	case "oauthaccesstoken", "oauthdirect":
		side.token = true
		c.note(s.name(), Becomes, "the token is not repeated: "+s.option.Text)
	case "emailreport":
		c.notify = true
		c.note(s.name(), Becomes, s.option.Text)
	}
}

func (c *command) takeSingle(s spelling, value string) {
	switch s.option.Name {
	case "folder", "folderrec":
		c.include = append(c.include, value)
		c.note(s.name(), Becomes, "--include takes the folder and all below it")
	case "include":
		c.include = append(c.include, c.names(s, value)...)
	case "exclude":
		c.exclude = append(c.exclude, c.names(s, value)...)
	case "subfolder1":
		c.root = value
		c.note(s.name(), Becomes, "--source-root has / between its levels; what is in the folder itself comes into the INBOX")
	case "maxage":
		c.from = c.days(s, value)
	case "minage":
		c.before = c.days(s, value)
	case "maxmessagespersecond":
		c.rates = append(c.rates, "--messages-per-second", value)
	case "maxbytespersecond":
		c.rates = append(c.rates, "--bytes-per-second", strings.ReplaceAll(value, "_", ""))
	case "exitwhenover":
		c.budget = strings.ReplaceAll(value, "_", "") + ",0"
		c.note(s.name(), Becomes, s.option.Text)
	case "dry", "justfolders", "justfoldersizes":
		c.dry = true
	case "justconnect", "justlogin", "justbanner":
		c.test = true
	case "logfile", "logdir":
		c.report = true
	case "debug", "debugfolders", "debugflags", "debugimap", "debugimap1", "debugimap2":
		c.trace = true
	case "skipcrossduplicates", "synclabels", "resynclabels", "version", "help":
		c.note(s.name(), Becomes, s.option.Text)
	}
}

// days reads an age. One that is none is told and left out.
func (c *command) days(s spelling, value string) float64 {
	age, err := strconv.ParseFloat(value, 64)
	if err != nil || age <= 0 || age > 100*366 {
		c.note(s.name(), Without, "its value is no number of days")
		return 0
	}
	c.note(s.name(), Becomes, "the age counts from now, by the date of arrival; imapsync goes by the header Date unless it is told otherwise")
	return age
}

// names are the folders that a regular expression names, where it does no more than that.
func (c *command) names(s spelling, expression string) []string {
	names, plain := plainNames(expression)
	if !plain {
		c.note(s.name(), Without, fmt.Sprintf("the regular expression %q is more than names: write one --%s for each folder; copy --dry-run shows them", expression, s.option.Name))
		return nil
	}
	c.note(s.name(), Becomes, fmt.Sprintf("--%s means exactly this folder and all below it, and has no case; imapsync takes every folder whose name matches. Look at copy --dry-run", s.option.Name))
	return names
}

// plainNames takes a regular expression of names alone apart: with | between them,
// anchored or not. A dot is taken for itself.
func plainNames(expression string) ([]string, bool) {
	inner := strings.TrimSuffix(strings.TrimPrefix(expression, "^"), "$")
	if strings.HasPrefix(inner, "(") && strings.HasSuffix(inner, ")") {
		expression = inner[1 : len(inner)-1]
	}
	var names []string
	for part := range strings.SplitSeq(expression, "|") {
		part = strings.TrimSuffix(strings.TrimPrefix(part, "^"), "$")
		var name strings.Builder
		escaped := false
		for _, r := range part {
			switch {
			case escaped && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'):
				return nil, false // a class such as \w
			case !escaped && r == '\\':
				escaped = true
				continue
			case !escaped && strings.ContainsRune("*+?()[]{}^$", r):
				return nil, false
			}
			escaped = false
			name.WriteRune(r)
		}
		if escaped || name.Len() == 0 {
			return nil, false
		}
		names = append(names, name.String())
	}
	return names, true
}

func (c *command) translate() Translation {
	var t Translation
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

// needsServer reports whether something is asked that only batches can do, and tells it.
func (c *command) needsServer() bool {
	var reasons = map[string]bool{}
	for i := range c.sides {
		s := &c.sides[i]
		reasons["an administrator who signs in for the mailbox"] = reasons["an administrator who signs in for the mailbox"] || s.admin != ""
		reasons["Office 365, or tokens"] = reasons["Office 365, or tokens"] || s.office || s.token
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
		if s.passfile != "" {
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
			words = append(words, "--"+s.flag+"-password-file", cmp.Or(s.passfile, s.flag+"-password"))
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
	}{{c.dry, []string{"--dry-run"}}, {c.report, []string{"--report", "report"}}, {c.trace, []string{"--trace", "mailhaul.trace"}}} {
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

// cleartext allows lines without protection where one side has nothing else.
func (c *command) cleartext(words []string, sides ...*side) []string {
	for _, s := range sides {
		if s.security() == migration.Cleartext {
			c.note("", Without, "the line to "+s.host+" is not protected, and whoever listens reads the password: try imaps:// or imap:// first")
			return append(words, "--allow-cleartext")
		}
	}
	return words
}

// batch is the translation for what only the server does.
func (c *command) batch() Translation {
	t := Translation{FileName: batchName + ".csv"}
	for i, name := range []string{sourceName, targetName} {
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
	create := c.folders([]string{"mailhaul", "batch", "create", t.FileName, "--source", sourceName, "--target", targetName})
	if c.from > 0 && c.before > c.from {
		c.note("minage", Without, "with a larger --minage than --maxage imapsync takes what is older than the one or younger than the other; make two batches, one after the other")
	} else {
		create = append(create, c.ages()...)
	}
	if c.notify {
		create = append(create, "--notify", "ADDRESS")
	}
	t.Commands = append(t.Commands, create, []string{"mailhaul", "batch", "preflight", batchName})
	if !c.dry {
		t.Commands = append(t.Commands, []string{"mailhaul", "batch", "start", batchName})
	}
	return t
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
	switch {
	case s.office || s.token && strings.HasSuffix(s.host, "office365.com"):
		c.note("", Without, "Office 365 takes no passwords: an application signs in for every mailbox, and docs/office365.md says how it is made")
		return append(words, "--type", "office365", "--tenant", "TENANT", "--client-id", "ID", "--client-secret-file", "client-secret")
	case s.token:
		c.note("", Without, "tokens are got by a service account, for every mailbox; docs/google.md says how it is made")
		return append(words, "--type", "gmail", "--service-account-file", "service-account.json")
	}
	words = c.cleartext(append(words, s.url(false)), s)
	if s.admin != "" {
		form := "authzid"
		if s.proxy {
			form = "proxyauth"
		}
		words = append(words, "--login", form, "--admin-user", s.admin, "--admin-password-file", cmp.Or(s.passfile, s.flag+"-password"))
	}
	return words
}

// manyPasswords reports whether each mailbox signs in by itself.
func (s *side) manyPasswords() bool { return s.admin == "" && !s.office && !s.token }

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

// addressOf is the first of the users that is an address; with a domain, the first user
// in it.
func addressOf(target, source, domain string) string {
	for _, user := range []string{target, source} {
		if _, _, err := migration.ParseAddress(user); err == nil {
			return user
		}
	}
	if user := cmp.Or(target, source); domain != "" && user != "" {
		if _, _, err := migration.ParseAddress(user + "@" + domain); err == nil {
			return user + "@" + domain
		}
	}
	return ""
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
