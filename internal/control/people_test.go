package control

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/store"
)

func TestTheSetupTokenMakesOneAdministratorOnce(t *testing.T) {
	w := &world{t: t, path: newDatabase(t)}
	w.open(key(t, 1))
	first, err := w.NewSetupToken(w.ctx())
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.NewSetupToken(w.ctx())
	if err != nil || again != first {
		t.Error("another node prints another token")
	}
	spec := OperatorSpec{Name: "ada", Password: peopleCanary, Role: "viewer"}
	if needed, err := w.SetupNeeded(w.ctx()); err != nil || !needed {
		t.Error(needed, err)
	}
	for _, wrong := range []Password{"", "x", Password(first.Reveal()[:31] + "g")} {
		_, err = w.Setup(w.ctx(), wrong, spec, "192.0.2.9")
		wants(t, err, Unauthenticated, "setup-token", "console")
	}
	signed, err := w.Setup(w.ctx(), Password(first.Reveal()), spec, "192.0.2.1")
	if err != nil || signed.Operator.Role != "admin" {
		t.Fatalf("%+v %v", signed.Operator, err)
	}
	if actor := w.as(signed); actor.Role != Admin || actor.Name != "ada" {
		t.Errorf("%+v", actor)
	}
	_, err = w.Setup(w.ctx(), Password(first.Reveal()), OperatorSpec{Name: "eve", Password: peopleCanary}, "192.0.2.1")
	wants(t, err, Conflict, "set-up", "already")
	if needed, err := w.SetupNeeded(w.ctx()); err != nil || needed {
		t.Error(needed, err)
	}
	secretFree(t, signed)
}

func TestWithoutTheSetupTokenNothingIsHashed(t *testing.T) {
	w := &world{t: t, path: newDatabase(t)}
	w.open(key(t, 1))
	if _, err := w.NewSetupToken(w.ctx()); err != nil {
		t.Fatal(err)
	}
	w.hashing.queue = nil // whoever enters is turned away
	_, err := w.Setup(w.ctx(), "guess", OperatorSpec{Name: "eve", Password: peopleCanary}, "192.0.2.9")
	wants(t, err, Unauthenticated, "setup-token", "")
}

func TestWrongNamesAndWrongPasswordsAreToldAlike(t *testing.T) {
	w := newWorld(t)
	_, wrongName := w.SignIn(w.ctx(), "nobody", peopleCanary, "", "192.0.2.2")
	_, wrongPassword := w.SignIn(w.ctx(), "ada", "not the password", "", "192.0.2.3")
	if wrongName == nil || wrongPassword == nil || wrongName.Error() != wrongPassword.Error() {
		t.Errorf("%v\n%v", wrongName, wrongPassword)
	}
	_, err := w.SignIn(w.ctx(), peopleCanary, "typed in the wrong field", "", "192.0.2.4")
	wants(t, err, Unauthenticated, "wrong-password", "")
	if log := strings.Join(w.log(), "\n"); strings.Contains(log, peopleCanary) || !strings.Contains(log, "session.refused operator/ada") || !strings.Contains(log, "(unknown, 16 characters)") {
		t.Errorf("the audit log:\n%s", log)
	}
}

// TestGuessingNamesCostsAsMuchAsGuessingPasswords compares work and not time, which others
// on the machine take too: most of the work is filling memory.
func TestGuessingNamesCostsAsMuchAsGuessingPasswords(t *testing.T) {
	h := newHashing()
	known, err := h.hash(t.Context(), peopleCanary)
	if err != nil {
		t.Fatal(err)
	}
	work := func(encoded string) (took time.Duration, filled uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		if right, err := h.matches(t.Context(), encoded, "wrong"); right || err != nil {
			t.Fatal(right, err)
		}
		took = time.Since(begun)
		runtime.ReadMemStats(&after)
		return took, after.TotalAlloc - before.TotalAlloc
	}
	knownTook, knownFilled := work(known)
	unknownTook, unknownFilled := work("")
	t.Logf("known %v and %d bytes, unknown %v and %d bytes", knownTook, knownFilled, unknownTook, unknownFilled)
	const noise = 64 << 10
	if knownFilled < 64<<20 || max(knownFilled, unknownFilled)-min(knownFilled, unknownFilled) > noise {
		t.Errorf("known fills %d bytes, unknown %d", knownFilled, unknownFilled)
	}
	one, _, _, _ := decodeHash(known)
	if other, _, _, _ := decodeHash(h.dummy); one != other {
		t.Errorf("known costs %+v, unknown %+v", one, other)
	}
}

