package scheduler

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The rules of the breaker.
const (
	// breakAfter is how many mailboxes in a row must have failed to reach an
	// endpoint.
	breakAfter = 5
	// The pause doubles each time.
	shortestBreak = time.Minute
	longestBreak  = 30 * time.Minute
	// stalledAfter is at the how-manieth pause in a row people are told.
	stalledAfter = 3
)

// breaker is what is remembered of an endpoint that could not be reached.
type breaker struct {
	// Mailboxes failed to reach it, since somebody last did.
	Mailboxes []int64 `json:"mailboxes,omitempty"`
	// Breaks is how often the waiting ones were put off since then, and Until
	// when that last ends.
	Breaks int       `json:"breaks,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// fail notes a mailbox that failed to reach the endpoint. It reports whether the
// waiting ones are to be put off. After a pause one failure is enough.
func (b *breaker) fail(mailbox int64, now time.Time) bool {
	if now.Before(b.Until) {
		return false // it began before the pause
	}
	if !slices.Contains(b.Mailboxes, mailbox) {
		b.Mailboxes = append(b.Mailboxes, mailbox)
	}
	if len(b.Mailboxes) < breakAfter && b.Breaks == 0 {
		return false
	}
	b.Until = now.Add(min(shortestBreak<<min(b.Breaks, 10), longestBreak))
	b.Breaks++
	b.Mailboxes = nil
	return true
}

const breakerLock = "breaker"

func breakerName(endpoint int64) string { return "breaker/" + strconv.FormatInt(endpoint, 10) }

func readBreaker(tx Tx, endpoint int64) (b breaker, err error) {
	text, err := tx.Setting(breakerName(endpoint))
	if errors.Is(err, migration.ErrNotFound) || text == "" {
		return breaker{}, ignoring(err, migration.ErrNotFound)
	}
	if json.Unmarshal([]byte(text), &b) != nil {
		return breaker{}, err // what it forgets it learns again
	}
	return b, err
}

func (b breaker) save(tx Tx, endpoint int64) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return tx.SetSetting(breakerName(endpoint), string(text))
}

// reached notes that both endpoints of a pass could be reached.
func reached(tx Tx, endpoints ...int64) error {
	for _, endpoint := range endpoints {
		b, err := readBreaker(tx, endpoint)
		if err != nil {
			return err
		}
		if len(b.Mailboxes)+b.Breaks > 0 {
			if err := (breaker{}).save(tx, endpoint); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreached notes that a mailbox failed to reach an endpoint, and puts the
// waiting ones off when it was the last straw.
func (s *Scheduler) unreached(tx Tx, endpoint int64, m migration.MailboxRecord, cause *migration.Trouble) error {
	// One after the other, or failures at the same time would count as one.
	if err := tx.SetSetting(breakerLock, ""); err != nil {
		return err
	}
	b, err := readBreaker(tx, endpoint)
	if err != nil {
		return err
	}
	opened := b.fail(m.ID, tx.Now())
	if err := b.save(tx, endpoint); err != nil || !opened {
		return err
	}
	e, err := tx.EndpointByID(endpoint)
	if err != nil {
		return ignoring(err, migration.ErrNotFound)
	}
	trouble := migration.Trouble{At: tx.Now(), Class: migration.Later, Code: cause.Code, Until: b.Until, Remedy: cause.Remedy,
		Reason: fmt.Sprintf("the endpoint %s cannot be reached; it is tried again at %s", e.Name, b.Until.UTC().Format("15:04 MST"))}
	n, err := tx.PutOff(endpoint, b.Until, trouble)
	if err != nil {
		return err
	}
	s.log.Warn("endpoint cannot be reached", "endpoint", e.Name, "until", b.Until, "waiting", n, "because", cause.Reason)
	if b.Breaks != stalledAfter {
		return nil
	}
	return s.tellStalled(tx, endpoint, trouble)
}

// tellStalled tells of every batch that waits for the endpoint.
func (s *Scheduler) tellStalled(tx Tx, endpoint int64, trouble migration.Trouble) error {
	all, err := tx.Batches()
	if err != nil {
		return err
	}
	for _, b := range all {
		waits := (b.Source == endpoint || b.Target == endpoint) && (b.Intent == migration.Run || b.Intent == migration.Finish)
		if !waits {
			continue
		}
		event := Event{Kind: Stalled, At: tx.Now(), Batch: b, State: b.Facts(tx.Now()).State(), Trouble: &trouble}
		if err := s.tell(tx, event); err != nil {
			return err
		}
	}
	return nil
}

// ignoring is nil for an error that does not matter.
func ignoring(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}
