package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Cutover is the kind of notices that the move of a domain's mail has another state. They
// are of no batch.
const Cutover = "cutover"

// CutoverEvent is that the move of a domain's mail has another state.
type CutoverEvent struct {
	Domain        string
	At            time.Time
	Former, State string
	// Version counts the changes of what is kept of the domain; Created tells it from an
	// earlier watch.
	Version int64
	Created time.Time
	// Sentences say what is so, each with what to do.
	Sentences []Advised
	// SafeAt is when the wait is over, zero where that is not known.
	SafeAt time.Time
}

// Advised is a sentence with what to do, which may be empty.
type Advised struct {
	Sentence string `json:"sentence"`
	Advice   string `json:"advice,omitempty"`
}

// cutoverFacts are what is remembered of a CutoverEvent. The state stands where that of a
// batch does, for the webhook.
type cutoverFacts struct {
	facts
	Former    string    `json:"former"`
	Sentences []Advised `json:"sentences"`
	SafeAt    time.Time `json:"safeAt,omitzero"`
}

// ComposeCutover makes one notice for each recipient, and the webhook.
func (c Composer) ComposeCutover(e CutoverEvent, to []string) (notices []migration.Notice) {
	var recipients []string
	if c.Mail {
		recipients = addresses(to)
	}
	if c.Webhook {
		recipients = append(recipients, Webhook)
	}
	domain := migration.SafeText(e.Domain)
	body, _ := json.Marshal(cutoverFacts{facts: facts{At: e.At.UTC(), State: migration.BatchState(e.State)}, Former: e.Former, Sentences: e.Sentences, SafeAt: e.SafeAt}) // plain values always encode
	for _, recipient := range recipients {
		notices = append(notices, migration.Notice{
			Mark: fmt.Sprintf("cutover/%s/%d/%d/%s/%s", domain, e.Created.UnixMicro(), e.Version, e.State, strings.ToLower(recipient)),
			Kind: Cutover, BatchName: domain, Subject: fmt.Sprintf("Mail of %s: %s", domain, cutoverNews(e.State)), Recipients: []string{recipient}, Body: body, Created: e.At,
		})
	}
	return notices
}

// cutoverNews says a state in a few words.
func cutoverNews(state string) string {
	switch state {
	case "not-prepared":
		return "the MX records are kept too long for a switch"
	case "ready-to-switch":
		return "the MX records may be switched"
	case "mixed":
		return "the MX records name the old system and the new"
	case "switching":
		return "the MX records are moving to the new system"
	case "settled":
		return "the wait is over"
	default:
		return "it is not known where it goes"
	}
}

// cutoverLetter is the text of a notice of a domain.
func cutoverLetter(n migration.Notice) (string, error) {
	var f cutoverFacts
	if err := json.Unmarshal(n.Body, &f); err != nil {
		return "", fmt.Errorf("reading notice %d: %w", n.ID, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "For the mail of %s: %s (it was %s, and is %s).\n", line(n.BatchName), cutoverNews(string(f.State)), line(f.Former), line(string(f.State)))
	for _, s := range f.Sentences {
		fmt.Fprintf(&b, "\n%s\n", line(s.Sentence))
		if s.Advice != "" {
			fmt.Fprintf(&b, "What to do: %s\n", line(s.Advice))
		}
	}
	if !f.SafeAt.IsZero() && f.State != "settled" {
		fmt.Fprintf(&b, "\nMail may arrive at the old system until %s.\n", f.SafeAt.UTC().Format("2 January 2006 at 15:04 UTC"))
	}
	fmt.Fprintf(&b, "\nAll that was seen: mailhaul cutover check %s\n", line(n.BatchName))
	return b.String(), nil
}
