package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

//go:embed batch.html.tmpl
var batchTemplate string

// bounds say how much of each list a page shows.
type bounds struct{ troubled, groups, examples, mailboxes int }

var (
	pageBounds   = bounds{troubled: mostTroubled, groups: 50, examples: mostExamples, mailboxes: 1000}
	letterBounds = bounds{troubled: 10, groups: 6, examples: 3}
)

// batchPage gathers what the page shows; it is written at the end, because the
// totals come first on it.
type batchPage struct {
	w         io.Writer
	batch     Batch
	total     *BatchTotal
	bounds    bounds
	errors    *gathering
	mailboxes []accountView
}

func (b Batch) beginPage(w io.Writer, total *BatchTotal, most bounds) form {
	return &batchPage{w: w, batch: b, total: total, bounds: most, errors: newGathering(most.examples)}
}

func (p *batchPage) mailbox(i int, a Account) error {
	if i < p.bounds.mailboxes {
		p.mailboxes = append(p.mailboxes, newAccountView(a))
	}
	return nil
}

func (p *batchPage) finding(i int, a Account, f migration.FindingRecord) error {
	if f.Lost {
		p.errors.add(i, a.EmailAddress, f.Finding)
	}
	return nil
}

func (p *batchPage) end() error {
	t, err := template.New(HTMLFile).Parse(batchTemplate)
	if err != nil {
		return fmt.Errorf("reading the page of the report: %w", err)
	}
	return t.Execute(p.w, p.view())
}

// batchView is the page, with every text that others wrote made safe to show.
type batchView struct {
	Name, State, Colour         string
	Source, Target, At          string
	Times                       []Figure
	Verdict                     string
	Fine                        bool
	Tiles                       []Figure
	Charts                      []chart
	Troubled                    []accountView
	MoreTroubled, MoreMailboxes string
	Errors                      []group
	MoreErrors                  int
	Mailboxes                   []accountView
	ErrorsFile, StatisticsFile  string
}

// chart is bars one below the other, each with its name and number: tables and
// coloured cells, which every mail program shows.
type chart struct {
	Title string
	Bars  []chartBar
}

// chartBar is a bar of Part percent of its width; Rest is what is left.
type chartBar struct {
	Name, Value, Colour string
	Part, Rest          int
}

// accountView is a mailbox on the page.
type accountView struct {
	Address, State, Colour, Score string
	Percent, Rest                 int
	Source, Synced, Skipped       string
	Data, Rate, Queued, Worked    string
	LastSynced                    string
	Reason, Remedy, Again         string
}

func (p *batchPage) view() batchView {
	b, t := p.batch, p.total
	state := b.state()
	v := batchView{
		Name: shown(b.Name), State: string(state), Colour: batchColour(state), Source: shown(b.Source), Target: shown(b.Target), At: minute(b.At),
		Times: b.times(), Tiles: t.tiles(), Charts: t.charts(), Errors: p.errors.groups(), Mailboxes: p.mailboxes,
		ErrorsFile: ErrorsFile, StatisticsFile: StatisticsFile,
	}
	v.Verdict, v.Fine = t.verdict()
	for _, a := range t.Worst[:min(len(t.Worst), p.bounds.troubled)] {
		v.Troubled = append(v.Troubled, newAccountView(a))
	}
	if more := t.Troubled - len(v.Troubled); more > 0 {
		v.MoreTroubled = thousands(more)
	}
	if more := len(v.Errors) - p.bounds.groups; more > 0 {
		v.Errors, v.MoreErrors = v.Errors[:p.bounds.groups], more
	}
	if more := t.Mailboxes - len(v.Mailboxes); more > 0 && len(v.Mailboxes) > 0 {
		v.MoreMailboxes = thousands(more)
	}
	return v
}

func (b Batch) times() []Figure {
	var list []Figure
	for _, time := range []struct {
		name string
		at   time.Time
	}{{"Created", b.Created}, {"Started", b.Started}, {"Initial copy done", b.InitialDone}, {"Last synced", b.LastSynced}, {"Completed", b.Completed}} {
		if !time.at.IsZero() {
			list = append(list, Figure{time.name, minute(time.at)})
		}
	}
	return list
}

func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func (t *BatchTotal) tiles() []Figure {
	return []Figure{
		{"mailboxes", thousands(t.Mailboxes)},
		{"messages at the target", thousands(int(t.SyncedMessages))},
		{"left out", thousands(int(t.SkippedMessages))},
		{"data copied", size(t.CopiedBytes)},
	}
}

// verdict says in a sentence whether something needs doing.
func (t *BatchTotal) verdict() (text string, fine bool) {
	failed := 0
	for state, n := range t.Statuses {
		if (Account{Status: state}).failed() {
			failed += n
		}
	}
	left := t.SkippedMessages - t.ApprovedMessages
	switch {
	case t.Mailboxes == 0:
		return "There is no mailbox in this batch.", true
	case failed > 0:
		return plural(failed, "mailbox has", "mailboxes have") + " failed and will not be tried again by itself.", false
	case left > 0:
		return plural(int(left), "message was", "messages were") + " left out and not approved yet.", false
	case t.Troubled > 0:
		return plural(t.Troubled, "mailbox waits", "mailboxes wait") + " because of a trouble, and will be tried again.", false
	default:
		return "Nothing needs doing.", true
	}
}

