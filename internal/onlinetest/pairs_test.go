package onlinetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// awkward is the mail of the pairs: what breaks tools, and a message in each folder of
// a special use.
func awkward() mailgen.Corpus {
	corpus := mailgen.Awkward(11, mailgen.AwkwardOptions{NUL: true})
	for use := range usual {
		corpus.Messages = append(corpus.Messages, mailgen.Message{
			Folder: use, Body: []byte("Message-ID: <" + use + "@example.org>\r\nSubject: of a special use\r\n\r\nx\r\n"),
			Date: time.Date(2020, 4, 1, 0, 0, len(use), 0, time.UTC), Flags: []string{`\Seen`},
		})
	}
	return corpus
}

// twoHosts is a source with the corpus, a target and the copy between them.
type twoHosts struct {
	*testing.T
	from, to       maker
	source, target *host
	// folders are the paths of the source by their raw names, uses their special use.
	folders, uses map[string]string
	// messages are those of the corpus by folder and UID at the source.
	messages map[string]map[migration.UID]mailgen.Message
	summary  mailsync.Summary
	total    int
}

func newTwoHosts(t *testing.T, from, to maker, corpus mailgen.Corpus) *twoHosts {
	t.Helper()
	p := &twoHosts{T: t, from: from, to: to,
		source: piped(t, imapfake.Options{Personality: from.personality}), target: piped(t, imapfake.Options{Personality: to.personality}),
		folders: map[string]string{"INBOX": "INBOX"}, uses: map[string]string{}, messages: map[string]map[migration.UID]mailgen.Message{},
	}
	for _, path := range corpus.Folders {
		p.make(path, "")
	}
	for use := range usual {
		p.make(use, use)
	}
	for i, name := range p.source.box.Folders() { // no folder numbers as another does
		if err := p.source.box.SetUIDNext(name, migration.UID(1000*i+7)); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range corpus.Messages {
		raw := p.make(m.Folder, m.Folder)
		if p.messages[raw] == nil {
			p.messages[raw] = map[migration.UID]mailgen.Message{}
		}
		p.messages[raw][p.source.box.Deliver(raw, m.Body, m.Date, m.Flags...)] = m
		p.total++
	}
	for _, name := range from.notMail {
		p.source.box.Deliver(name, []byte("Subject: no mail\r\n\r\n"), time.Unix(1.5e9, 0))
	}
	return p
}

// make sees to it that the source has a folder, and gives its raw name.
func (p *twoHosts) make(path, use string) string {
	if _, special := usual[use]; special {
		path = use
		if name, ok := p.from.uses[use]; ok {
			path = name
		}
	} else {
		use = ""
	}
	path = placeIn(p.from, path)
	raw := p.from.raw(path)
	p.source.box.Create(raw)
	levels := strings.Split(path, "/")
	for i := range levels {
		above := strings.Join(levels[:i+1], "/")
		p.folders[p.from.raw(above)] = above
	}
	p.uses[raw] = use
	return raw
}

// placeIn is the path that a client means by the name in a source: where all folders
// are below INBOX, one below INBOX elsewhere is beside the others.
func placeIn(m maker, path string) string {
	if m.personality.Names.Prefix == "INBOX." {
		return strings.TrimPrefix(path, "INBOX/")
	}
	return path
}

// rename gives the raw name at the target.
func (p *twoHosts) rename(raw string) string {
	path, known := p.folders[raw]
	if !known {
		return raw
	}
	return p.to.raw(p.to.place(path, p.uses[raw]))
}

func (p *twoHosts) copy(ledger mailsync.Ledger) {
	p.Helper()
	from, to := p.source.options(user), p.target.options(user)
	if p.from.personality.NoPasswords {
		from = p.source.bearer(user, password)
	}
	if p.to.personality.NoPasswords {
		to = p.target.bearer(user, password)
	}
	job := jobFor(from, to, ledger)
	p.summary = mustRun(p.T, job)
	expectIdle(p.T, job, p.summary.Messages.Skipped)
	expectFewErrors(p.T, p.target)
	if strings.HasPrefix(p.to.name, "Exchange") {
		expectNothingEnabled(p.T, p.target)
	}
	if strings.HasPrefix(p.from.name, "Exchange") {
		expectNothingEnabled(p.T, p.source)
	}
}

// judge holds what has arrived against the rules of the target.
func (p *twoHosts) judge() {
	p.Helper()
	p.judgeFolders()
	if p.to.noKeywords() {
		p.judgeKeywords()
	}
	p.judgeMessages()
	p.judgeNotMail()
}

// judgeFolders expects each folder under its name, and a finding for each whose name
// is another.
func (p *twoHosts) judgeFolders() {
	p.Helper()
	there := p.target.box.Folders()
	var want, told []string
	for raw, use := range p.uses {
		name := p.rename(raw)
		if !slices.Contains(there, name) {
			p.Errorf("the folder %q is not there as %q", raw, name)
		}
		if path := p.folders[raw]; path != p.to.place(path, use) && !(p.to.personality.Names.Prefix != "" && "INBOX/"+p.to.place(path, use) == path) {
			want = append(want, p.from.listed(path))
		}
	}
	for _, f := range p.summary.Findings {
		if f.Code == migration.CodeFolderRenamed {
			told = append(told, f.Folder)
		}
	}
	slices.Sort(want)
	slices.Sort(told)
	if !slices.Equal(want, told) {
		p.Errorf("findings tell of the renamed folders %q, want %q", told, want)
	}
}

// judgeKeywords expects no keyword, one finding for each folder that lost some, and
// flags that Outlook sees.
func (p *twoHosts) judgeKeywords() {
	p.Helper()
	for _, name := range p.target.box.Folders() {
		for _, m := range p.target.box.Messages(name) {
			if len(systemFlags(m.Flags)) != len(m.Flags) {
				p.Errorf("%s: message %d has the flags %v", name, m.UID, m.Flags)
			}
			if !slices.Equal(systemFlags(m.Flags), systemFlags(m.Outlook)) {
				p.Errorf("%s: of message %d Outlook sees %v, not %v", name, m.UID, m.Outlook, m.Flags)
			}
		}
	}
	want, told := map[string]int{}, map[string]int{}
	for raw, messages := range p.messages {
		for _, m := range messages {
			if len(keywordsOf(m)) > 0 {
				want[p.from.listed(p.folders[raw])] = 1
			}
		}
	}
	for _, f := range p.summary.Findings {
		if f.Code == migration.CodeKeywordDropped {
			told[f.Folder]++
		}
	}
	if fmt.Sprint(want) != fmt.Sprint(told) {
		p.Errorf("findings tell of lost keywords in %v, want %v", told, want)
	}
}

// judgeMessages goes through all differences: each must be a message under a rule of
// the target, with its finding.
func (p *twoHosts) judgeMessages() {
	p.Helper()
	sourceOf := map[string]string{}
	for raw := range p.folders {
		sourceOf[p.rename(raw)] = raw
	}
	j := &judge{twoHosts: p, arrived: map[string][]imapfake.Message{}}
	differences := imapfake.Compare(p.source.box, p.target.box, imapfake.CompareOptions{
		Rename: p.rename, IgnoreFolders: true, IgnoreKeywords: p.to.noKeywords(), Appended: p.to.rewrites,
		Exclude: func(folder string, m imapfake.Message) bool {
			return slices.Contains(p.to.shows, folder) || slices.Contains(p.from.notMail, folder)
		},
	})
	var missing []imapfake.Difference
	for _, d := range differences {
		switch d.Kind {
		case imapfake.Missing:
			missing = append(missing, d)
		case imapfake.Extra:
			at := slices.IndexFunc(p.target.box.Messages(d.Folder), func(m imapfake.Message) bool { return m.UID == d.B })
			j.arrived[d.Folder] = append(j.arrived[d.Folder], p.target.box.Messages(d.Folder)[at])
		case imapfake.MissingFolder, imapfake.ExtraFolder:
			if !slices.Contains(p.to.shows, d.Folder) && !slices.Contains(p.from.notMail, d.Folder) {
				p.Error(d)
			}
		default:
			if !p.to.mergesTwins() || d.Kind != imapfake.Date || !p.hasTwin(sourceOf[d.Folder], d.A) {
				p.Error(d)
			}
		}
	}
	for _, d := range missing {
		j.missing(d, sourceOf[d.Folder])
	}
	for folder, messages := range j.arrived {
		for _, m := range messages {
			p.Errorf("%s: message %d is nobody's copy, and no message repaired: %.80q", folder, m.UID, m.Appended)
		}
	}
	n := p.summary.Messages
	if n.Source != p.total || n.Skipped != j.left || n.Present+n.Gone != 0 {
		p.Errorf("the counts are %+v; %d messages are at the source and %d did not arrive", n, p.total, j.left)
	}
	p.expectTold(j)
	if p.Failed() {
		for _, f := range p.summary.Findings {
			p.Logf("finding: %+v", f)
		}
	}
}

// judge is where the judgement of messages has come.
type judge struct {
	*twoHosts
	// arrived are those at the target that equal none of the source.
	arrived map[string][]imapfake.Message
	// left is how many did not arrive, told the findings that have their message.
	left int
	told []migration.Finding
}

// missing judges a message of the source that is not at the target as it was.
func (j *judge) missing(d imapfake.Difference, raw string) {
	j.Helper()
	m, known := j.messages[raw][d.A]
	if !known {
		j.Errorf("%v, from %q", d, raw)
		return
	}
	if j.to.mergesTwins() && j.twin(d, raw) {
		return
	}
	under := j.to.ruleFor(m)
	if under == nil {
		j.Errorf("%v, and no rule of %s lets it: %.80q", d, j.to.name, m.Body)
		return
	}
	folder := j.from.listed(j.folders[raw])
	at := slices.IndexFunc(j.summary.Findings, func(f migration.Finding) bool {
		return f.Folder == folder && f.UID == d.A && slices.Contains(toldCodes, f.Code)
	})
	if at < 0 {
		j.Errorf("no finding tells of message %d in %q, which has %s: %.80q", d.A, folder, under.what, m.Body)
		j.left++
		return
	}
	finding := j.summary.Findings[at]
	j.told = append(j.told, finding)
	if finding.Reason == "" || finding.Remedy == "" && finding.Code != migration.CodeRepaired {
		j.Errorf("a finding without its reason or remedy: %+v", finding)
	}
	if finding.Code != migration.CodeRepaired {
		j.left++
		return
	}
	j.repaired(d.Folder, m)
}

// repaired looks for the repaired form of a message.
func (j *judge) repaired(folder string, m mailgen.Message) {
	j.Helper()
	var reason error
	for i, have := range j.arrived[folder] {
		if have.Date.Unix() != m.Date.Unix() {
			continue
		}
		if reason = keepsMeaning(m.Body, have.Appended); reason != nil {
			continue
		}
		want, got := slices.Sorted(slices.Values(m.Flags)), slices.Sorted(slices.Values(have.Flags))
		if j.to.noKeywords() {
			want, got = systemFlags(want), systemFlags(got)
		}
		if !slices.Equal(want, got) {
			j.Errorf("%s: the repaired message has the flags %v, want %v", folder, got, want)
		}
		j.arrived[folder] = slices.Delete(j.arrived[folder], i, i+1)
		return
	}
	j.Errorf("%s: told to be repaired, but what arrived does not say the same: %v; %.80q", folder, reason, m.Body)
}

// twin reports whether an identical message stands for one, where the target keeps
// only one of them: its labels then are both folders.
func (j *judge) twin(d imapfake.Difference, raw string) bool {
	return j.hasTwin(raw, d.A) && slices.ContainsFunc(j.target.box.Messages(d.Folder), func(have imapfake.Message) bool { return have.Sum == d.Sum })
}

// hasTwin reports whether an identical message is in any folder of the source.
func (p *twoHosts) hasTwin(raw string, uid migration.UID) bool {
	twins := 0
	for _, messages := range p.messages {
		for _, other := range messages {
			if bytes.Equal(other.Body, p.messages[raw][uid].Body) {
				twins++
			}
		}
	}
	return twins > 1
}

// expectTold expects that each finding about a message is about one that did not
// arrive as it was.
func (p *twoHosts) expectTold(j *judge) {
	p.Helper()
	for _, f := range p.summary.Findings {
		if slices.Contains(toldCodes, f.Code) && !slices.ContainsFunc(j.told, func(told migration.Finding) bool { return told == f }) {
			p.Errorf("a finding about a message that arrived as it was: %+v", f)
		}
	}
}

// judgeNotMail expects that folders which hold no mail are left out, and told.
func (p *twoHosts) judgeNotMail() {
	p.Helper()
	there := p.target.box.Folders()
	for _, name := range p.from.notMail {
		if slices.Contains(there, p.to.raw(name)) && p.target.box.Len(p.to.raw(name)) > 0 || slices.Contains(there, p.to.raw(name+"_renamed")) {
			p.Errorf("the folder %q holds no mail and was copied", name)
		}
		if !slices.ContainsFunc(p.summary.Findings, func(f migration.Finding) bool {
			return f.Folder == name || strings.Contains(f.Reason, name)
		}) {
			p.Errorf("no finding tells that the folder %q was left out", name)
		}
	}
}

// TestMakesToEachOtherKeepAllButTheirRules copies awkward mail from every make to a
// third of the makes, and to every make from a third.
func TestMakesToEachOtherKeepAllButTheirRules(t *testing.T) { eachToEach(t, effort.Of(7, 3)) }

// TestLongEachMakeToEachKeepsAllButItsRules does it between every two makes.
func TestLongEachMakeToEachKeepsAllButItsRules(t *testing.T) {
	effort.NeedLong(t)
	eachToEach(t, 1)
}

// eachToEach copies between one in so many pairs.
func eachToEach(t *testing.T, sparse int) {
	t.Parallel()
	corpus := awkward()
	for i, from := range makers() {
		for j, to := range makers() {
			if from.notSource || (i+j)%sparse != 0 {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newTwoHosts(t, from, to, corpus)
					p.copy(ledgerOf(t, openStore(t), user))
					p.judge()
				})
			})
		}
	}
}
