package token

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

const (
	// answerMost is the longest answer that is read.
	answerMost = 1 << 20
	// triesMost is how often a request is made that fails in a way that passes.
	triesMost = 4
	// firstPause doubles from try to try; half of it is left to chance.
	firstPause = time.Second
	// waitMost is the longest pause that is waited for here. A longer one is the
	// mailbox's, so that its place is another's meanwhile.
	waitMost = 10 * time.Second
	// pauseMost bounds the pause an authority may ask for.
	pauseMost = time.Hour
	// lifeMost bounds the life of a token, and lifeUnsaid is taken where the
	// answer does not tell it.
	lifeMost   = 24 * time.Hour
	lifeUnsaid = 5 * time.Minute
	// skewLeast is from when on a clock counts as wrong.
	skewLeast = 2 * time.Minute
)

// answer is what a grant gave.
type answer struct {
	token secret.Text
	life  time.Duration
}

// refusal is an authority's error answer (RFC 6749 section 5.2). The texts are
// scrubbed.
type refusal struct {
	status      int
	code        string // the field error
	description string
	// number is Entra ID's AADSTS number, 0 without one.
	number int
	// skew is how far this computer's clock is ahead of the authority's.
	skew time.Duration
}

// meaning is what to make of a refusal.
type meaning struct {
	class migration.Class
	code  string
	// cause and remedy are sentences, the cause without a full stop, as it follows
	// the server's text.
	cause, remedy string
}

const (
	remedyNetwork = "Check that this computer reaches the address by HTTPS on port 443 without a proxy; mailhaul tries again by itself."
	remedyBusy    = "Nothing needs to be done: mailhaul tries again by itself."
	remedyForeign = "Something else than the authority seems to have answered: check the authority's address, and that no proxy or sign-in page is in between."
	remedyTLS     = "Somebody may be between this computer and the authority, such as a proxy that opens TLS: let connections to this host pass it, or have its certificate authority trusted by this computer."
)

// asker makes the requests.
type asker struct {
	grant  grant
	client *http.Client
}

func newAsker(g grant, options Options) *asker {
	timeout := options.Timeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	transport := options.Transport
	if transport == nil {
		transport = &http.Transport{
			DialContext: options.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig: &tls.Config{RootCAs: options.Roots, MinVersion: tls.VersionTLS12},
		}
	}
	return &asker{g, &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// checkAuthority says what is wrong with an address that gets credentials.
func checkAuthority(address string, further []string) error {
	return checkAddress("authority", address, loginHosts(), further)
}

// CheckGraph says what is wrong with an address of Microsoft Graph, which gets tokens.
// hosts are further hosts that it may have, as in Options.
func CheckGraph(address string, hosts []string) error {
	var known []string
	for _, cloud := range Clouds() {
		known = append(known, hostOf(cloud.GraphAddress))
	}
	if err := checkAddress("Microsoft Graph", address, known, hosts); err != nil {
		return err
	}
	if u, _ := url.Parse(address); strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("the address of Microsoft Graph %q must hold no path: it is added to it", address)
	}
	return nil
}

// checkAddress says what is wrong with the address of what gets secrets.
func checkAddress(what, address string, known, further []string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("%s %q is no address: write https://host", what, address)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the %s's address must hold no user name, query or fragment: write https://host", what)
	case u.Scheme != "https":
		return fmt.Errorf("%s %q must begin with https://, since it gets a secret", what, address)
	}
	host := strings.ToLower(u.Hostname())
	if !slices.Contains(known, host) && !slices.ContainsFunc(further, func(h string) bool { return strings.EqualFold(h, host) }) {
		return fmt.Errorf("%s %q is none of %s: correct it, or have the server allow this host: mailhaul serve --token-host %[2]s", what, host, strings.Join(known, ", "))
	}
	return nil
}

// ask gets a token for a holder, with all tries.
func (a *asker) ask(ctx context.Context, holder string) (answer, *migration.Fault) {
	pause := firstPause
	for try := 1; ; try++ {
		got, fault := a.once(ctx, holder)
		if fault == nil {
			return got, nil
		}
		wait := pause/2 + rand.N(pause/2)
		if fault.After > 0 {
			wait = fault.After
		}
		passes := fault.Class == migration.Again && fault.Code != migration.CodePolicy || fault.Class == migration.Later
		if !passes || try == triesMost || wait > waitMost {
			return answer{}, fault
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return answer{}, fault
		}
		pause *= 2
	}
}

// once makes one request.
func (a *asker) once(ctx context.Context, holder string) (answer, *migration.Fault) {
	doing := a.grant.doing(holder)
	form, err := a.grant.form(holder, time.Now())
	if err != nil {
		return answer{}, &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: doing, Err: err, Remedy: "Give the endpoint its credential again."}
	}
	scrub := secret.NewScrubber(form.Get("client_secret"), form.Get("client_assertion"), form.Get("assertion"))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.grant.address(), strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, &migration.Fault{Class: migration.Login, Code: migration.CodePolicy, Doing: doing, Err: errors.New("the authority's address is malformed"), Remedy: "Correct the endpoint's authority and tenant."}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "mailhaul")
	response, err := a.client.Do(request)
	if err != nil {
		return answer{}, a.unreachable(doing, err, scrub)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMost+1))
	switch {
	case err != nil:
		return answer{}, a.unreachable(doing, err, scrub)
	case len(body) > answerMost:
		return answer{}, foreign(doing, "the answer is longer than 1 MiB")
	case response.StatusCode != http.StatusOK:
		return answer{}, a.refused(doing, response, body, scrub)
	}
	got, why := readAnswer(body)
	if why != "" {
		return answer{}, foreign(doing, why)
	}
	return got, nil
}

