package cutover

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Code names a kind of finding.
type Code string

// The codes of findings.
const (
	CodeDomainMissing  Code = "domain-missing"
	CodeDomainAlias    Code = "domain-alias"
	CodeDNSSECBogus    Code = "dnssec-bogus"
	CodeLookupFailing  Code = "lookup-failing"
	CodeLookupTimeout  Code = "lookup-timeout"
	CodeNoZone         Code = "no-zone"
	CodeServerLame     Code = "server-lame"
	CodeServerFailing  Code = "server-failing"
	CodeServerTimeout  Code = "server-timeout"
	CodeServerGarbled  Code = "server-garbled"
	CodeServerRefused  Code = "server-not-allowed"
	CodeServerHomeless Code = "server-no-address"
	CodeDelegatedOnly  Code = "delegated-only"
	CodeZoneOnly       Code = "zone-only"
	CodeGlueDiffers    Code = "glue-differs"
	CodeNotCompared    Code = "delegation-not-compared"
	CodeStaleSecondary Code = "stale-secondary"
	CodeSerialDiffers  Code = "serial-differs"
	CodeTTLHigh        Code = "ttl-high"
	CodeTTLLowered     Code = "ttl-lowered"
	CodeReady          Code = "ready"
	CodeNoMX           Code = "no-mx"
	CodeNullMX         Code = "null-mx"
	CodeMXMixed        Code = "mx-mixed"
	CodeMXAlias        Code = "mx-alias"
	CodeMXUnresolved   Code = "mx-unresolved"
	CodeWaiting        Code = "waiting"
	CodeWaitOver       Code = "wait-over"
	CodeSwitchUnseen   Code = "switch-unseen"
	CodeSwitchUnstated Code = "switch-unstated"
	CodeContradicted   Code = "stated-contradicted"
	CodeStatedIgnored  Code = "stated-ignored"
	CodeLookAhead      Code = "look-ahead"
	CodeLookGap        Code = "look-gap"
	CodeServerJoined   Code = "server-joined"
	CodeLookOld        Code = "look-old"
	CodeCacheOld       Code = "cache-old"
	CodeCacheHeld      Code = "cache-held"
	CodeCachesUnheard  Code = "caches-unheard"
	CodeResolver       Code = "resolver-trouble"
	CodeSPFMissing     Code = "spf-missing"
	CodeSPFTwice       Code = "spf-twice"
	CodeSPFLacks       Code = "spf-lacks"
	CodeAutodiscover   Code = "autodiscover-elsewhere"
	CodeDKIM           Code = "dkim-missing"
	CodeDMARC          Code = "dmarc-missing"
	CodeTooMany        Code = "too-many"
	CodeBatchGone      Code = "batch-gone"
)

// judge collects the findings of a watch.
type judge struct {
	Watch
	clock Clock
	state State
	now   time.Time
	gone  []string // batches
	found []Finding
}

// findingsOf are the findings, the worst first, by what a verdict has already.
func findingsOf(w Watch, v Verdict, now time.Time) []Finding {
	j := &judge{Watch: w, clock: v.Clock, state: v.State, now: now, found: []Finding{}}
	if v.Mailboxes != nil {
		j.gone = v.Mailboxes.Gone
	}
	j.lookup()
	j.servers()
	j.delegation()
	j.records()
	j.hosts()
	j.waiting()
	j.resolvers()
	j.others()
	j.bounds()
	rank := []Severity{Bad, Odd, Note}
	slices.SortStableFunc(j.found, func(a, b Finding) int { return slices.Index(rank, a.Severity) - slices.Index(rank, b.Severity) })
	return j.found
}

func (j *judge) add(code Code, severity Severity, sentence, advice string) {
	j.found = append(j.found, Finding{code, severity, sentence, advice})
}

// bounds tells of what is more than is looked at, and of what is not there any more.
func (j *judge) bounds() {
	if j.Last.Cut {
		j.add(CodeTooMany, Odd, j.Domain+" has more servers or MX records than are looked at, or a server with more addresses: whether all of them are those of the new system is not known.",
			"Leave only those that are needed; until then the domain does not settle here.")
	}
	for _, batch := range j.gone {
		j.add(CodeBatchGone, Odd, "The batch "+batch+" was deleted; its mailboxes were to count, and do not any more.",
			"Name the batches that count: mailhaul cutover watch "+j.Domain+" --batch BATCH")
	}
}

