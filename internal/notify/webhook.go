package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Hook is a program elsewhere that is told of events by an HTTP request.
type Hook struct {
	// URL is https, or http with AllowCleartext. It may itself be a secret, as
	// chat systems have it, and is in no text.
	URL            string
	AllowCleartext bool
	// Secret signs the requests; at least 16 bytes.
	Secret secret.Text
	// Roots replace the system's certificate authorities.
	Roots *x509.CertPool
	// Dial is a plain dialler when it is nil.
	Dial Dial
	// Timeout is for the whole request; 0 is 30 s.
	Timeout time.Duration
}

// The headers of a request. The signature is over the time stamp, a full stop and
// the body, so that none of them can be exchanged.
const (
	headerDelivery  = "Mailhaul-Delivery"  // the same for each sending of a notice
	headerTimestamp = "Mailhaul-Timestamp" // seconds since 1970
	headerSignature = "Mailhaul-Signature" // sha256= and the HMAC-SHA-256 in hex
)

// Check says what is wrong with it.
func (h *Hook) Check() error {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("the address is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the address must begin with https://")
	case u.Scheme == "http" && !h.AllowCleartext:
		return errors.New("the address must begin with https://; clear text must be allowed explicitly")
	case u.User != nil:
		return errors.New("the address must not hold a user name or password")
	case len(h.Secret.Reveal()) < 16:
		return errors.New("the secret must have 16 bytes or more")
	}
	return nil
}

// hookBody is the body of a request.
type hookBody struct {
	Delivery string                `json:"delivery"`
	Kind     string                `json:"kind"`
	Batch    string                `json:"batch"`
	Status   migration.BatchState  `json:"status"`
	At       time.Time             `json:"at"`
	Subject  string                `json:"subject"`
	Text     string                `json:"text"`
	Counts   migration.BatchCounts `json:"counts,omitzero"`
	Trouble  *migration.Trouble    `json:"trouble,omitempty"`
	// Total is missing when the batch has been deleted since.
	Total *report.BatchTotal `json:"total,omitempty"`
}

// post sends a notice. Any answer but 2xx is a failure; a redirection is not
// followed, and of the answer nothing but its number is kept.
func (h *Hook) post(ctx context.Context, n migration.Notice, f facts, p parts) error {
	body, err := json.Marshal(hookBody{delivery(n), n.Kind, n.BatchName, f.State, f.At, n.Subject, p.text, f.Counts, f.Trouble, p.total})
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address is no URL")
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "mailhaul")
	request.Header.Set(headerDelivery, delivery(n))
	request.Header.Set(headerTimestamp, stamp)
	request.Header.Set(headerSignature, "sha256="+h.sign(stamp, body))
	answer, err := h.client().Do(request)
	if err != nil {
		// The URL may be a secret, and the client's error has it.
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("calling the webhook: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 4096)
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the webhook answered with status %d", answer.StatusCode)
	}
	return nil
}

func (h *Hook) sign(stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(h.Secret.Reveal()))
	_, _ = mac.Write([]byte(stamp + "."))
	_, _ = mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (h *Hook) client() *http.Client {
	timeout := h.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: h.Dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
			TLSClientConfig: &tls.Config{RootCAs: h.Roots, MinVersion: tls.VersionTLS12},
		},
	}
}
