package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestOneTokenServesATenantAndIsRenewedInTime(t *testing.T) {
	for name, with := range map[string]func(*testing.T, *authority) *Provider{"secret": withSecret, "certificate": withCertificate} {
		t.Run(name, func(t *testing.T) {
			rsaKey()
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority()
				p := with(t, a)
				first := get(t, p, "anna@contoso.example")
				if got := get(t, p, "bert@contoso.example"); got != first || first.Reveal() != a.given[0] {
					t.Error("a second mailbox of the tenant got another token")
				}
				time.Sleep(47 * time.Minute)
				if get(t, p, "anna@contoso.example") != first || a.count() != 1 {
					t.Errorf("asked %d times before 80 %% of the token's life", a.count())
				}
				time.Sleep(2 * time.Minute)
				if get(t, p, "anna@contoso.example") != first {
					t.Error("the old token was not given while the new one was asked for")
				}
				synctest.Wait()
				if second := get(t, p, "anna@contoso.example"); second == first || a.count() != 2 {
					t.Errorf("at 49 minutes the token was asked for %d times", a.count())
				}
			})
		})
	}
}

func TestWhenTokensAreRenewed(t *testing.T) {
	for _, test := range []struct{ life, renew, end time.Duration }{
		{time.Hour, 48 * time.Minute, time.Hour - 30*time.Second},          // 80 %
		{20 * time.Minute, 15 * time.Minute, 1170 * time.Second},           // 5 minutes before the end
		{4 * time.Minute, 2 * time.Minute, 4*time.Minute - 24*time.Second}, // not in the first half
		{24 * time.Hour, 1152 * time.Minute, 24*time.Hour - 30*time.Second},
	} {
		h, now := &held{}, time.Now()
		h.keep(answer{secret.New("t"), test.life}, now, false)
		if h.renew.Sub(now) != test.renew || h.end.Sub(now) != test.end {
			t.Errorf("%v: renewed after %v, given out for %v", test.life, h.renew.Sub(now), h.end.Sub(now))
		}
	}
}

func TestManyWhoAskMakeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, release := newAuthority(), make(chan struct{})
		a.instead = func(http.ResponseWriter, *http.Request, int) bool { <-release; return false }
		p := withSecret(t, a)
		impatient, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		// The one who asked first gives up; the others still get their token.
		wg.Go(func() {
			_, err := p.Token(impatient, "first@contoso.example")
			if migration.CodeOf(err) != migration.CodeInterrupted || !errors.Is(err, errGone) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		got := make([]secret.Text, 50)
		for i := range got {
			wg.Go(func() { got[i], _ = p.Token(t.Context(), fmt.Sprintf("u%d@contoso.example", i)) })
		}
		synctest.Wait()
		cancel(errGone)
		synctest.Wait()
		close(release)
		wg.Wait()
		for i := range got {
			if got[i].Empty() || got[i] != got[0] {
				t.Fatalf("number %d got another token or none", i)
			}
		}
		if a.count() != 1 {
			t.Errorf("%d requests", a.count())
		}
	})
}

var errGone = errors.New("gone away")

func TestATokenIsUsedToItsEndWhileTheAuthorityIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		p := withSecret(t, a)
		first := get(t, p, "u@contoso.example")
		a.change(func() {
			a.instead = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.WriteHeader(http.StatusBadGateway)
				return true
			}
		})
		for range 11 { // to 59:00
			if time.Sleep(time.Minute); get(t, p, "u@contoso.example") != first {
				t.Fatal("another token came from an authority that is down")
			}
			time.Sleep(4*time.Minute + 20*time.Second)
			synctest.Wait()
		}
		before := a.count()
		time.Sleep(2 * time.Minute)
		_, err := p.Token(t.Context(), "u@contoso.example")
		if migration.ClassOf(err) != migration.Later || migration.CodeOf(err) != migration.CodeServerBusy {
			t.Errorf("a token past its end: %v", err)
		}
		if a.count() != before+triesMost {
			t.Errorf("%d tries", a.count()-before)
		}
		a.change(func() { a.instead = nil })
		time.Sleep(failedPause)
		if get(t, p, "u@contoso.example") == first {
			t.Error("the token that has ended was given out")
		}
	})
}

func TestARefusedTokenIsExchangedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		p := withSecret(t, a)
		first := get(t, p, "u@contoso.example")
		if p.Refused(first) || get(t, p, "u@contoso.example") != first {
			t.Error("a new token was exchanged")
		}
		time.Sleep(refusedPause)
		if !p.Refused(first) {
			t.Error("an older token was not exchanged")
		}
		if !p.Refused(first) {
			t.Error("of a token that is gone already Token gives another one")
		}
		second := get(t, p, "u@contoso.example")
		if second == first {
			t.Fatal("the refused token was given out again")
		}
		for range 1000 { // a broken mailbox that goes on trying, 10 minutes long
			p.Refused(second)
			second = get(t, p, "u@contoso.example")
			time.Sleep(600 * time.Millisecond)
		}
		if a.count() > 12 {
			t.Errorf("%d requests in ten minutes", a.count())
		}
		if p.Refused(secret.Text{}) {
			t.Error("no token at all counts as refused")
		}
	})
}

func TestATokenWithoutTheRoleIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		a.roles = nil
		p := withSecret(t, a)
		first := get(t, p, "u@contoso.example")
		a.change(func() { a.roles = []string{"IMAP.AccessAsApp"} }) // the administrator has given it
		time.Sleep(refusedPause)
		if get(t, p, "u@contoso.example") == first {
			t.Error("a minute later the token without the role is still given out")
		}
	})
}

func TestAFailureIsEverybodysAnswerForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		p, err := NewOffice365(Office365{Tenant: testTenant, ClientID: testApp, Secret: secret.New("wrong")}, Options{Transport: a})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			_, err := p.Token(t.Context(), fmt.Sprint(i, "@contoso.example"))
			if migration.ClassOf(err) != migration.Login {
				t.Fatal(err)
			}
			migration.FaultOf(err).Doing = "changed by the caller"
		}
		if a.count() != 1 {
			t.Errorf("%d requests with a wrong secret", a.count())
		}
		_, err = p.Token(t.Context(), "x@contoso.example")
		if strings.Contains(err.Error(), "changed") {
			t.Error("callers share one fault")
		}
		time.Sleep(failedPause)
		_, _ = p.Token(t.Context(), "x@contoso.example")
		if a.count() != 2 {
			t.Errorf("%d requests after the pause", a.count())
		}
	})
}

func TestPausesThatTheAuthorityAsksForAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		a.users = []string{"anna@contoso.example", "bert@contoso.example"}
		p := withServiceAccount(t, a)
		a.instead = func(w http.ResponseWriter, _ *http.Request, n int) bool {
			switch n {
			case 1: // a short one is waited for
				w.Header().Set("Retry-After", "7")
			case 2:
				w.Header().Set("Retry-After", time.Now().Add(5*time.Minute).UTC().Format(http.TimeFormat))
			default:
				return false
			}
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		start := time.Now()
		_, err := p.Token(t.Context(), "anna@contoso.example")
		fault := migration.FaultOf(err)
		if time.Since(start) != 7*time.Second || fault == nil || fault.Class != migration.Later || fault.Code != migration.CodeThrottled || fault.After != 5*time.Minute {
			t.Fatalf("after %v: %#v", time.Since(start), fault)
		}
		time.Sleep(2 * time.Minute)
		// The pause is the authority's, so it is another mailbox's too.
		_, err = p.Token(t.Context(), "bert@contoso.example")
		if fault = migration.FaultOf(err); fault == nil || fault.After != 3*time.Minute || a.count() != 2 {
			t.Errorf("in the pause: %#v, %d requests", fault, a.count())
		}
		time.Sleep(3 * time.Minute)
		get(t, p, "bert@contoso.example")
	})
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		p := withCertificate(t, a) // each try has an assertion of its own
		a.instead = func(w http.ResponseWriter, r *http.Request, n int) bool {
			switch n {
			case 1:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 2:
				refuse(w, 400, "invalid_request", "AADSTS90033: A transient error has occurred.")
			default:
				return false
			}
			return true
		}
		get(t, p, "u@contoso.example")
		if a.count() != 3 {
			t.Errorf("%d requests", a.count())
		}
	})
}

func TestGoogleGivesATokenForEachMailbox(t *testing.T) {
	rsaKey()
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority()
		a.users = []string{"anna@example.org", "bert@example.org"}
		p := withServiceAccount(t, a)
		anna, bert := get(t, p, "anna@example.org"), get(t, p, "bert@example.org")
		if anna == bert || !strings.Contains(anna.Reveal(), "anna") || !strings.Contains(bert.Reveal(), "bert") {
			t.Error("two mailboxes have one token")
		}
		if get(t, p, " Anna@example.org") != anna || a.count() != 2 {
			t.Errorf("%d requests for two mailboxes", a.count())
		}
		_, err := p.Token(t.Context(), "nobody@example.org")
		if migration.ClassOf(err) != migration.OneMailbox || migration.CodeOf(err) != migration.CodeNotConnected {
			t.Errorf("a mailbox that is not there: %v", err)
		}
		if _, err = p.Token(t.Context(), "anna"); migration.ClassOf(err) != migration.Login {
			t.Errorf("a user without an address: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if !p.Refused(anna) || get(t, p, "anna@example.org") == anna || get(t, p, "bert@example.org") != bert {
			t.Error("a refusal concerns the mailbox's own token alone")
		}
	})
}

func TestTheMostTokensAreKept(t *testing.T) {
	g := &googleGrant{}
	p := newProvider(g, Options{})
	now := time.Now()
	for i := range holdersMost + 10 {
		p.of(fmt.Sprint(i), now.Add(time.Duration(i)))
		p.of("0", now.Add(time.Duration(i))) // asked for all the time
	}
	if len(p.holders) != holdersMost || p.holders["0"] == nil || p.holders["1"] != nil || p.holders[fmt.Sprint(holdersMost)] == nil {
		t.Errorf("%d are kept; the first %v, the second %v", len(p.holders), p.holders["0"] != nil, p.holders["1"] != nil)
	}
}