// lookup tells why the servers of the zone could not be found.
func (j *judge) lookup() {
	switch j.Last.Trouble {
	case NoTrouble:
	case Missing:
		j.missing()
	case Bogus:
		j.bogus("The resolvers")
	case Failing:
		j.add(CodeLookupFailing, Bad, "The resolvers could not tell which servers the zone of "+j.Domain+" has (SERVFAIL).",
			"See that the servers of the zone answer, and that the delegation at the registrar names the right ones.")
	case Silent:
		j.add(CodeLookupTimeout, Bad, "No resolver answers: nothing could be looked up.",
			"See that this computer may reach its resolver, or name one with --dns ADDRESS.")
	default:
		j.add(CodeNoZone, Bad, "The servers of the zone of "+j.Domain+" could not be found: the resolvers give no usable answer.",
			"Name a resolver that answers about the public DNS with --dns ADDRESS.")
	}
}

func (j *judge) missing() {
	j.add(CodeDomainMissing, Bad, "There is no domain "+j.Domain+" (NXDOMAIN): mail for it comes back to its senders.",
		"See to the spelling, and that the domain is registered and not expired.")
}

func (j *judge) bogus(who string) {
	j.add(CodeDNSSECBogus, Bad, who+" answer SERVFAIL, but have the records of "+j.Domain+" when told not to check signatures: DNSSEC is broken.",
		"Sign the zone anew, or have the registrar remove the DS record. Until then, those whose resolvers check signatures cannot send mail to the domain.")
}

// servers tells of each server of the zone that gave no answer that counts, and of those
// that differ.
func (j *judge) servers() {
	missing := false
	for _, s := range j.Last.zone() {
		switch s.Trouble {
		case NoTrouble:
		case Missing:
			missing = true
		case Alias:
			j.add(CodeDomainAlias, Bad, j.Domain+" is an alias of another domain (CNAME), which has the MX records.", "Look at the domain that it is an alias of.")
			return
		default:
			j.server(s)
		}
	}
	if missing {
		j.missing()
	}
	j.stale()
}

// server tells of one that gave no answer that counts.
func (j *judge) server(s Sight) {
	name := shown(s.Server)
	switch s.Trouble {
	case Lame:
		if j.counts(s) && s.stand(j.Target) == unheard {
			j.add(CodeServerLame, Odd, name+" had the old MX records when it was last heard, and refuses now (lame delegation): it may refuse mailhaul alone.",
				"Take it out of the NS records and of the delegation at the registrar, or have it serve the zone to everybody; until then the domain does not settle.")
			return
		}
		j.add(CodeServerLame, Odd, name+" is named as a server of the zone, but does not serve it (lame delegation).",
			"Take it out of the NS records and of the delegation at the registrar, or have it serve the zone.")
	case Failing:
		j.add(CodeServerFailing, Bad, name+" could not tell (SERVFAIL).", "See to the zone on that server: it may have expired or not load.")
	case Silent:
		j.add(CodeServerTimeout, Odd, name+" does not answer in time.", "See that it runs and can be reached over UDP and TCP port 53. As long as it is silent it is not known which MX records it has.")
	case Homeless:
		j.add(CodeServerHomeless, Odd, name+" is named as a server of the zone, but has no address: nobody can ask it.",
			"See to the spelling of its name, give it an address, or take it out of the NS records and of the delegation at the registrar.")
	case Forbidden:
		j.add(CodeServerRefused, Odd, name+" was not asked: the settings of mailhaul do not allow connecting to its address.", "See that the delegation names public addresses, or let mailhaul connect to it.")
	default:
		j.add(CodeServerGarbled, Odd, name+" gives an answer that cannot be understood.", "See to that server; other mail systems will not understand it either.")
	}
}

