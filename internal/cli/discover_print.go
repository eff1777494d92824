package cli

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mailhaul/mailhaul/internal/discover"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

// discovery is what was found, and how it is shown.
type discovery struct {
	address string
	result  discover.Result
	flags   *discoverFlags
}

// shownCandidates is how many servers are shown to people; JSON has all.
const shownCandidates = 3

// shown are the servers worth showing: those that answer with a good certificate, else
// those that answer or are named; each server under its best name only.
func (d *discovery) shown() (shown []discover.Candidate) {
	good := slices.ContainsFunc(d.result.Candidates, discover.Candidate.Answers)
	keys := map[string]bool{}
	for _, c := range d.result.Candidates {
		answers := c.Seen != nil && c.Seen.Answered
		if good && !c.Answers() || !answers && !c.Named() {
			continue
		}
		key := c.Endpoint.Host
		if answers {
			key = cmp.Or(c.Seen.Pin, key)
		}
		if !keys[key] && len(shown) < shownCandidates {
			shown = append(shown, c)
		}
		keys[key] = true
	}
	return shown
}

func (d *discovery) print(out io.Writer) {
	shown := d.shown()
	if p := d.result.Provider; p != nil {
		fmt.Fprintf(out, "%s: the mail is kept by %s\n", d.result.Domain, p.Name)
		if p.Note != "" && !slices.ContainsFunc(shown, func(c discover.Candidate) bool { return slices.Contains(c.Notes, p.Note) }) {
			fmt.Fprintln(out, p.Note)
		}
		fmt.Fprintln(out)
	}
	for i, c := range shown {
		d.printCandidate(out, i+1, c)
	}
	for _, note := range d.result.Notes {
		fmt.Fprintln(out, migration.SafeText(note))
	}
	if len(shown) == 0 {
		d.printAsked(out)
	} else if more := len(d.result.Candidates) - len(shown); more > 0 {
		fmt.Fprintf(out, "%s further: --json has all.\n", counted(more, "address was considered", "addresses were considered"))
	}
}

// printAsked says what was asked in vain.
func (d *discovery) printAsked(out io.Writer) {
	fmt.Fprintln(out, "This was asked:")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, a := range d.result.Asked {
		fmt.Fprintf(w, "  %s\t%s\n", migration.SafeText(a.Question), migration.SafeText(a.Answer))
	}
	_ = w.Flush()
}

func (d *discovery) printCandidate(out io.Writer, number int, c discover.Candidate) {
	fmt.Fprintf(out, "%d. %s (%s)\n", number, serverURL(c.Endpoint, ""), c.Confidence)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fact := func(name string, lines ...string) {
		for _, line := range lines {
			if line != "" {
				fmt.Fprintf(w, "   %s\t%s\n", name, migration.SafeText(line))
				name = ""
			}
		}
	}
	fact("security", securityText(c.Endpoint.Security))
	fact("seen", seenText(c.Seen))
	if c.Seen != nil && !c.Answers() {
		fact("what to do", c.Seen.Remedy)
	}
	fact("software", softwareText(c))
	fact("known by", evidenceTexts(c.Evidence)...)
	fact("sign-in", loginTexts(c.Logins)...)
	fact("note", c.Notes...)
	fact("next", d.commands(c)...)
	_ = w.Flush()
	fmt.Fprintln(out)
}

func securityText(s migration.Security) string {
	if s == migration.StartTLS {
		return "TLS by STARTTLS, which is required"
	}
	return "TLS from the first byte"
}

func seenText(seen *discover.Seen) string {
	switch {
	case seen == nil:
		return "not looked at"
	case seen.Answered && seen.Trusted:
		return "it answers, and its certificate is good"
	case seen.Answered:
		return "it answers, but its certificate is NOT good: " + seen.Trouble
	}
	return "it does not answer: " + seen.Trouble
}

func softwareText(c discover.Candidate) string {
	if c.Seen == nil || !c.Seen.Answered {
		return ""
	}
	text := cmp.Or(c.Software, "not recognised")
	if version := c.Seen.ID["version"]; version != "" && c.Software != "" {
		text += " " + version
	}
	if c.Seen.Greeting != "" {
		text += fmt.Sprintf(" (it says %q)", c.Seen.Greeting)
	}
	return text
}

func evidenceTexts(evidence []discover.Evidence) (texts []string) {
	for _, e := range evidence {
		texts = append(texts, e.Detail)
	}
	return texts
}

func loginTexts(logins []discover.Login) (texts []string) {
	for i, login := range logins {
		or := ""
		if i > 0 {
			or = "or "
		}
		texts = append(texts, or+string(login.Form)+": "+login.How)
	}
	return texts
}