func TestGuessingIsSlowedDownAndNobodyIsLockedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, hashes := newThrottle(), 0
		guess := attempt{account: "Ada", address: "192.0.2.1"}
		for range 1000 {
			if throttle.begin(guess) == 0 {
				hashes++
			}
			time.Sleep(60 * time.Millisecond)
		}
		t.Logf("%d of 1,000 guesses in a minute were looked at", hashes)
		if hashes < freeForAccount || hashes > 12 {
			t.Errorf("%d guesses in a minute", hashes)
		}
		wait := throttle.begin(attempt{account: "ada", address: "198.51.100.7"})
		if wait <= 0 || wait > longestPause {
			t.Errorf("from elsewhere: %v", wait)
		}
		if throttle.begin(attempt{account: "bert", address: "198.51.100.7"}) != 0 {
			t.Error("another account from elsewhere has to wait")
		}
		time.Sleep(wait)
		if throttle.begin(guess) != 0 {
			t.Error("the right password has to wait after the delay")
		}
		throttle.succeeded(guess)
		if throttle.begin(guess) != 0 {
			t.Error("failures are not forgotten after success")
		}
	})
}

func TestGuessingManyNamesFromOneNetworkIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, tried := newThrottle(), 0
		for i := range 1000 {
			if throttle.begin(attempt{account: fmt.Sprint("name", i), address: fmt.Sprintf("2001:db8:1:2::%x", i+1)}) == 0 {
				tried++
			}
		}
		if tried != freeForAddress+1 {
			t.Errorf("%d names at once from one /64", tried)
		}
		if throttle.begin(attempt{account: "x", address: "2001:db8:1:3::1"}) != 0 {
			t.Error("another network has to wait")
		}
		for i := range 3 * throttled {
			throttle.begin(attempt{account: fmt.Sprint(i), address: fmt.Sprint(i)})
		}
		if len(throttle.known) > throttled+2 {
			t.Errorf("it remembers %d", len(throttle.known))
		}
	})
}

func TestPausesDoubleUpToAQuarterOfAnHour(t *testing.T) {
	for beyond, want := range map[int]time.Duration{-3: 0, 0: 0, 1: time.Second, 2: 2 * time.Second, 10: 512 * time.Second, 11: longestPause, 1000: longestPause} {
		if got := pause(beyond); got != want {
			t.Errorf("%d: %v", beyond, got)
		}
	}
}

func TestHashesAreMadeFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHashing()
		h.cost = cost{8, 1, 1}
		h.dummy = h.cost.encode(make([]byte, saltSize), make([]byte, hashSize))
		for range hashesAtOnce {
			h.slots <- struct{}{}
		}
		var turnedAway atomic.Int32
		for range 100 {
			go func() {
				if _, err := h.matches(t.Context(), "", "x"); err != nil {
					wants(t, err, TooMany, "busy", "")
					turnedAway.Add(1)
				}
			}()
		}
		synctest.Wait()
		if n := int(turnedAway.Load()); n != 100-hashesAtOnce-hashesWaiting {
			t.Errorf("%d were turned away at once", n)
		}
		<-h.slots
		synctest.Wait()
		if n := int(turnedAway.Load()); n != 100-hashesAtOnce-hashesWaiting || len(h.queue) != 0 {
			t.Errorf("%d were turned away, %d wait", n, len(h.queue))
		}
		h.slots <- struct{}{}
		if _, err := h.hash(t.Context(), "x"); err == nil || len(h.queue) != 0 {
			t.Error("who waits too long is not turned away")
		}
	})
}

