package imapsync

import (
	"cmp"
	"errors"
	"fmt"
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

// The names that are made up for endpoints and files. In a script of several calls each
// has the call's number behind it.
const (
	sourceName = "old"
	targetName = "new"
	batchName  = "mailboxes"
	unknown    = "UNKNOWN"
)

// Script translates every call of imapsync in a script. Of several calls each has endpoints,
// a batch and files of its own. The error says what is wrong with which call.
func Script(script string, now time.Time) ([]Translation, error) {
	var all []Translation
	calls := commandLines(script)
	for i, words := range calls {
		c := &command{now: now}
		if len(calls) > 1 {
			c.number = i + 1
		}
		t, err := c.translated(words)
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
	return (&command{now: now}).translated(words)
}

func (c *command) translated(words []string) (Translation, error) {
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
	number           int // of the call in a script, 0 for the only one
	sides            [2]side
	include, exclude []string
	root, budget     string
	from, before     float64 // ages in days, 0 for none
	rates            []string
	dry, test        bool
	trace, report    []string // the options that ask for them
	notify           bool
	notes            []Note
	noted            map[string]bool
}

// own is a made-up name as this call has it.
func (c *command) own(name string) string {
	if c.number == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, c.number)
}

// note adds what is to be told of an option, once, on one line: it becomes a comment of a
// script, and the values that it repeats are anything.
func (c *command) note(option string, fate Fate, text string) {
	if c.noted == nil {
		c.noted = map[string]bool{}
	}
	if option != "" {
		option = "--" + option
	}
	text = migration.SafeText(text)
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
		c.report = append(c.report, s.name())
	case "debug", "debugfolders", "debugflags", "debugimap", "debugimap1", "debugimap2":
		c.trace = append(c.trace, s.name())
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