// stale tells of servers that have the old records while others have the new.
func (j *judge) stale() {
	var behind, serials []string
	moves, newest := false, uint32(0)
	for _, s := range j.Last.zone() {
		moves = moves || s.stand(j.Target) == moved
		newest = newer(newest, s.Serial)
	}
	for _, s := range j.Last.zone() {
		stand := s.stand(j.Target)
		switch {
		case stand == unheard:
		case moves && stand != moved && s.Former:
			j.former(s)
		case moves && stand != moved:
			behind = append(behind, shown(s.Server))
		case s.Serial != newest && s.Serial != 0:
			serials = append(serials, fmt.Sprintf("%s (%d)", shown(s.Server), s.Serial))
		}
	}
	if len(behind) > 0 {
		j.add(CodeStaleSecondary, Bad, strings.Join(behind, ", ")+" still "+verb(len(behind), "has", "have")+" the old MX records, while other servers of the zone have the new.",
			"See that the secondary gets the zone: its transfer, NOTIFY, and that the serial of the SOA was raised. One that is no server of the zone any more must not be named by the NS records and the delegation at the registrar. The wait begins when the last server has changed.")
	}
	if len(serials) > 0 {
		j.add(CodeSerialDiffers, Note, fmt.Sprintf("Not all servers have the same zone: %s, the newest serial is %d.", strings.Join(serials, ", "), newest),
			"Look again in some minutes; if it stays so, see to the transfer of the zone.")
	}
}

// former tells of a server with the old records that nobody names any more.
func (j *judge) former(s Sight) {
	advice := "Have it no longer serve the zone, if you can."
	if left := j.Seen[s.Address]; !left.Left.IsZero() {
		advice += " Else wait: caches may name it until " + moment(left.namedUntil()) + "; then it is asked no more, and the wait begins."
	}
	j.add(CodeStaleSecondary, Bad, shown(s.Server)+" still has the old MX records, and nobody names it any more: caches may, and send mail to the old system.", advice)
}

// newer is the later of two serials (RFC 1982 section 3.2). 0 is none.
func newer(a, b uint32) uint32 {
	if a == 0 || b != 0 && int32(b-a) > 0 {
		return b
	}
	return a
}

// records tells what the MX records are as long as they name the old system.
func (j *judge) records() {
	j.withoutMX()
	switch {
	case j.state == Mixed:
		var olds []string
		for _, s := range j.Last.zone() {
			if s.stand(j.Target) == both {
				olds = append(olds, oldHosts(s, j.Target)...)
			}
		}
		j.add(CodeMXMixed, Bad, "The MX records name the new system and still the old one ("+strings.Join(distinct(olds), ", ")+"): some senders deliver there, whatever its preference is.",
			"Remove the records of the old system; a high preference does not keep mail away from it.")
	case j.state == NotPrepared && j.OldTTL > LowTTL:
		j.add(CodeTTLHigh, Odd, fmt.Sprintf("Caches keep the MX records for %s: after the switch mail would arrive at the old system for as long.", duration(seconds(j.OldTTL))),
			fmt.Sprintf("Lower the TTL of the MX records to %d seconds or less, and wait %s before you change them.", LowTTL, duration(seconds(j.OldTTL))))
	case j.state == NotPrepared:
		j.add(CodeTTLLowered, Note, "The TTL of the MX records is low, but caches may hold them with the former TTL until "+moment(j.CachedUntil)+".",
			"Change the MX records only after that.")
	case j.state == ReadyToSwitch:
		j.add(CodeReady, Note, "The MX records name the old system, and no cache keeps them longer than "+duration(max(j.CachedUntil.Sub(j.Last.At), time.Second))+".",
			"Change the MX records when every mailbox has been synchronised.")
	}
}

// withoutMX tells of a domain without MX records, and of one that takes no mail.
func (j *judge) withoutMX() {
	for _, s := range j.Last.zone() {
		switch records := s.mx(); {
		case s.Trouble != NoTrouble:
		case len(records) == 0:
			j.add(CodeNoMX, Odd, j.Domain+" has no MX record: mail goes to the address of "+j.Domain+" itself, if it has one (RFC 5321 section 5.1).",
				"Publish the MX records of the new system when you switch.")
			return
		case len(records) == 1 && records[0].Value == ".":
			j.add(CodeNullMX, Odd, "By its MX record "+j.Domain+" takes no mail (null MX, RFC 7505).",
				"Replace the record by those of the new system when you switch.")
			return
		}
	}
}

