package cutover

import (
	"fmt"
	"slices"
	"time"
)

// Step is one of the plan, in its order.
type Step struct {
	Code  string `json:"code" enum:"lower-ttl,synchronise,other-records,move-mx,wait,synchronise-again,complete"`
	Title string `json:"title"`
	Text  string `json:"text" doc:"what to do, and why"`
	Done  bool   `json:"done"`
	// Due is when it can be done, or is over by itself; zero where that is not known.
	Due time.Time `json:"due,omitzero" doc:"when it can be done, or is over by itself"`
	// Now are the records as they are, Publish those to publish instead.
	Now     []Record `json:"now,omitempty" doc:"the records as they are"`
	Publish []Record `json:"publish,omitempty" doc:"the records to publish instead"`
}

// stepsOf are the steps of the move with what is done of them.
func stepsOf(w Watch, clock Clock, state State, m *Mailboxes) []Step {
	now, _ := w.Last.heard()
	begun := state == Mixed || state == Switching || state == Settled
	every := func(n func(Mailboxes) int) bool { return m != nil && m.Total > 0 && n(*m) == m.Total }
	return []Step{
		lowerTTL(w, now, begun || state == ReadyToSwitch),
		{Code: "synchronise", Title: "Synchronise every mailbox", Text: "Start the batches, and let every mailbox get its first copy before the switch. They are kept in step every day.",
			Done: every(func(m Mailboxes) int { return m.Synced })},
		otherRecords(w),
		moveMX(w, now, clock, state),
		{Code: "wait", Title: "Wait", Text: "For 72 hours after the caches have lost the old records, mail may arrive at the old system: keep it and the batches running.",
			Done: state == Settled, Due: clock.SafeAt},
		{Code: "synchronise-again", Title: "Synchronise every mailbox once more", Text: "A pass of each mailbox that begins after the wait brings what arrived last: mailhaul batch sync BATCH",
			Done: state == Settled && every(func(m Mailboxes) int { return m.SyncedAfterWait })},
		{Code: "complete", Title: "Complete the batches", Text: "Only now: mailhaul batch complete BATCH makes the last pass and destroys the passwords. Then the old system can be switched off.",
			Done: state == Settled && every(func(m Mailboxes) int { return m.Completed })},
	}
}

func lowerTTL(w Watch, now Sight, done bool) Step {
	step := Step{Code: "lower-ttl", Title: "Lower the TTL of the MX records", Done: done,
		Text: fmt.Sprintf("Set it to %d seconds or less, and leave the records as they are. Then wait as long as the former TTL was.", LowTTL)}
	if done {
		return step
	}
	step.Now, step.Due = now.mx(), w.CachedUntil
	for _, r := range step.Now {
		r.TTL = min(r.TTL, LowTTL)
		step.Publish = append(step.Publish, r)
	}
	return step
}

// otherRecords is about SPF, DKIM and Autodiscover, in the order in which they are needed.
// What stands there now must be known, lest a record be published that leaves it out.
func otherRecords(w Watch) Step {
	d, t := w.Domain, w.Target
	spf, spfHeard := w.Last.heard(d)
	alias, aliasHeard := w.Last.heard(autodiscoverNames(d)...)
	keys, keysHeard := w.Last.heard(keyNames(d)...)
	step := Step{Code: "other-records", Title: "Publish the other records of the new system",
		Text: "SPF and DKIM before anybody sends from the new system, so that its mail is taken; autodiscover when people begin to work there."}
	step.Now = slices.Concat(spfOf(spf, d), alias.at("CNAME", autodiscoverNames(d)[0]), keys.at("CNAME", keyNames(d)[0]), keys.at("CNAME", keyNames(d)[1]))
	if spfHeard {
		step.Publish = t.newSPF(d, spfOf(spf, d))
	} else {
		step.Text += " Which SPF record there is now could not be asked, so that none is proposed."
	}
	step.Publish = slices.Concat(step.Publish, t.newDKIM(d), t.newAutodiscover(d))
	if len(services[t.Kind].dkim) > 0 && t.Tenant == "" {
		step.Text += " The Defender portal shows the two DKIM records of the domain."
	} else if t.Tenant != "" {
		step.Text += " Compare the DKIM records with those that the Defender portal shows: newer domains have others."
	}
	step.Done = spfHeard && aliasHeard && keysHeard && !slices.ContainsFunc(findingsAbout(w), func(c Code) bool {
		return slices.Contains([]Code{CodeSPFMissing, CodeSPFTwice, CodeSPFLacks, CodeAutodiscover, CodeDKIM}, c)
	})
	return step
}

// findingsAbout are the codes of what is found about the records beside MX.
func findingsAbout(w Watch) (codes []Code) {
	j := &judge{Watch: w}
	j.others()
	for _, f := range j.found {
		codes = append(codes, f.Code)
	}
	return codes
}

func moveMX(w Watch, now Sight, clock Clock, state State) Step {
	step := Step{Code: "move-mx", Title: "Move the MX records to the new system", Now: now.mx(), Publish: w.Target.newMX(w.Domain),
		Text: "Replace all of them at once; a record of the old system that stays, with whatever preference, keeps mail there.",
		Done: (state == Switching || state == Settled) && !clock.SwitchedAt.IsZero()}
	if len(w.Target.MX) == 0 {
		step.Text += " The admin center shows the host of your domain; domains with DNSSEC have one below mx.microsoft."
	}
	if step.Done {
		step.Publish = nil
	}
	return step
}