func TestPasswordsAreBoundedAndNotCutOff(t *testing.T) {
	for password, good := range map[Password]bool{
		"short":                                   false,
		"eleven char":                             false,
		"twelve chars":                            true,
		Password(strings.Repeat("ä€", 6)):         true,
		Password(strings.Repeat("ab", 128)):       true,
		Password(strings.Repeat("ab", 128) + "c"): false,
		"aaaaaaaaaaaaaaa":                         false,
		"annaANNAanna":                            false,
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffx": false,
	} {
		var c checks
		c.operatorPassword("password", "anna", password)
		if (c.err() == nil) != good {
			t.Errorf("%d bytes: %v", len(password), c.err())
		}
	}
	h := newHashing()
	h.cost = cost{8, 1, 1}
	long := Password(strings.Repeat("x", 255))
	encoded, err := h.hash(t.Context(), long+"a")
	if err != nil {
		t.Fatal(err)
	}
	if right, _ := h.matches(t.Context(), encoded, long+"b"); right {
		t.Error("the end of the password does not count")
	}
	if right, _ := h.matches(t.Context(), encoded, long+"a"); !right {
		t.Error("the right password is refused")
	}
	if !strings.HasPrefix(newHashing().dummy, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Error("the cost is another: ", newHashing().dummy)
	}
}

