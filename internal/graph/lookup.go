package graph

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

const (
	// answerMost is the longest answer that is read.
	answerMost = 64 << 10
	// textMost is how much of Graph's own text a fault holds.
	textMost = 200
)

const (
	remedyLater   = "Nothing needs to be done: the next pass asks again."
	remedyNetwork = "Check that this computer reaches the address by HTTPS on port 443 without a proxy that opens TLS; the next pass asks again. To do without, switch the look-up off (graphFolders false)."
	remedyForeign = "Something else than Microsoft Graph seems to have answered: check the endpoint's cloud and Graph address, and that no proxy or sign-in page is in between."
	remedyMailbox = "Check that the mailbox's user name is the address of a mailbox of this tenant, with a licence for Exchange Online."
)

// lookUp asks for the folders of one mailbox.
type lookUp struct {
	*Client
	http    *http.Client
	bearer  secret.Text
	mailbox string
	// patient: a pause may still be waited for.
	patient bool
}

func (l *lookUp) folders(ctx context.Context) (migration.DefaultFolders, *migration.Fault) {
	if strings.Trim(l.mailbox, ".") == "" { // would be another path
		return nil, l.fault(migration.OneMailbox, migration.CodeUnsupported, "the mailbox has no name", remedyMailbox)
	}
	found := migration.DefaultFolders{}
	for _, folder := range wellKnown {
		name, fault := l.ask(ctx, folder.name)
		if fault != nil {
			return nil, fault
		}
		found[folder.use] = name
	}
	folders, err := migration.DefaultFolders(nil).With(found)
	switch {
	case err != nil:
		return nil, l.fault(migration.Again, migration.CodeServerBug, "the names in its answers cannot be those of the folders: "+l.shown(err.Error()), remedyForeign)
	case len(folders) == 0:
		return nil, l.fault(migration.OneMailbox, migration.CodeNotConnected, "it knows none of them for "+migration.SafeText(l.mailbox), remedyMailbox)
	}
	return folders, nil
}

// ask gives the display name of a folder, empty if there is none.
func (l *lookUp) ask(ctx context.Context, folder string) (string, *migration.Fault) {
	name, fault := l.once(ctx, folder)
	if fault == nil || !l.patient || fault.After <= 0 || fault.After > waitMost {
		return name, fault
	}
	l.patient = false
	select {
	case <-time.After(fault.After):
		return l.once(ctx, folder)
	case <-ctx.Done():
		return "", fault
	}
}

// once makes one request.
func (l *lookUp) once(ctx context.Context, folder string) (string, *migration.Fault) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.address(l.mailbox, folder), http.NoBody)
	if err != nil {
		return "", l.fault(migration.OneMailbox, migration.CodeUnsupported, "the address is malformed", remedyMailbox)
	}
	request.Header.Set("Authorization", "Bearer "+l.bearer.Reveal())
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "mailhaul")
	response, err := l.http.Do(request)
	if err != nil {
		return "", l.unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMost+1))
	switch {
	case err != nil:
		return "", l.unreachable(err)
	case len(body) > answerMost:
		return "", l.fault(migration.Again, migration.CodeServerBug, "the answer is longer than 64 KiB", remedyForeign)
	case response.StatusCode == http.StatusNotFound:
		return "", nil
	case response.StatusCode != http.StatusOK:
		return "", l.refused(response, body)
	}
	var answer struct {
		Name string `json:"displayName"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Name == "" {
		return "", l.fault(migration.Again, migration.CodeServerBug, "the answer is not the JSON of a folder", remedyForeign)
	}
	return answer.Name, nil
}

// unreachable is the fault of a request without an answer.
func (l *lookUp) unreachable(err error) *migration.Fault {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	if policy := migration.FaultOf(err); policy != nil { // of the dialler
		return l.fault(policy.Class, policy.Code, policy.Error(), policy.Remedy)
	}
	fault := l.fault(migration.Again, migration.CodeConnect, l.shown(err.Error()), remedyNetwork)
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		fault.Code = migration.CodeInterrupted
	case errors.As(err, &certificate):
		fault.Code = migration.CodeTLS
	case errors.As(err, &timeout) && timeout.Timeout():
		fault.Code = migration.CodeTimeout
	}
	return fault
}

// refused is the fault of an answer that is none.
func (l *lookUp) refused(response *http.Response, body []byte) *migration.Fault {
	app, portal := l.app.ClientID, l.app.Cloud.Portal
	var fault *migration.Fault
	switch status := response.StatusCode; {
	case status == http.StatusForbidden:
		fault = l.fault(migration.Login, migration.CodeNoAccess, "the app has not the permission "+token.PermissionGraph,
			"In "+portal+", App registrations, app "+app+", API permissions, add the application permission "+token.PermissionGraph+
				" of Microsoft Graph, and grant admin consent; new tokens have it after some minutes. If it is there, an application access policy keeps the app from this mailbox.")
	case status == http.StatusUnauthorized:
		fault = l.fault(migration.Login, migration.CodeToken, "it does not take the token",
			"Give app "+app+" the application permission "+token.PermissionGraph+" of Microsoft Graph, with admin consent, if it has no permission at all; else compare the endpoint's cloud ("+
				l.app.Cloud.Name+") and Graph address with the cloud that tenant "+l.app.Tenant+" is in.")
	case status == http.StatusTooManyRequests:
		fault = l.throttled(pauseOf(response))
	case status >= 500:
		fault = l.fault(migration.Later, migration.CodeServerBusy, fmt.Sprintf("it answers with status %d", status), remedyLater)
		if response.Header.Get("Retry-After") != "" {
			fault.After = pauseOf(response)
		}
	case status >= 300 && status < 400:
		return l.fault(migration.Again, migration.CodeServerBug, fmt.Sprintf("the answer is a redirection (status %d), which is not followed", status), remedyForeign)
	default:
		fault = l.fault(migration.Again, migration.CodeServerBug, fmt.Sprintf("it answers with status %d", status), remedyForeign)
	}
	fault.Text = l.reason(body)
	return fault
}

// reason is Graph's own, as far as it is fit to be shown.
func (l *lookUp) reason(body []byte) string {
	var answer struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return l.shown(strings.Trim(answer.Error.Code+": "+answer.Error.Message, ": "))
}

// shown makes a text of somebody else fit to be shown: he may have sent the token
// back.
func (l *lookUp) shown(text string) string {
	scrub := secret.NewScrubber(l.bearer.Reveal())
	text = scrub.Scrub(migration.SafeText(scrub.Scrub(text)))
	if len(text) > textMost {
		text = strings.ToValidUTF8(text[:textMost], "") + "..."
	}
	return text
}

// pauseOf is the pause that an answer asks for (RFC 9110 section 10.2.3); Graph gives
// it in seconds.
func pauseOf(response *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(strings.TrimSpace(response.Header.Get("Retry-After")), 10, 32)
	if err != nil || seconds == 0 {
		return pauseUnsaid
	}
	return min(time.Duration(seconds)*time.Second, pauseMost)
}
