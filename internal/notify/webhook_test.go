package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

const hookSecret = "hook-c4nary-0123456789"

// called is what a webhook was called with.
type called struct {
	header http.Header
	body   []byte
}

// listen is a webhook that answers as told.
func listen(t *testing.T, answer http.HandlerFunc) (*Hook, *[]called) {
	t.Helper()
	var calls []called
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, called{r.Header, body})
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &Hook{URL: server.URL + "/t0ken-in-the-path", Secret: secret.New(hookSecret), Roots: roots}, &calls
}

func callHook(t *testing.T, hook *Hook) error {
	t.Helper()
	batch := batchOf(3)
	s, err := New(Options{Reports: oneReport{&batch}, Webhook: hook})
	if err != nil {
		t.Fatal(err)
	}
	return s.deliver(t.Context(), Composer{Webhook: true}.Compose(events()["stalled"], "")[0])
}

func TestAWebhookIsToldWithASignature(t *testing.T) {
	hook, calls := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for range 2 {
		if err := callHook(t, hook); err != nil {
			t.Fatal(err)
		}
	}
	call := (*calls)[0]
	mac := hmac.New(sha256.New, []byte(hookSecret))
	mac.Write([]byte(call.header.Get("Mailhaul-Timestamp") + "." + string(call.body)))
	if got := call.header.Get("Mailhaul-Signature"); got != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signed %s", got)
	}
	if first, again := call.header.Get("Mailhaul-Delivery"), (*calls)[1].header.Get("Mailhaul-Delivery"); first == "" || first != again {
		t.Errorf("the first is called %q, its repetition %q", first, again)
	}
	var body struct {
		Kind, Batch, Status, Subject, Text, Delivery string
		Counts                                       struct{ Total int }
		Trouble                                      struct{ Code string }
		Total                                        struct{ Mailboxes int }
	}
	if err := json.Unmarshal(call.body, &body); err != nil {
		t.Fatal(err)
	}
	if body.Kind != "stalled" || body.Batch != "sales-2026" || body.Status != "Syncing" || body.Counts.Total != 1204 || body.Trouble.Code != "connect" || body.Total.Mailboxes != 3 ||
		!strings.Contains(body.Text, "has stalled") || body.Delivery != call.header.Get("Mailhaul-Delivery") {
		t.Errorf("got %s", call.body)
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	hook, calls := listen(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if err := callHook(t, hook); err == nil || !strings.Contains(err.Error(), "status 307") || len(*calls) != 1 {
		t.Errorf("got %v, %d calls", err, len(*calls))
	}
}

func TestOfAnAnswerOnlyTheNumberIsKept(t *testing.T) {
	hook, _ := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, strings.Repeat("inner secrets ", 100_000))
	})
	if err := callHook(t, hook); err == nil || err.Error() != "the webhook answered with status 500" {
		t.Errorf("got %v", err)
	}
}

func TestTheAddressOfAWebhookIsInNoError(t *testing.T) {
	hook, _ := listen(t, func(http.ResponseWriter, *http.Request) {})
	closed := *hook
	closed.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
	unknown := *hook
	unknown.Roots = x509.NewCertPool()
	slow, _ := listen(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		// It would answer 200 after all, and a client that is about to give up may still see it.
		panic(http.ErrAbortHandler)
	})
	slow.Timeout = 50 * time.Millisecond
	for name, hook := range map[string]*Hook{"closed": &closed, "unknown": &unknown, "slow": slow} {
		if err := callHook(t, hook); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongSettingsOfAWebhookAreTold(t *testing.T) {
	for url, want := range map[string]string{
		"http://hooks.example.org/x": "https://", "ftp://hooks.example.org": "https://", "hooks.example.org": "no URL", "https://user:pass@hooks.example.org": "user name", "https:opaque": "no URL", "\x00": "no URL",
	} {
		if err := (&Hook{URL: url, Secret: secret.New(hookSecret)}).Check(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := (&Hook{URL: "https://hooks.example.org/x", Secret: secret.New("short")}).Check(); err == nil {
		t.Error("a short secret is taken")
	}
	if err := (&Hook{URL: "http://hooks.example.org/x", AllowCleartext: true, Secret: secret.New(hookSecret)}).Check(); err != nil {
		t.Error(err)
	}
}
