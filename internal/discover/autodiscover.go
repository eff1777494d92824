package discover

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// askAutodiscover asks the domain's Autodiscover service, which an Exchange server
// has, and some others imitate: by its JSON and by POX ("plain old XML"). No
// credential is ever sent; that Exchange wants one shows it.
func (b *board) askAutodiscover(ctx context.Context, web *web) {
	for _, host := range []string{"autodiscover." + b.domain, b.domain} {
		b.work.Go(func() { b.askPOX(ctx, web, "https://"+host+"/autodiscover/autodiscover.xml") })
	}
	b.work.Go(func() { b.askJSON(ctx, web, "https://autodiscover."+b.domain+"/autodiscover/autodiscover.json") })
}

// poxRequest asks for the settings of a mailbox.
type poxRequest struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006 Autodiscover"`
	Address string   `xml:"Request>EMailAddress"`
	Schema  string   `xml:"Request>AcceptableResponseSchema"`
}

const poxSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

func (b *board) askPOX(ctx context.Context, web *web, address string) {
	request, err := xml.Marshal(poxRequest{Address: postmaster + "@" + b.domain, Schema: poxSchema})
	if err != nil {
		b.answered(FromAutodiscover, address, err.Error())
		return
	}
	page, err := web.post(ctx, address, append([]byte(xml.Header), request...))
	switch {
	case err != nil:
		b.answered(FromAutodiscover, address, webTrouble(err))
	case page.status == http.StatusUnauthorized && showsExchange(page.header):
		b.answered(FromAutodiscover, address, "asks for a sign-in as Exchange does")
		b.exchangeAt(ctx, page.host, address)
	case page.status != http.StatusOK:
		b.answered(FromAutodiscover, address, fmt.Sprintf("status %d", page.status))
	default:
		servers, err := readPOX(page.body)
		if err != nil {
			b.answered(FromAutodiscover, address, err.Error())
			return
		}
		b.answered(FromAutodiscover, address, b.proposeServers(ctx, servers, Evidence{FromAutodiscover, address, weightAutodiscover}))
	}
}

// showsExchange reports whether an answer that wants a sign-in is Exchange's: it
// offers the ways of Windows, or names its own front end.
func showsExchange(header http.Header) bool {
	for _, offer := range header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(offer), " ")
		if strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate") {
			return true
		}
	}
	return header.Get("X-FEServer") != "" || header.Get("X-OWA-Version") != ""
}

// exchangeAt takes in that a host is an Exchange server.
func (b *board) exchangeAt(ctx context.Context, host, by string) {
	if p := byAlias(host); p != nil {
		b.known(ctx, p, weightKnownAlias, by+" is answered by "+host+", of "+p.name)
		return
	}
	name, ok := hostName(host)
	if !ok {
		return
	}
	b.note("Autodiscover shows Exchange at " + name + ". Its IMAP services are off until an administrator starts them.")
	if b.options.Probe != nil {
		b.proposeHost(ctx, name, Evidence{FromAutodiscover, by + " shows Exchange there", weightExchange})
	}
}

// poxResponse is what is read of an answer.
type poxResponse struct {
	XMLName   xml.Name `xml:"Autodiscover"`
	Protocols []struct {
		Type       string `xml:"Type"`
		Server     string `xml:"Server"`
		Port       string `xml:"Port"`
		LoginName  string `xml:"LoginName"`
		SSL        string `xml:"SSL"`
		Encryption string `xml:"Encryption"`
	} `xml:"Response>Account>Protocol"`
}

var (
	errNotPOX  = errors.New("it is not an answer of Autodiscover")
	errNotJSON = errors.New("it is not an answer of Autodiscover's JSON")
)

// readPOX reads the IMAP servers of an answer. Encryption, where it is given, stands
// above SSL, which is on unless said otherwise (MS-OXDSCLI section 2.2.4.1.1.2).
func readPOX(text []byte) ([]server, error) {
	var response poxResponse
	if err := decodeXML(text, &response); err != nil {
		return nil, errNotPOX
	}
	var servers []server
	for _, p := range response.Protocols {
		if !strings.EqualFold(strings.TrimSpace(p.Type), "IMAP") || len(servers) == recordsMost {
			continue
		}
		s := server{host: strings.TrimSpace(p.Server), user: strings.TrimSpace(p.LoginName)}
		s.port, _ = strconv.Atoi(strings.TrimSpace(p.Port))
		s.security = poxSecurity(strings.TrimSpace(p.Encryption), strings.TrimSpace(p.SSL), s.port)
		servers = append(servers, s)
	}
	return servers, nil
}

func poxSecurity(encryption, ssl string, port int) migration.Security {
	switch encryption = strings.ToUpper(encryption); {
	case encryption == "NONE":
		return migration.Cleartext
	case encryption == "SSL", encryption == "TLS" && port == 993: // which some write there
		return migration.Implicit
	case encryption == "TLS":
		return migration.StartTLS
	case strings.EqualFold(ssl, "off"):
		return migration.Cleartext
	case port == 143:
		return migration.StartTLS
	}
	return migration.Implicit
}

// askJSON asks by version 2, which says where the service is, without a sign-in.
func (b *board) askJSON(ctx context.Context, web *web, address string) {
	query := url.Values{"Email": {postmaster + "@" + b.domain}, "Protocol": {"AutodiscoverV1"}, "RedirectCount": {"1"}}
	page, err := web.get(ctx, address+"?"+query.Encode())
	switch {
	case err != nil:
		b.answered(FromAutodiscover, address, webTrouble(err))
	case page.status != http.StatusOK:
		b.answered(FromAutodiscover, address, fmt.Sprintf("status %d", page.status))
	default:
		host, err := readJSON(page.body)
		if err != nil {
			b.answered(FromAutodiscover, address, err.Error())
			return
		}
		b.answered(FromAutodiscover, address, "the service is at "+host)
		b.exchangeAt(ctx, host, address)
	}
}

// readJSON reads the host of the service.
func readJSON(text []byte) (host string, err error) {
	var answer struct{ Protocol, URL string } // names are matched without case
	if err := json.Unmarshal(text, &answer); err != nil || answer.Protocol == "" {
		return "", errNotJSON
	}
	at, err := url.Parse(answer.URL)
	if err != nil || at.Scheme != "https" {
		return "", errNotJSON
	}
	host, ok := hostName(at.Hostname())
	if !ok {
		return "", errNotJSON
	}
	return host, nil
}
