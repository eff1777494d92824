package control

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// TestCodesAreThoseOfTheStandard: RFC 6238 appendix B, for SHA-1.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	key := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := totpCode(key, totpStep(time.Unix(at, 0)), 8); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
	now := time.Unix(1111111109, 0)
	for steps, good := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step, found := totpMatch(key, totpCode(key, totpStep(now)+steps, totpDigits), now)
		if found != good || found && step != totpStep(now)+steps {
			t.Errorf("%d steps away: %d, %v", steps, step, found)
		}
	}
}

// app is an authenticator app.
type app struct {
	w   *world
	key []byte
}

func (a app) code() Password { return a.codeAt(time.Now()) }

func (a app) codeAt(at time.Time) Password {
	return Password(totpCode(a.key, totpStep(at), totpDigits))
}

// enrolled gives an actor a second factor.
func (w *world) enrolled(actor Actor) (app, []Password) {
	w.t.Helper()
	begun, err := w.BeginTOTP(w.ctx(), actor, peopleCanary)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := base32.StdEncoding.DecodeString(string(begun.Secret))
	if err != nil || len(key) != totpBytes {
		w.t.Fatalf("a secret of %d bytes, %v", len(key), err)
	}
	a := app{w, key}
	recovery, err := w.ConfirmTOTP(w.ctx(), actor, a.code())
	if err != nil || len(recovery.Codes) != 10 {
		w.t.Fatalf("%d codes, %v", len(recovery.Codes), err)
	}
	return a, recovery.Codes
}

func (w *world) signIn(name string, code Password) error {
	_, err := w.SignIn(w.ctx(), name, peopleCanary, code, "192.0.2.1")
	return err
}

func TestASecondFactorIsAskedForAndItsCodesWorkOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		a, recovery := w.enrolled(w.admin)
		wants(t, w.signIn("ada", ""), Unauthenticated, "totp-needed", "6 digits")
		wants(t, w.signIn("ada", a.code()), Unauthenticated, "wrong-code", "used already") // it has confirmed the factor
		time.Sleep(totpPeriod)
		if err := w.signIn("ada", a.code()); err != nil {
			t.Fatal(err)
		}
		wants(t, w.signIn("ada", a.code()), Unauthenticated, "wrong-code", "next code")
		time.Sleep(time.Hour)
		// One that is earlier than one that was used counts as used, too.
		for ahead, good := range map[time.Duration]bool{2 * totpPeriod: false, -2 * totpPeriod: false} {
			if err := w.signIn("ada", a.codeAt(time.Now().Add(ahead))); (err == nil) != good {
				t.Errorf("%v ahead: %v", ahead, err)
			}
		}
		time.Sleep(time.Hour)
		if err := w.signIn("ada", a.codeAt(time.Now().Add(totpPeriod))); err != nil {
			t.Errorf("a clock that is ahead: %v", err)
		}
		wants(t, w.signIn("ada", a.code()), Unauthenticated, "wrong-code", "")
		time.Sleep(time.Hour)
		typed := Password(strings.ToUpper(strings.ReplaceAll(string(recovery[3]), "-", " ")))
		if err := w.signIn("ada", typed); err != nil {
			t.Errorf("a recovery code: %v", err)
		}
		wants(t, w.signIn("ada", recovery[3]), Unauthenticated, "wrong-code", "")
		me, err := w.Me(w.ctx(), w.admin)
		if err != nil || !me.TOTP || me.RecoveryCodes != 9 {
			t.Errorf("%+v, %v", me, err)
		}
		time.Sleep(time.Hour)
		_, err = w.SignIn(w.ctx(), "ada", "not the password", a.code(), "192.0.2.1")
		wants(t, err, Unauthenticated, "wrong-password", "")
		page, err := w.AuditRecords(w.ctx(), w.admin, Page{Limit: maxLimit})
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprint(page)
		for _, want := range []string{`"totp":"on"`, `"code":"app"`, `"code":"recovery"`, `"why":"wrong-code"`, `"why":"wrong-password"`} {
			if !strings.Contains(all, want) {
				t.Errorf("the audit log does not tell %s", want)
			}
		}
	})
}