func foreign(doing, why string) *migration.Fault {
	return &migration.Fault{Class: migration.Again, Code: migration.CodeServerBug, Doing: doing, Err: errors.New(why), Remedy: remedyForeign}
}

// seconds is a number that some authorities write as a string.
type seconds int64

func (s *seconds) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	if err != nil || n < 0 {
		return errors.New("no number of seconds")
	}
	*s = seconds(n)
	return nil
}

// readAnswer reads a token answer (RFC 6749 section 5.1), or says what is wrong with it.
func readAnswer(body []byte) (got answer, wrong string) {
	var fields struct {
		Token   string   `json:"access_token"`
		Type    string   `json:"token_type"`
		Expires *seconds `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return answer{}, "the answer is not the JSON it should be"
	}
	// RFC 6750 section 2.1 says what a token is made of. Anything else could
	// end the field it is sent in.
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case fields.Token == "":
		return answer{}, "the answer holds no token"
	case strings.ContainsFunc(fields.Token, strange):
		return answer{}, "the token holds characters that no token has"
	case fields.Type != "" && !strings.EqualFold(fields.Type, "Bearer"):
		return answer{}, "the token is not a bearer token"
	}
	life := lifeUnsaid
	if fields.Expires != nil {
		life = time.Duration(min(int64(*fields.Expires), int64(lifeMost/time.Second))) * time.Second
	}
	if life == 0 {
		return answer{}, "the token has ended already"
	}
	return answer{secret.New(fields.Token), life}, ""
}

// unreachable is the fault of a request without an answer.
func (a *asker) unreachable(doing string, err error, scrub *secret.Scrubber) *migration.Fault {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	if policy := migration.FaultOf(err); policy != nil {
		own := *policy // of the dialler
		own.Doing = doing + ": " + policy.Doing
		return &own
	}
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: doing, Remedy: remedyNetwork}
	var resolving *net.DNSError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		fault.Code = migration.CodeInterrupted
	case errors.As(err, &resolving):
		fault.Code = migration.CodeResolve
	case errors.As(err, &certificate):
		fault.Class, fault.Code, fault.Remedy = migration.Login, migration.CodeTLS, remedyTLS
	case errors.As(err, &plain):
		fault.Code, fault.Remedy = migration.CodeTLS, remedyForeign
	case errors.As(err, &timeout) && timeout.Timeout():
		fault.Code = migration.CodeTimeout
	}
	// Its text alone is kept: it may quote what came, with a secret that was
	// sent back.
	fault.Err = errors.New(shown(err.Error(), scrub))
	return fault
}

// refused is the fault of an answer that is no token.
func (a *asker) refused(doing string, response *http.Response, body []byte, scrub *secret.Scrubber) *migration.Fault {
	after := retryAfter(response.Header.Get("Retry-After"), time.Now())
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, Doing: doing, Err: errors.New("the authority asks for a pause"), Remedy: remedyBusy, After: after}
	case status >= 500:
		return &migration.Fault{Class: migration.Later, Code: migration.CodeServerBusy, Doing: doing, Err: fmt.Errorf("the authority answered with status %d", status), Remedy: remedyBusy, After: after}
	case status >= 300 && status < 400:
		return foreign(doing, fmt.Sprintf("the answer is a redirection (status %d), which is not followed", status))
	}
	var fields struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	if err := json.Unmarshal(body, &fields); err != nil || fields.Error == "" {
		return foreign(doing, fmt.Sprintf("the authority answered with status %d and no reason", response.StatusCode))
	}
	r := refusal{status: response.StatusCode, code: shown(fields.Error, scrub), description: shown(fields.Description, scrub)}
	if len(fields.Codes) > 0 {
		r.number = fields.Codes[0]
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		r.skew = time.Since(date)
	}
	m := a.grant.meaning(r)
	text := r.description
	if text == "" {
		text = r.code
	}
	return &migration.Fault{Class: m.class, Code: m.code, Doing: doing, Text: text, Err: errors.New(m.cause), Remedy: m.remedy, After: after}
}

// clock says what the answer's date shows of this computer's clock.
func (r refusal) clock() string {
	switch {
	case r.skew > skewLeast:
		return fmt.Sprintf("this computer's clock is %s ahead of the authority's", r.skew.Round(time.Minute))
	case r.skew < -skewLeast:
		return fmt.Sprintf("this computer's clock is %s behind the authority's", (-r.skew).Round(time.Minute))
	}
	return "the authority takes this computer's clock for wrong"
}

// shown makes a text of somebody else fit to be shown.
func shown(text string, scrub *secret.Scrubber) string {
	const most = 400 // bytes
	// What Entra ID adds about the request differs each time.
	text, _, _ = strings.Cut(text, "Trace ID:")
	// Control characters could hide a secret from the scrubber.
	text = strings.TrimSpace(scrub.Scrub(migration.SafeText(scrub.Scrub(text))))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// retryAfter reads the header (RFC 9110 section 10.2.3); 0 is none.
func retryAfter(text string, now time.Time) time.Duration {
	var pause time.Duration
	if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32); err == nil {
		pause = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, 0), pauseMost)
}