func TestADamagedHashOpensNothingAndTakesNoMemory(t *testing.T) {
	h := newHashing()
	for _, bad := range []string{"x", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA", "$argon2i$v=19$m=8,t=1,p=1$$", strings.Replace(h.dummy, "m=65536", "m=9999999", 1),
		strings.Replace(h.dummy, "t=3", "t=0", 1), strings.Replace(h.dummy, "p=1", "p=200", 1)} {
		if right, err := h.matches(t.Context(), bad, "x"); right || err == nil {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// inBubble runs a test with a world whose clock is the bubble's.
func inBubble(t *testing.T, test func(*world)) {
	path := newDatabase(t)
	synctest.Test(t, func(t *testing.T) {
		db, err := store.Open(context.Background(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		w := &world{t: t, db: db, prober: &fakeProber{}, source: &fakeSource{}}
		w.serve(key(t, 1))
		if err := w.Prepare(w.ctx()); err != nil {
			t.Fatal(err)
		}
		w.admin = w.setUp()
		test(w)
	})
}

func (w *world) signedIn(name string) string {
	w.t.Helper()
	signed, err := w.SignIn(w.ctx(), name, peopleCanary, "", "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return signed.Secret.Reveal()
}

func (w *world) valid(credential string) bool {
	_, err := w.Authenticate(w.ctx(), credential, "192.0.2.1")
	if p := ProblemOf(err); err != nil && (p == nil || p.Kind != Unauthenticated) {
		w.t.Errorf("authenticating: %v", err)
	}
	return err == nil
}

func TestASessionEndsUnusedAfterHalfAnHour(t *testing.T) {
	inBubble(t, func(w *world) {
		session := w.signedIn("ada")
		for range 5 {
			time.Sleep(29 * time.Minute)
			if !w.valid(session) {
				t.Fatal("it ended in use")
			}
		}
		time.Sleep(30 * time.Minute)
		if w.valid(session) {
			t.Error("it lives on unused")
		}
	})
}

func TestALineThatIsFollowedKeepsNoSessionAlive(t *testing.T) {
	inBubble(t, func(w *world) {
		session := w.signedIn("ada")
		for range 2 {
			time.Sleep(14 * time.Minute)
			if _, err := w.StillAuthentic(w.ctx(), session, ""); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		if _, err := w.StillAuthentic(w.ctx(), session, ""); err == nil {
			t.Error("it lives on")
		}
	})
}

func TestASessionEndsAfterTwelveHours(t *testing.T) {
	inBubble(t, func(w *world) {
		session := w.signedIn("ada")
		for range 12*3 - 1 {
			time.Sleep(20 * time.Minute)
			if !w.valid(session) {
				t.Fatal("it ended early")
			}
		}
		time.Sleep(20 * time.Minute)
		if w.valid(session) {
			t.Error("it lives on")
		}
	})
}

func TestATokenEndsAtItsTime(t *testing.T) {
	inBubble(t, func(w *world) {
		created, err := w.CreateToken(w.ctx(), w.admin, TokenSpec{Name: "ci", Days: 2})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(48*time.Hour - time.Second)
		if !w.valid(string(created.Secret)) {
			t.Error("it ended early")
		}
		time.Sleep(time.Second)
		if w.valid(string(created.Secret)) {
			t.Error("it lives on")
		}
	})
}

func TestSessionsAndTokensEndWithWhatTheyStandFor(t *testing.T) {
	for name, end := range map[string]func(w *world) error{
		"disabled": func(w *world) error {
			_, err := w.SetOperator(w.ctx(), w.admin, "olga", OperatorPatch{Disabled: ptr(true)}, 0)
			return err
		},
		"new password": func(w *world) error {
			_, err := w.SetOperator(w.ctx(), w.admin, "olga", OperatorPatch{Password: ptr(Password("another password"))}, 0)
			return err
		},
		"own new password": func(w *world) error { return w.SetPassword(w.ctx(), w.operator, peopleCanary, "another password") },
		"deleted":          func(w *world) error { return w.DeleteOperator(w.ctx(), w.admin, "olga") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			session := w.signedIn("olga")
			token, err := w.CreateToken(w.ctx(), w.operator, TokenSpec{Name: "ci"})
			if err != nil || !w.valid(session) || !w.valid(string(token.Secret)) {
				t.Fatal(err)
			}
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			if w.valid(session) || w.valid(string(token.Secret)) {
				t.Error("they live on")
			}
			if w.valid(w.signedIn("ada")) != true {
				t.Error("others end too")
			}
		})
	}
}

func TestSigningOutEndsThatSessionOnly(t *testing.T) {
	w := newWorld(t)
	one, two := w.signedIn("olga"), w.signedIn("olga")
	actor, err := w.Authenticate(w.ctx(), one, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SignOut(w.ctx(), actor); err != nil {
		t.Fatal(err)
	}
	if w.valid(one) || !w.valid(two) {
		t.Error("not that one, or the other too")
	}
	for _, bad := range []string{"", "x", "mh_x", strings.Repeat("x", 5000)} {
		if w.valid(bad) {
			t.Errorf("%q is somebody", bad)
		}
	}
}

func TestATokenMayAtMostWhatItsOperatorMay(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateToken(w.ctx(), w.operator, TokenSpec{Name: "ci", Role: "admin"})
	wants(t, err, Invalid, "invalid", "at most your own")
	_, err = w.CreateToken(w.ctx(), w.operator, TokenSpec{Name: "ci", Days: 366})
	wants(t, err, Invalid, "invalid", "365")
	created, err := w.CreateToken(w.ctx(), w.admin, TokenSpec{Name: "ci", Role: "operator"})
	if err != nil || !IsToken(string(created.Secret)) || len(created.Secret) != len("mh_")+43 || !strings.HasPrefix(string(created.Secret), created.Prefix) {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", created, created, created), string(created.Secret)) {
		t.Error("it prints its secret")
	}
	actor, err := w.Authenticate(w.ctx(), string(created.Secret), "192.0.2.1")
	if err != nil || actor.Role != Operate || !actor.Token || actor.Name != "ada" {
		t.Errorf("%+v %v", actor, err)
	}
	// A token cannot make itself a stronger one, nor change the password.
	_, err = w.CreateToken(w.ctx(), actor, TokenSpec{Name: "more", Role: "admin"})
	wants(t, err, Invalid, "invalid", "at most your own")
	wants(t, w.SetPassword(w.ctx(), actor, peopleCanary, "another password"), Forbidden, "forbidden", "token")

	if _, err := w.CreateOperator(w.ctx(), w.admin, OperatorSpec{Name: "bob", Role: "admin", Password: peopleCanary}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetOperator(w.ctx(), w.admin, "ada", OperatorPatch{Role: ptr("viewer")}, 0); err != nil {
		t.Fatal(err)
	}
	actor, err = w.Authenticate(w.ctx(), string(created.Secret), "192.0.2.1")
	if err != nil || actor.Role != Viewer {
		t.Errorf("after his role was taken: %+v %v", actor, err)
	}
}

func TestTokensAreOnesOwn(t *testing.T) {
	w := newWorld(t)
	mine, err := w.CreateToken(w.ctx(), w.operator, TokenSpec{Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, w.RevokeToken(w.ctx(), w.viewer, mine.ID), NotFound, "not-found", mine.ID)
	if list, err := w.Tokens(w.ctx(), w.viewer); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	list, err := w.Tokens(w.ctx(), w.admin)
	if err != nil || len(list) != 1 || list[0].Operator != "olga" {
		t.Errorf("%+v %v", list, err)
	}
	for range 2 {
		if err := w.RevokeToken(w.ctx(), w.admin, mine.ID); err != nil {
			t.Fatal(err)
		}
	}
	if w.valid(string(mine.Secret)) {
		t.Error("it lives on")
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	w := newWorld(t)
	ask := map[string]func() error{
		"delete": func() error { return w.DeleteOperator(w.ctx(), w.admin, "ada") },
		"disable": func() error {
			_, err := w.SetOperator(w.ctx(), w.admin, "ada", OperatorPatch{Disabled: ptr(true)}, 0)
			return err
		},
		"demote": func() error {
			_, err := w.SetOperator(w.ctx(), w.admin, "ada", OperatorPatch{Role: ptr("operator")}, 0)
			return err
		},
	}
	for what, f := range ask {
		t.Log(what)
		wants(t, f(), Refused, "last-admin", "Make somebody else")
	}
	if _, err := w.CreateOperator(w.ctx(), w.admin, OperatorSpec{Name: "bob", Role: "admin", Password: peopleCanary}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetOperator(w.ctx(), w.admin, "bob", OperatorPatch{Disabled: ptr(true)}, 0); err != nil {
		t.Fatal(err)
	}
	wants(t, ask["delete"](), Refused, "last-admin", "") // bob does not count
	if _, err := w.SetOperator(w.ctx(), w.admin, "bob", OperatorPatch{Disabled: ptr(false)}, 0); err != nil {
		t.Fatal(err)
	}
	if err := ask["delete"](); err != nil {
		t.Error(err)
	}
	_, err := w.CreateOperator(w.ctx(), w.admin, OperatorSpec{Name: "BOB", Role: "admin", Password: peopleCanary})
	wants(t, err, Conflict, "name-taken", "exists")
}

func TestNoViewOfPeopleHoldsASecret(t *testing.T) {
	w := newWorld(t)
	operators, err := w.Operators(w.ctx(), w.admin)
	if err != nil || len(operators) != 3 {
		t.Fatal(err)
	}
	secretFree(t, operators)
	me, err := w.Me(w.ctx(), w.viewer)
	if err != nil || me.Name != "vera" || me.Role != "viewer" {
		t.Errorf("%+v %v", me, err)
	}
	spec := OperatorSpec{Name: "x", Password: peopleCanary}
	if text := fmt.Sprintf("%v %+v %#v %s %q", spec, spec, spec, spec.Password, spec.Password); strings.Contains(text, peopleCanary) {
		t.Errorf("a request prints its password: %s", text)
	}
}

func TestADisabledOperatorIsNobodyHoweverDisabled(t *testing.T) {
	w := newWorld(t)
	session := w.signedIn("olga")
	err := w.db.Change(w.ctx(), "disabling behind its back", func(tx *store.Tx) error {
		o, err := tx.Operator("olga")
		if err != nil {
			return err
		}
		o.Disabled = true
		return tx.SaveOperator(&o)
	})
	if err != nil || w.valid(session) {
		t.Errorf("the session lives on: %v", err)
	}
	_, err = w.SignIn(w.ctx(), "olga", peopleCanary, "", "192.0.2.8")
	wants(t, err, Unauthenticated, "wrong-password", "")
}
