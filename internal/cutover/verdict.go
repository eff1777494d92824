package cutover

import (
	"fmt"
	"slices"
	"time"
)

// State is how far a domain's move is.
type State string

// The states.
const (
	// Unknown: no server of the zone could be heard. Another look moves it on.
	Unknown State = "unknown"
	// NotPrepared: mail goes to the old system, and caches keep the records longer than
	// LowTTL. The administrator lowers the TTL, and the time of the former one passes.
	NotPrepared State = "not-prepared"
	// ReadyToSwitch: mail goes to the old system, and caches keep the records no longer
	// than LowTTL. The administrator changes the MX records.
	ReadyToSwitch State = "ready-to-switch"
	// Mixed: a server names both the old and the new system. The administrator removes
	// the old records.
	Mixed State = "mixed"
	// Switching: servers answer the new records, but not all do, or the wait is not over.
	Switching State = "switching"
	// Settled: every server answers the new records alone, and the wait is over.
	Settled State = "settled"
)

// States are all of them, in the order in which a move goes through them.
func States() []State {
	return []State{Unknown, NotPrepared, ReadyToSwitch, Mixed, Switching, Settled}
}

// LowTTL is the longest that caches may keep MX records before they are changed, in
// seconds.
const LowTTL = 3600

// MostAge is how old the last look may be to say that a domain has settled.
const MostAge = time.Hour

// ahead reports whether a look is of a time to come: a clock was wrong.
func ahead(look Look, now time.Time) bool { return look.At.Sub(now) > mostAhead }

// Severity is how much a finding weighs.
type Severity string

// The severities.
const (
	// Bad: mail is lost, late or goes to the wrong system. Nothing is safe meanwhile.
	Bad Severity = "error"
	// Odd: something to put right, which keeps no mail away now.
	Odd Severity = "warning"
	// Note: something to know.
	Note Severity = "info"
)

// Finding is something the administrator should know.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity" enum:"error,warning,info"`
	Sentence string   `json:"sentence" doc:"what is so"`
	Advice   string   `json:"advice,omitempty" doc:"what to do"`
}

// Behind is a mailbox that keeps an answer from being yes.
type Behind struct {
	Batch        string    `json:"batch"`
	EmailAddress string    `json:"emailAddress"`
	SyncedAt     time.Time `json:"syncedAt,omitzero" doc:"when its last whole pass began; absent when there was none"`
	Lacks        string    `json:"lacks,omitempty" doc:"why it lacks mail whenever its last whole pass began; absent when it does not"`
}

// Mailboxes are the facts about the mailboxes of the domain.
type Mailboxes struct {
	Total             int      `json:"total"`
	Synced            int      `json:"synced" doc:"that were ever synchronised"`
	SyncedAfterSwitch int      `json:"syncedAfterSwitch" doc:"with a whole pass that began after the switch, and that lack nothing"`
	SyncedAfterWait   int      `json:"syncedAfterWait" doc:"with a whole pass that began after the wait, and that lack nothing"`
	Lacking           int      `json:"lacking" doc:"that lack mail whenever their last whole pass began"`
	Completed         int      `json:"completed"`
	Behind            []Behind `json:"behind" doc:"the first hundred that lack mail or are without a whole pass after the switch, or once there is none, after the wait"`
	Gone              []string `json:"gone,omitempty" doc:"batches whose mailboxes were to count, but that were deleted"`
}

// Unnamed is how many mailboxes are behind beside those that Behind names.
func (m Mailboxes) Unnamed() int {
	if m.SyncedAfterSwitch < m.Total {
		return m.Total - m.SyncedAfterSwitch - len(m.Behind)
	}
	return m.Total - m.SyncedAfterWait - len(m.Behind)
}

// Safe says whether something may be done without losing mail.
type Safe struct {
	Yes     bool     `json:"yes"`
	Reasons []string `json:"reasons" doc:"why not, a sentence each; none when it is safe"`
}

// Verdict is what is to be told of a domain.
type Verdict struct {
	Domain   string    `json:"domain"`
	Target   Target    `json:"target"`
	State    State     `json:"state" enum:"unknown,not-prepared,ready-to-switch,mixed,switching,settled"`
	LookedAt time.Time `json:"lookedAt"`
	Clock    Clock     `json:"clock"`
	// Complete and Delete say whether a batch may be completed and deleted. Completing
	// makes a last pass; deleting does not, so that more is asked of it.
	Complete  Safe       `json:"complete" doc:"whether the batches may be completed"`
	Delete    Safe       `json:"delete" doc:"whether the batches may be deleted"`
	Findings  []Finding  `json:"findings"`
	Steps     []Step     `json:"steps"`
	Servers   []Sight    `json:"servers" doc:"what each server answered"`
	Mailboxes *Mailboxes `json:"mailboxes,omitempty" doc:"absent where nobody could tell"`
}