func oldHosts(s Sight, t Target) (all []string) {
	for _, r := range s.mx() {
		if !t.Takes(r.Value) {
			all = append(all, r.Value)
		}
	}
	return all
}

// hosts tells of hosts in MX records that mail cannot be sent to.
func (j *judge) hosts() {
	for _, host := range j.Last.Aliases {
		j.add(CodeMXAlias, Odd, "The MX record names "+host+", which is an alias (CNAME): that is not allowed (RFC 2181 section 10.3), and some senders refuse it.",
			"Name the host that it is an alias of.")
	}
	for _, host := range j.Last.Unresolved {
		severity := Odd
		if j.Target.Takes(host) {
			severity = Bad
		}
		j.add(CodeMXUnresolved, severity, "The MX record names "+host+", which has no address: no mail can be sent there.",
			"See to the spelling; the new system's administration shows the right name.")
	}
}

// others tells of the records beside MX, as far as somebody could be asked about them.
func (j *judge) others() {
	if s, heard := j.Last.heard(j.Domain); heard {
		j.spf(spfOf(s, j.Domain))
	}
	if s, heard := j.Last.heard(autodiscoverNames(j.Domain)...); heard && j.Target.Autodiscover != "" {
		j.autodiscover(s)
	}
	if s, heard := j.Last.heard(keyNames(j.Domain)...); heard {
		j.dkim(s)
	}
	dmarc := "_dmarc." + j.Domain
	if s, heard := j.Last.heard(dmarc); heard && !slices.ContainsFunc(s.at("TXT", dmarc), func(r Record) bool { return isDMARC(r.Value) }) {
		j.add(CodeDMARC, Note, "There is no DMARC record (RFC 7489).", "Consider one, p=none first, once mail is signed and SPF is right.")
	}
}

func (j *judge) spf(records []Record) {
	switch {
	case len(records) > 1:
		j.add(CodeSPFTwice, Bad, "There are "+number(len(records))+" SPF records: receivers then take none as valid (RFC 7208 section 4.5).", "Make one of them.")
	case j.Target.SPF == "":
	case len(records) == 0:
		j.add(CodeSPFMissing, Odd, "There is no SPF record: mail that the new system sends may be taken for spam.", "Publish "+j.Target.newSPF(j.Domain, nil)[0].Value)
	case !includes(records[0].Value, j.Target.SPF):
		j.add(CodeSPFLacks, Odd, "The SPF record does not include "+j.Target.SPF+": mail that the new system sends may be refused.", "Add include:"+j.Target.SPF+" before the first person sends from there.")
	}
}

func (j *judge) autodiscover(s Sight) {
	names := autodiscoverNames(j.Domain)
	for _, r := range slices.Concat(s.at("CNAME", names[0]), s.at("SRV", names[1])) {
		if r.Value == j.Target.Autodiscover {
			return
		}
	}
	j.add(CodeAutodiscover, Odd, names[0]+" does not lead to "+j.Target.Autodiscover+": Outlook will not find the new system by itself.",
		"Make it an alias of "+j.Target.Autodiscover+" when people begin to work there.")
}

// dkim tells of keys that the target signs with. Only those of Office 365 have known names.
func (j *judge) dkim(s Sight) {
	suffixes := services[j.Target.Kind].dkim
	if len(suffixes) == 0 {
		return
	}
	for _, name := range keyNames(j.Domain) {
		right := slices.ContainsFunc(s.at("CNAME", name), func(r Record) bool {
			return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(r.Value, "."+suffix) })
		})
		if !right {
			j.add(CodeDKIM, Note, name+" does not lead to Office 365: mail will not be signed for the domain (DKIM).",
				"Publish the two records that the Defender portal shows for the domain, and enable signing there.")
			return
		}
	}
}