func TestAnEnrolmentThatIsNotConfirmedChangesNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		begun, err := w.BeginTOTP(w.ctx(), w.admin, peopleCanary)
		if err != nil || !strings.HasPrefix(string(begun.URI), "otpauth://totp/mailhaul:ada?") || !strings.Contains(string(begun.URI), "secret="+string(begun.Secret)) {
			t.Fatalf("%v %s", err, string(begun.URI))
		}
		if text := fmt.Sprintf("%v %+v %#v", begun, begun, begun); strings.Contains(text, string(begun.Secret)) {
			t.Errorf("it prints its secret: %s", text)
		}
		if err := w.signIn("ada", ""); err != nil {
			t.Errorf("a code is asked for: %v", err)
		}
		_, err = w.ConfirmTOTP(w.ctx(), w.admin, "000000")
		wants(t, err, Invalid, "wrong-code", "")
		_, err = w.ConfirmTOTP(w.ctx(), w.admin, "abcd-efgh-ijkl-mnop")
		wants(t, err, Invalid, "wrong-code", "")
		again, err := w.BeginTOTP(w.ctx(), w.admin, peopleCanary)
		if err != nil || again.Secret == begun.Secret {
			t.Errorf("begun anew: %v", err)
		}
		time.Sleep(totpWithin + time.Second)
		key, _ := base32.StdEncoding.DecodeString(string(again.Secret))
		_, err = w.ConfirmTOTP(w.ctx(), w.admin, app{w, key}.code())
		wants(t, err, Refused, "totp-not-begun", "anew")
		if me, err := w.Me(w.ctx(), w.signedInAs("ada")); err != nil || me.TOTP || me.RecoveryCodes != 0 {
			t.Errorf("%+v %v", me, err)
		}
	})
}