// Judge says how far the move is and what is to be done. Mailboxes are nil where nobody
// can tell; they were counted by the clock of the watch.
func Judge(w Watch, mailboxes *Mailboxes, now time.Time) Verdict {
	clock := w.Clock()
	v := Verdict{Domain: w.Domain, Target: w.Target, LookedAt: w.Last.At, Clock: clock, Servers: w.Last.Sights, Mailboxes: mailboxes, State: w.state(clock, now)}
	v.Findings = findingsOf(w, v, now)
	v.Steps = stepsOf(w, clock, v.State, mailboxes)
	v.Complete = safe(v, mailboxes, func(m Mailboxes) int { return m.SyncedAfterSwitch }, "since the switch")
	v.Delete = safe(v, mailboxes, func(m Mailboxes) int { return m.SyncedAfterWait }, "since the wait was over")
	return v
}

// state is a function of what was seen alone; now only says whether that is too long ago.
func (w Watch) state(clock Clock, now time.Time) State {
	count := map[stance]int{}
	for _, s := range w.Last.zone() {
		if w.counts(s) {
			count[s.stand(w.Target)]++
		}
	}
	switch {
	case count[old]+count[both]+count[moved] == 0:
		return Unknown
	case count[both] > 0:
		return Mixed
	case count[old] > 0 && count[moved] > 0:
		return Switching
	case count[old] > 0 && w.keptLong():
		return NotPrepared
	case count[old] > 0:
		return ReadyToSwitch
	case count[unheard] == 0 && !w.Last.Cut && !w.unstated() && w.waitOver(clock, now) && !w.cachesOld():
		return Settled
	}
	return Switching
}

// keptLong reports whether caches may hold the old records longer than LowTTL: because
// of the TTL now, or of a former one that has not run out.
func (w Watch) keptLong() bool {
	return w.OldTTL > LowTTL || w.CachedUntil.After(w.Last.At.Add(seconds(LowTTL)))
}

// waitOver reports whether the wait was over at the last look, and that is recent.
func (w Watch) waitOver(clock Clock, now time.Time) bool {
	return !clock.SafeAt.IsZero() && !w.Last.At.Before(clock.SafeAt) && now.Sub(w.Last.At) <= MostAge && !ahead(w.Last, now)
}

// cachesOld reports whether a resolver sends mail to the old system, or has those who ask
// it send none.
func (w Watch) cachesOld() bool {
	return slices.ContainsFunc(w.Last.resolvers(), func(s Sight) bool {
		return s.Trouble == Bogus || s.Trouble == Missing || s.Trouble == NoTrouble && s.stand(w.Target) != moved
	})
}

// safe is yes when the domain has settled without an error, and every mailbox is counted.
func safe(v Verdict, m *Mailboxes, counted func(Mailboxes) int, since string) Safe {
	var reasons []string
	if v.State != Settled {
		reasons = append(reasons, unsettled(v))
	} else {
		reasons = v.errors()
	}
	switch {
	case m == nil:
		reasons = append(reasons, "It is not known whether the mailboxes were synchronised.")
	case m.Total == 0:
		reasons = append(reasons, "No batch has a mailbox of "+v.Domain+".")
	default:
		reasons = append(reasons, m.behind(m.Total-m.Lacking-counted(*m), since)...)
	}
	return Safe{len(reasons) == 0, append([]string{}, reasons...)}
}

// behind says why mailboxes are behind: late ones had no whole pass since then, others
// lack mail all the same.
func (m Mailboxes) behind(late int, since string) (reasons []string) {
	all := plural(m.Total, "mailbox", "mailboxes")
	if late > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %s %s not synchronised %s: mail that arrived at the old system would be left there.", late, all, verb(late, "was", "were"), since))
	}
	if m.Lacking > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %s %s mail, whenever %s synchronised: messages were left out and not approved, the INBOX could not be copied, the last pass failed, or the batch leaves out new mail or the INBOX.",
			m.Lacking, all, verb(m.Lacking, "lacks", "lack"), verb(m.Lacking, "it was", "they were")))
	}
	return reasons
}

// unsettled says why a domain has not settled.
func unsettled(v Verdict) string {
	switch v.State {
	case Unknown:
		return "No server of the zone of " + v.Domain + " could be asked where its mail goes."
	case NotPrepared, ReadyToSwitch:
		return "Mail for " + v.Domain + " still goes to the old system."
	case Mixed:
		return "The MX records of " + v.Domain + " still name the old system too."
	case Switching:
		if v.Clock.SafeAt.IsZero() {
			return "Not every server of the zone of " + v.Domain + " has the new MX records."
		}
		for _, code := range []Code{CodeLookOld, CodeLookAhead, CodeSwitchUnstated} {
			if why, found := v.sentence(code); found {
				return why
			}
		}
		if v.LookedAt.Before(v.Clock.SafeAt) {
			return "Mail may still arrive at the old system until " + moment(v.Clock.SafeAt) + "."
		}
		if many, found := v.sentence(CodeTooMany); found {
			return many
		}
		return "The wait is over, but not everybody who was asked sees the new MX records now."
	case Settled:
	}
	return ""
}

// errors are the sentences of the findings that are errors.
func (v Verdict) errors() (all []string) {
	for _, f := range v.Findings {
		if f.Severity == Bad {
			all = append(all, f.Sentence)
		}
	}
	return all
}

// sentence is that of a finding.
func (v Verdict) sentence(code Code) (string, bool) {
	for _, f := range v.Findings {
		if f.Code == code {
			return f.Sentence, true
		}
	}
	return "", false
}