// commands are what to type next; none for a server that cannot be used as it is.
func (d *discovery) commands(c discover.Candidate) []string {
	if c.Seen != nil && !c.Answers() || len(c.Logins) == 0 {
		return nil
	}
	commands := []string{}
	for _, login := range c.Logins {
		for _, kind := range d.kindsOf(c, login) {
			command := "mailhaul endpoint create " + endpointName(d.result.Domain) + " " + kind
			if d.flags.caFile != "" {
				command += " --ca " + quoted(d.flags.caFile)
			}
			commands = append(commands, command)
		}
	}
	if copying := d.source(c); copying != "" {
		command := "mailhaul copy --source " + quoted(copying) + " --target URL"
		if d.flags.caFile != "" {
			command += " --source-ca " + quoted(d.flags.caFile)
		}
		commands = append(commands, command)
	}
	return commands
}

// kindsOf says of an endpoint where it is and how it is signed in to, in each way that
// there is.
func (d *discovery) kindsOf(c discover.Candidate, login discover.Login) []string {
	switch login.Form {
	case migration.LoginOffice365:
		kind := "--type office365"
		for _, cloud := range token.Clouds() {
			if cloud.IMAPHost == c.Endpoint.Host && cloud.Name != "worldwide" {
				kind += " --cloud " + cloud.Name
			}
		}
		kind += " --tenant " + d.result.Domain + " --client-id ID"
		return []string{kind + " --certificate-file FILE", kind + " --client-secret-file FILE"}
	case migration.LoginGoogle:
		return []string{"--type gmail --service-account-file FILE"}
	}
	text := serverURL(c.Endpoint, "") + " --login " + string(login.Form)
	if login.Admin {
		text += " --admin-user ADMIN"
	}
	return []string{text}
}

// source is the address of the mailbox for copy; empty where a single mailbox has no
// password of its own.
func (d *discovery) source(c discover.Candidate) string {
	for _, login := range c.Logins {
		if login.Form == migration.LoginUser {
			return serverURL(c.Endpoint, c.UserName)
		}
	}
	return ""
}

// endpointName is what an endpoint for a domain is called.
func endpointName(domain string) string {
	const most = 64
	return strings.TrimRight(domain[:min(len(domain), most)], ".-")
}

// serverURL writes an endpoint as addresses are written, without a port that is the
// usual one.
func serverURL(e migration.Endpoint, user string) string {
	scheme, usual := "imaps://", 993
	if e.Security == migration.StartTLS {
		scheme, usual = "imap://", 143
	}
	host := e.Address()
	if e.Port == usual {
		host = strings.TrimSuffix(host, fmt.Sprintf(":%d", usual))
	}
	if user != "" {
		user = strings.NewReplacer("@", "%40", ":", "%3A").Replace(url.PathEscape(user)) + "@"
	}
	return scheme + user + host
}

// discoveryJSON is the result for programs.
type discoveryJSON struct {
	Address    string             `json:"address"`
	Domain     string             `json:"domain"`
	Provider   *discover.Provider `json:"provider,omitempty"`
	Candidates []candidateJSON    `json:"candidates"`
	Notes      []string           `json:"notes"`
	Asked      []discover.Asked   `json:"asked"`
}

type candidateJSON struct {
	URL        string              `json:"url"`
	Host       string              `json:"host"`
	Port       int                 `json:"port"`
	Security   migration.Security  `json:"security"`
	Confidence discover.Confidence `json:"confidence"`
	Evidence   []discover.Evidence `json:"evidence"`
	// Seen is missing when the server was not looked at, or not to the end.
	Seen     *discover.Seen   `json:"seen,omitempty"`
	Software string           `json:"software,omitempty"`
	Logins   []discover.Login `json:"logins"`
	Notes    []string         `json:"notes"`
	// Source is the address of the mailbox for copy, Next are the commands.
	Source string   `json:"source,omitempty"`
	Next   []string `json:"next"`
}

func (d *discovery) json() discoveryJSON {
	list := func(texts []string) []string { return append([]string{}, texts...) }
	all := discoveryJSON{Address: d.address, Domain: d.result.Domain, Provider: d.result.Provider, Candidates: []candidateJSON{},
		Notes: list(d.result.Notes), Asked: append([]discover.Asked{}, d.result.Asked...)}
	for _, c := range d.result.Candidates {
		all.Candidates = append(all.Candidates, candidateJSON{
			URL: serverURL(c.Endpoint, ""), Host: c.Endpoint.Host, Port: c.Endpoint.Port, Security: c.Endpoint.Security,
			Confidence: c.Confidence, Evidence: c.Evidence, Seen: c.Seen, Software: c.Software,
			Logins: append([]discover.Login{}, c.Logins...), Notes: list(c.Notes), Source: d.source(c), Next: list(d.commands(c)),
		})
	}
	return all
}