// signedInAs signs in without a second factor.
func (w *world) signedInAs(name string) Actor {
	w.t.Helper()
	actor, err := w.Authenticate(w.ctx(), w.signedIn(name), "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return actor
}

func TestAWrongPasswordBeginsAndEndsNoSecondFactor(t *testing.T) {
	inBubble(t, func(w *world) {
		_, err := w.BeginTOTP(w.ctx(), w.admin, "not the password")
		wants(t, err, Invalid, "wrong-password", "password is wrong")
		wants(t, w.EndTOTP(w.ctx(), w.admin, peopleCanary, "123456"), Refused, "totp-off", "")
		a, recovery := w.enrolled(w.admin)
		_, err = w.BeginTOTP(w.ctx(), w.admin, peopleCanary)
		wants(t, err, Conflict, "totp-on", "End it first")
		_, err = w.ConfirmTOTP(w.ctx(), w.admin, a.code())
		wants(t, err, Conflict, "totp-on", "")
		time.Sleep(time.Minute)
		wants(t, w.EndTOTP(w.ctx(), w.admin, "not the password", a.code()), Invalid, "wrong-password", "")
		wants(t, w.EndTOTP(w.ctx(), w.admin, peopleCanary, "wrong-code"), Invalid, "wrong-code", "")
		time.Sleep(time.Minute)
		if err := w.EndTOTP(w.ctx(), w.admin, peopleCanary, recovery[0]); err != nil {
			t.Fatal(err)
		}
		if err := w.signIn("ada", ""); err != nil {
			t.Errorf("a code is asked for still: %v", err)
		}
		// The codes of before are worth nothing when there is a factor again.
		time.Sleep(time.Minute)
		w.enrolled(w.admin)
		wants(t, w.signIn("ada", recovery[1]), Unauthenticated, "wrong-code", "")
	})
}

func TestGuessingCodesIsSlowedDownAsGuessingPasswordsIs(t *testing.T) {
	inBubble(t, func(w *world) {
		a, _ := w.enrolled(w.admin)
		looked := 0
		for i := range 1000 {
			// Who has the password gains nothing by asking without a code between.
			_ = w.signIn("ada", "")
			if err := w.signIn("ada", Password(fmt.Sprintf("%06d", i))); ProblemOf(err).Code == "wrong-code" {
				looked++
			}
			time.Sleep(60 * time.Millisecond)
		}
		t.Logf("%d of 1,000 codes in a minute were looked at", looked)
		if looked < freeForAccount || looked > 12 {
			t.Errorf("%d codes in a minute", looked)
		}
		time.Sleep(longestPause)
		if err := w.signIn("ada", a.code()); err != nil {
			t.Errorf("the right code after the pause: %v", err)
		}
	})
}

func TestAMissingCodeIsNoFailure(t *testing.T) {
	inBubble(t, func(w *world) {
		a, _ := w.enrolled(w.admin)
		for range 50 {
			wants(t, w.signIn("ada", ""), Unauthenticated, "totp-needed", "")
		}
		time.Sleep(totpPeriod)
		if err := w.signIn("ada", a.code()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAdministratorResetsTheSecondFactorOfWhoLostTheDevice(t *testing.T) {
	w := newWorld(t)
	w.enrolled(w.operator)
	token, err := w.CreateToken(w.ctx(), w.operator, TokenSpec{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	program, err := w.Authenticate(w.ctx(), string(token.Secret), "192.0.2.1")
	if err != nil {
		t.Errorf("a token is asked for a code: %v", err)
	}
	_, err = w.BeginTOTP(w.ctx(), program, peopleCanary)
	wants(t, err, Forbidden, "forbidden", "token")
	_, err = w.ConfirmTOTP(w.ctx(), program, "123456")
	wants(t, err, Forbidden, "forbidden", "token")
	wants(t, w.EndTOTP(w.ctx(), program, peopleCanary, "123456"), Forbidden, "forbidden", "token")

	operators, err := w.Operators(w.ctx(), w.admin)
	if err != nil || !slices.ContainsFunc(operators, func(o Operator) bool { return o.Name == "olga" && o.TOTP }) {
		t.Errorf("%+v %v", operators, err)
	}
	_, err = w.SetOperator(w.ctx(), w.operator, "olga", OperatorPatch{ResetTOTP: true}, 0)
	wants(t, err, Forbidden, "forbidden", "")
	if o, err := w.SetOperator(w.ctx(), w.admin, "olga", OperatorPatch{Email: ptr("o@example.org")}, 0); err != nil || !o.TOTP {
		t.Errorf("another change: %+v %v", o, err)
	}
	if o, err := w.SetOperator(w.ctx(), w.admin, "olga", OperatorPatch{ResetTOTP: true}, 0); err != nil || o.TOTP {
		t.Errorf("%+v %v", o, err)
	}
	_, err = w.SetOperator(w.ctx(), w.admin, "Ada", OperatorPatch{ResetTOTP: true}, 0)
	wants(t, err, Refused, "own-account", "another admin")
	_, err = w.SetOperator(w.ctx(), w.admin, "ada", OperatorPatch{Password: ptr(Password("another password"))}, 0)
	wants(t, err, Refused, "own-account", "account page")
	if err := w.signIn("olga", ""); err != nil {
		t.Error(err)
	}
	if page, _ := w.AuditRecords(w.ctx(), w.admin, Page{}); !strings.Contains(fmt.Sprint(page), `"totp":"reset"`) {
		t.Error("the audit log does not tell it")
	}
}

func TestTheSecretOfASecondFactorIsItsOperators(t *testing.T) {
	w := newWorld(t)
	a, recovery := w.enrolled(w.operator)
	w.enrolled(w.viewer)
	var factors []migration.SecondFactor
	err := w.db.Change(w.ctx(), "moving a secret", func(tx *store.Tx) (err error) {
		if factors, err = tx.Factors(); err != nil {
			return err
		}
		return tx.ResealFactor(w.viewer.ID, factors[0].Secret)
	})
	if err != nil || len(factors) != 2 || factors[0].Operator != w.operator.ID {
		t.Fatalf("%+v %v", factors, err)
	}
	if err := w.signIn("vera", a.codeAt(time.Now().Add(totpPeriod))); err == nil || ProblemOf(err) != nil {
		t.Errorf("another one's app: %v", err)
	}
	wants(t, w.signIn("vera", recovery[0]), Unauthenticated, "wrong-code", "")
	for _, canary := range []string{base32.StdEncoding.EncodeToString(a.key), string(a.key), string(recovery[0]), plainCode(recovery[0])} {
		if w.onDisk([]byte(canary)) {
			t.Error("a secret is in the database")
		}
	}
}

func TestSessionsAreOnesOwnAndCanBeEnded(t *testing.T) {
	w := newWorld(t)
	other := w.signedIn("olga")
	list, err := w.Sessions(w.ctx(), w.operator)
	if err != nil || len(list) != 2 || list[0].Current == list[1].Current || list[0].Address != "192.0.2.1" || list[0].Used.IsZero() {
		t.Fatalf("%+v %v", list, err)
	}
	at := slices.IndexFunc(list, func(s Session) bool { return !s.Current })
	wants(t, w.EndSession(w.ctx(), w.viewer, list[at].ID), NotFound, "not-found", list[at].ID)
	if !w.valid(other) {
		t.Error("somebody else has ended it")
	}
	if err := w.EndSession(w.ctx(), w.operator, list[at].ID); err != nil || w.valid(other) {
		t.Errorf("it lives on: %v", err)
	}
	if list, err = w.Sessions(w.ctx(), w.operator); err != nil || len(list) != 1 || !list[0].Current {
		t.Errorf("%+v %v", list, err)
	}
	secretFree(t, list)
}

func TestASessionThatHasEndedIsNotListed(t *testing.T) {
	inBubble(t, func(w *world) {
		time.Sleep(sessionIdle)
		w.admin.Session = nil
		if list, err := w.Sessions(w.ctx(), w.admin); err != nil || len(list) != 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}