// The colours of the page.
const (
	colourDone    = "#2f7a5b"
	colourMoving  = "#2b7a8c"
	colourWaiting = "#9fbfcb"
	colourIdle    = "#8a949b"
	colourPart    = "#d58a2a"
	colourBad     = "#b5402f"
)

func mailboxColour(state migration.MailboxState) string {
	switch state {
	case migration.MailboxSynced, migration.MailboxIncrementalSynced, migration.MailboxCompleted:
		return colourDone
	case migration.MailboxValidating, migration.MailboxStarting, migration.MailboxSyncing, migration.MailboxIncrementalSyncing, migration.MailboxCompleting:
		return colourMoving
	case migration.MailboxQueued:
		return colourWaiting
	case migration.MailboxCompletedWithWarnings:
		return colourPart
	case migration.MailboxFailed, migration.MailboxIncrementalFailed, migration.MailboxCompletionFailed, migration.MailboxCorrupted:
		return colourBad
	default:
		return colourIdle
	}
}

func batchColour(state migration.BatchState) string {
	switch state {
	case migration.BatchSynced, migration.BatchCompleted:
		return colourDone
	case migration.BatchSyncedWithErrors, migration.BatchCompletedWithErrors:
		return colourPart
	case migration.BatchFailed, migration.BatchCorrupted:
		return colourBad
	case migration.BatchStarting, migration.BatchSyncing, migration.BatchIncrementalSyncing, migration.BatchCompleting:
		return colourMoving
	default:
		return colourIdle
	}
}

func (t *BatchTotal) charts() []chart {
	states := chart{Title: "Mailboxes by state"}
	for _, state := range migration.MailboxStates() {
		if n := t.Statuses[state]; n > 0 {
			states.Bars = append(states.Bars, newChartBar(string(state), thousands(n), mailboxColour(state), float64(n), float64(t.Mailboxes)))
		}
	}
	known := float64(max(t.SourceMessages, t.SyncedMessages+t.SkippedMessages))
	open := max(t.SourceMessages-t.SyncedMessages-t.SkippedMessages, 0)
	messages := chart{"Messages", []chartBar{
		newChartBar("at the target", thousands(int(t.SyncedMessages)), colourDone, float64(t.SyncedMessages), known),
		newChartBar("left out", thousands(int(t.SkippedMessages)), colourPart, float64(t.SkippedMessages), known),
		newChartBar("to be copied", thousands(int(open)), colourWaiting, float64(open), known),
	}}
	scores := chart{Title: "Data consistency score"}
	for _, score := range []struct {
		migration.Score
		colour string
	}{{migration.Perfect, colourDone}, {migration.Good, colourMoving}, {migration.Investigate, colourPart}, {migration.Poor, colourBad}} {
		n := t.Scores[score.Score]
		scores.Bars = append(scores.Bars, newChartBar(string(score.Score), thousands(n), score.colour, float64(n), float64(t.Mailboxes)))
	}
	most := max(t.QueuedSeconds, t.InProgressSeconds, t.StalledSeconds)
	times := chart{"Time spent, the mean of a mailbox", []chartBar{
		newChartBar("queued", mean(t.QueuedSeconds, t.Mailboxes), colourWaiting, t.QueuedSeconds, most),
		newChartBar("in progress", mean(t.InProgressSeconds, t.Mailboxes), colourMoving, t.InProgressSeconds, most),
		newChartBar("of that stalled", mean(t.StalledSeconds, t.Mailboxes), colourPart, t.StalledSeconds, most),
	}}
	return []chart{states, messages, scores, times}
}

func mean(seconds float64, n int) string {
	if n == 0 {
		return duration(0)
	}
	return duration(seconds / float64(n))
}

// newChartBar shows what is not zero, however small.
func newChartBar(name, value, colour string, part, whole float64) chartBar {
	b := chartBar{Name: name, Value: value, Colour: colour}
	if part > 0 && whole > 0 {
		b.Part = min(max(int(part*100/whole), 1), 100)
	}
	b.Rest = 100 - b.Part
	return b
}

func newAccountView(a Account) accountView {
	v := accountView{
		Address: shown(a.EmailAddress), State: string(a.Status), Colour: mailboxColour(a.Status), Score: string(a.Score), Percent: a.Percent, Rest: 100 - a.Percent,
		Source: thousands(int(a.SourceMessages)), Synced: thousands(int(a.SyncedMessages)), Skipped: thousands(int(a.SkippedMessages)),
		Data: size(a.CopiedBytes), Queued: duration(a.QueuedSeconds), Worked: duration(a.InProgressSeconds), LastSynced: minute(a.LastSynced),
		Reason: shown(sentence(a.Error)), Remedy: shown(a.Remedy), Again: minute(a.Again),
	}
	if a.BytesPerSecond > 0 {
		v.Rate = size(a.BytesPerSecond) + "/s"
	}
	return v
}
