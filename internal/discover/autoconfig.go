package discover

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// directoryURL is Thunderbird's public database of providers.
const directoryURL = "https://autoconfig.thunderbird.net/v1.1/"

// server is one that an autoconfig file or Autodiscover names for IMAP.
type server struct {
	host string
	port int
	// security is Cleartext where nothing better is offered.
	security migration.Security
	user     string
}

// clientConfig is what is read of an autoconfig file.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Incoming []struct {
		Type       string `xml:"type,attr"`
		Hostname   string `xml:"hostname"`
		Port       string `xml:"port"`
		SocketType string `xml:"socketType"`
		Username   string `xml:"username"`
	} `xml:"emailProvider>incomingServer"`
}

var errNotAutoconfig = errors.New("it is not an autoconfig file")

// readAutoconfig reads the IMAP servers of an autoconfig file for a domain.
// encoding/xml fetches nothing and expands no entities of a document's own.
func readAutoconfig(text []byte, domain string) ([]server, error) {
	var config clientConfig
	if err := decodeXML(text, &config); err != nil {
		return nil, errNotAutoconfig
	}
	var servers []server
	for _, in := range config.Incoming {
		if !strings.EqualFold(in.Type, "imap") || len(servers) == recordsMost {
			continue
		}
		s := server{
			host: strings.ReplaceAll(strings.TrimSpace(in.Hostname), "%EMAILDOMAIN%", domain),
			user: strings.TrimSpace(in.Username),
		}
		s.port, _ = strconv.Atoi(strings.TrimSpace(in.Port))
		switch strings.ToUpper(strings.TrimSpace(in.SocketType)) {
		case "SSL":
			s.security = migration.Implicit
		case "STARTTLS":
			s.security = migration.StartTLS
		default:
			s.security = migration.Cleartext
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// decodeXML reads one document, in UTF-8.
func decodeXML(text []byte, into any) error {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.Strict = true
	return decoder.Decode(into)
}

// askAutoconfig asks for the autoconfig files of the domain.
func (b *board) askAutoconfig(ctx context.Context, web *web) {
	b.askAutoconfigOf(ctx, web, b.domain, weightAutoconfig)
}

func (b *board) askAutoconfigOf(ctx context.Context, web *web, domain string, weight int) {
	address := url.Values{"emailaddress": {postmaster + "@" + b.domain}}.Encode()
	for _, at := range []string{
		"https://autoconfig." + domain + "/mail/config-v1.1.xml?" + address,
		"https://" + domain + "/.well-known/autoconfig/mail/config-v1.1.xml",
	} {
		b.work.Go(func() { b.askConfig(ctx, web, at, FromAutoconfig, weight) })
	}
}

// askDirectory asks Thunderbird's public database.
func (b *board) askDirectory(ctx context.Context, web *web) {
	b.work.Go(func() { b.askConfig(ctx, web, directoryURL+url.PathEscape(b.domain), FromDirectory, weightDirectory) })
}

// askConfig fetches an autoconfig file and proposes what it names.
func (b *board) askConfig(ctx context.Context, web *web, address string, source Source, weight int) {
	question, _, _ := strings.Cut(address, "?")
	page, err := web.get(ctx, address)
	switch {
	case err != nil:
		b.answered(source, question, webTrouble(err))
	case page.status != http.StatusOK:
		b.answered(source, question, fmt.Sprintf("status %d", page.status))
	default:
		servers, err := readAutoconfig(page.body, b.domain)
		if err != nil {
			b.answered(source, question, err.Error())
			return
		}
		b.answered(source, question, b.proposeServers(ctx, servers, Evidence{source, question, weight}))
	}
}

// proposeServers proposes what a file names, and says what that was. A server for a
// line without TLS is not proposed as such: it is looked for with TLS.
func (b *board) proposeServers(ctx context.Context, servers []server, evidence Evidence) string {
	if len(servers) == 0 {
		return "it names no IMAP server"
	}
	var told []string
	for _, s := range servers {
		text := fmt.Sprintf("%s port %d", s.host, s.port)
		switch {
		case s.security == migration.Cleartext:
			text = "not proposed, without TLS: " + text
			b.note(clean(evidence.Detail) + " names " + clean(s.host) + " without TLS only. That is never proposed: it would show passwords and mail to everybody on the line.")
			if b.options.Probe != nil {
				b.proposeHost(ctx, s.host, Evidence{evidence.Source, evidence.Detail + " names it, without TLS", weightCleartext})
			}
		case !b.propose(ctx, proposal{s.host, s.port, s.security, evidence, s.user}):
			text = "not usable: " + text
		}
		told = append(told, text)
	}
	return strings.Join(told, ", ")
}
