package control

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// How long a session lives, unused and in all. Its last use is noted no more often
// than touchEvery.
const (
	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
	touchEvery  = time.Minute
)

// tokenPrefix begins every API token, so that it is recognised where it leaks.
const tokenPrefix = "mh_"

const (
	sessionBytes = 16
	tokenBytes   = 32
	shownOfToken = len(tokenPrefix) + 6
)

// IsToken reports whether a credential is an API token, and no session.
func IsToken(credential string) bool { return strings.HasPrefix(credential, tokenPrefix) }

func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashOf is what is stored of a session or token: they are random, so that a plain
// hash is enough.
func hashOf(credential string) []byte {
	sum := sha256.Sum256([]byte(credential))
	return sum[:]
}

// SetupNeeded reports whether there is no operator yet.
func (s *Service) SetupNeeded(ctx context.Context) (needed bool, err error) {
	err = s.store.View(ctx, "asking for operators", func(tx Tx) error {
		operators, err := tx.Operators()
		needed = len(operators) == 0
		return err
	})
	return needed, err
}

// NewSetupToken gives the token with which the first operator is made, for the
// server's console. It is the same on all nodes, and worth nothing once there is an
// operator.
func (s *Service) NewSetupToken(ctx context.Context) (token secret.Text, err error) {
	err = s.store.Change(ctx, "making a setup token", func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		number, err := tx.Setting(settingSetup)
		if errors.Is(err, migration.ErrNotFound) {
			number = randomText(sessionBytes)
			err = tx.SetSetting(settingSetup, number)
		}
		token = secret.New(s.setupToken(number))
		return err
	})
	return token, err
}

// setupToken makes the token of its stored number, from which nobody without the
// server's key can make it.
func (s *Service) setupToken(number string) string {
	mac := hmac.New(sha256.New, s.root.Derive("setup token"))
	mac.Write([]byte(number))
	return hex.EncodeToString(mac.Sum(nil)[:sessionBytes])
}

// Setup makes the first operator, an administrator, and signs in as such.
func (s *Service) Setup(ctx context.Context, token Password, spec OperatorSpec, address string) (SignedIn, error) {
	// The token is asked for first: without it nobody makes the server hash.
	if err := s.store.View(ctx, "checking the setup token", func(tx Tx) error { return s.mayCreateFirst(tx, token) }); err != nil {
		return SignedIn{}, err
	}
	spec.Role = string(Admin)
	var c checks
	c.operator(spec)
	if err := c.err(); err != nil {
		return SignedIn{}, err
	}
	hash, err := s.hashing.hash(ctx, spec.Password)
	if err != nil {
		return SignedIn{}, err
	}
	var signed SignedIn
	err = s.store.Change(ctx, "making the first operator", func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		if err := s.mayCreateFirst(tx, token); err != nil {
			return err
		}
		o := migration.Operator{Name: spec.Name, Email: spec.Email, Role: spec.Role, Password: hash, CreatedBy: "setup"}
		if err := tx.CreateOperator(&o); err != nil {
			return err
		}
		if err := tx.SetSetting(settingSetup, ""); err != nil {
			return err
		}
		if err := s.record(tx, actorOf(o, address), SetupDone, "operator/"+o.Name, nil); err != nil {
			return err
		}
		signed, err = s.newSession(tx, o, address)
		return err
	})
	return signed, err
}

// mayCreateFirst checks that there is no operator yet and that the token is the
// right one: 128 random bits, which nobody guesses.
func (s *Service) mayCreateFirst(tx Tx, token Password) error {
	operators, err := tx.Operators()
	if err != nil {
		return err
	}
	if len(operators) > 0 {
		return errSetUp()
	}
	number, err := tx.Setting(settingSetup)
	if err != nil && !errors.Is(err, migration.ErrNotFound) {
		return err
	}
	if number == "" || !hmac.Equal([]byte(s.setupToken(number)), []byte(strings.TrimSpace(string(token)))) {
		return &Problem{Kind: Unauthenticated, Code: "setup-token", Detail: "This is not the setup token.", Remedy: "It is printed on the server's console when it starts."}
	}
	return nil
}

func errSetUp() error {
	return &Problem{Kind: Conflict, Code: "set-up", Detail: "mailhaul is set up already.", Remedy: "Sign in, or ask an administrator for an account."}
}

func errSlower(wait time.Duration) error {
	wait = max(wait.Round(time.Second), time.Second)
	return &Problem{Kind: TooMany, Code: "slow-down", Detail: "There were too many wrong passwords.", Remedy: fmt.Sprintf("Try again in %v.", wait), After: wait}
}

// SignIn signs an operator in, with a code where there is a second factor. A wrong
// name and a wrong password are told alike, and take as long; that a code is missing
// is told to who has the password.
func (s *Service) SignIn(ctx context.Context, name string, password, code Password, address string) (SignedIn, error) {
	tried := attempt{account: name, address: address}
	if wait := s.throttle.begin(tried); wait > 0 {
		return SignedIn{}, errSlower(wait)
	}
	var o migration.Operator
	err := s.store.View(ctx, "reading the operator", func(tx Tx) (err error) {
		o, err = tx.Operator(name)
		if errors.Is(err, migration.ErrNotFound) {
			o, err = migration.Operator{}, nil
		}
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	right, err := s.hashing.matches(ctx, o.Password, password)
	if err != nil {
		return SignedIn{}, err
	}
	if !right || o.Disabled {
		return SignedIn{}, s.signInFailed(ctx, name, address, errWrongPassword())
	}
	if o.TOTP && code == "" {
		s.throttle.excused(tried)
		return SignedIn{}, errCodeNeeded()
	}
	signed, err := s.enter(ctx, o, code, address)
	switch {
	case err == nil:
		s.throttle.succeeded(tried)
	case errors.Is(err, errCode):
		return SignedIn{}, s.signInFailed(ctx, name, address, errWrongCode(Unauthenticated))
	default:
		s.throttle.excused(tried)
	}
	return signed, err
}

// enter makes the session of an operator whose password was right.
func (s *Service) enter(ctx context.Context, o migration.Operator, code Password, address string) (signed SignedIn, err error) {
	err = s.store.Change(ctx, "signing in", func(tx Tx) error {
		now, err := tx.OperatorByID(o.ID)
		if err != nil || now.Disabled || now.Password != o.Password {
			return errWrongPassword()
		}
		var detail map[string]any
		if now.TOTP {
			if err := s.takeCode(tx, now, code); err != nil {
				return err
			}
			detail = map[string]any{"code": "app"}
			if !isTOTP(plainCode(code)) {
				detail["code"] = "recovery"
			}
		}
		if err := tx.DropSessions(tx.Now().Add(-sessionLife), tx.Now().Add(-sessionIdle)); err != nil {
			return err
		}
		if err := s.record(tx, actorOf(o, address), SignedInAs, "operator/"+o.Name, detail); err != nil {
			return err
		}
		signed, err = s.newSession(tx, now, address)
		return err
	})
	return signed, err
}

func errWrongPassword() error {
	return &Problem{Kind: Unauthenticated, Code: "wrong-password", Detail: "The name or the password is wrong.", Remedy: "Check both; upper and lower case count in the password."}
}

// signInFailed tells the audit log, and gives why. The name is what was typed, which
// may be a password: of one that no operator has only its length is told.
func (s *Service) signInFailed(ctx context.Context, name, address string, why error) error {
	err := s.store.Change(ctx, "noting a refused sign-in", func(tx Tx) error {
		object := fmt.Sprintf("operator/(unknown, %d characters)", len([]rune(name)))
		if o, err := tx.Operator(name); err == nil {
			object = "operator/" + o.Name
		}
		return s.record(tx, Actor{Name: "(nobody)", Address: address}, SignInFails, object, map[string]any{"why": ProblemOf(why).Code})
	})
	if err != nil {
		return err
	}
	return why
}

func (s *Service) newSession(tx Tx, o migration.Operator, address string) (SignedIn, error) {
	credential := randomText(sessionBytes)
	err := tx.CreateSession(migration.Session{Hash: hashOf(credential), Operator: o.ID, Address: address})
	return SignedIn{Secret: secret.New(credential), Operator: operatorView(o), Expires: tx.Now().Add(sessionLife)}, err
}

// SignOut ends the actor's session.
func (s *Service) SignOut(ctx context.Context, actor Actor) error {
	if err := permit(actor, SignedOut); err != nil {
		return err
	}
	if actor.Session == nil {
		return &Problem{Kind: Invalid, Code: "no-session", Detail: "An API token has no session to end.", Remedy: "Revoke the token instead."}
	}
	return s.store.Change(ctx, "signing out", func(tx Tx) error {
		if err := tx.EndSessions(actor.ID, actor.Session); err != nil {
			return err
		}
		return s.record(tx, actor, SignedOut, "operator/"+actor.Name, nil)
	})
}

// live reports whether a session has not ended by itself.
func live(s migration.Session, now time.Time) bool {
	return now.Sub(s.Used) < sessionIdle && now.Sub(s.Created) < sessionLife
}

// sessionID names a session, which it does not open.
func sessionID(s migration.Session) string { return hex.EncodeToString(s.Hash[:8]) }

// Sessions gives the actor's own sessions, the one used last first.
func (s *Service) Sessions(ctx context.Context, actor Actor) ([]Session, error) {
	if err := permit(actor, SessionLook); err != nil {
		return nil, err
	}
	views := []Session{}
	err := s.store.View(ctx, "listing the sessions", func(tx Tx) error {
		views = views[:0]
		sessions, err := tx.Sessions(actor.ID)
		for _, one := range sessions {
			if live(one, tx.Now()) {
				views = append(views, Session{ID: sessionID(one), Address: one.Address, Created: one.Created, Used: one.Used, Current: bytes.Equal(one.Hash, actor.Session)})
			}
		}
		return err
	})
	return views, err
}

// EndSession ends one of the actor's own sessions.
func (s *Service) EndSession(ctx context.Context, actor Actor, id string) error {
	if err := permit(actor, SignedOut); err != nil {
		return err
	}
	err := s.store.Change(ctx, "ending a session", func(tx Tx) error {
		sessions, err := tx.Sessions(actor.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(sessions, func(one migration.Session) bool { return sessionID(one) == id })
		if at < 0 {
			return migration.ErrNotFound
		}
		if err := tx.EndSessions(actor.ID, sessions[at].Hash); err != nil {
			return err
		}
		return s.record(tx, actor, SignedOut, "operator/"+actor.Name, map[string]any{"session": id})
	})
	return problem(fmt.Sprintf("the session %q", migration.SafeText(id)), err)
}

// Authenticate tells who holds a session or an API token. What changes about an
// operator counts at once.
func (s *Service) Authenticate(ctx context.Context, credential, address string) (actor Actor, err error) {
	return s.authenticate(ctx, credential, address, true)
}

// StillAuthentic is Authenticate for what goes on by itself, such as a line that is
// followed: it counts as no use.
func (s *Service) StillAuthentic(ctx context.Context, credential, address string) (actor Actor, err error) {
	return s.authenticate(ctx, credential, address, false)
}

func (s *Service) authenticate(ctx context.Context, credential, address string, used bool) (actor Actor, err error) {
	const longest = 128
	if credential == "" || len(credential) > longest {
		return Actor{}, errUnauthenticated()
	}
	var touch func(Tx) error
	err = s.store.View(ctx, "telling who it is", func(tx Tx) (err error) {
		if IsToken(credential) {
			actor, touch, err = tokenActor(tx, hashOf(credential))
		} else {
			actor, touch, err = sessionActor(tx, hashOf(credential))
		}
		return err
	})
	if errors.Is(err, migration.ErrNotFound) {
		err = errUnauthenticated()
	}
	if err == nil && touch != nil && used {
		err = s.store.Change(ctx, "noting the use", touch)
	}
	if err != nil {
		return Actor{}, err
	}
	actor.Address = address
	return actor, nil
}

func sessionActor(tx Tx, hash []byte) (Actor, func(Tx) error, error) {
	session, err := tx.Session(hash)
	if err != nil {
		return Actor{}, nil, err
	}
	now := tx.Now()
	if !live(session, now) {
		return Actor{}, nil, errUnauthenticated()
	}
	actor, err := liveActor(tx, session.Operator)
	actor.Session = hash
	if now.Sub(session.Used) < touchEvery {
		return actor, nil, err
	}
	return actor, func(tx Tx) error { return tx.TouchSession(hash) }, err
}

func tokenActor(tx Tx, hash []byte) (Actor, func(Tx) error, error) {
	token, err := tx.Token(hash)
	if err != nil {
		return Actor{}, nil, err
	}
	now := tx.Now()
	if !token.Revoked.IsZero() || !now.Before(token.Expires) {
		return Actor{}, nil, errUnauthenticated()
	}
	actor, err := liveActor(tx, token.Operator)
	actor.Token, actor.Role = true, lesser(actor.Role, Role(token.Role))
	if now.Sub(token.Used) < touchEvery {
		return actor, nil, err
	}
	return actor, func(tx Tx) error { return tx.TouchToken(token.ID) }, err
}

// liveActor is the operator, if he may still do something.
func liveActor(tx Tx, id int64) (Actor, error) {
	o, err := tx.OperatorByID(id)
	if err == nil && o.Disabled {
		err = errUnauthenticated()
	}
	if err != nil {
		return Actor{}, err
	}
	return actorOf(o, ""), nil
}

func actorOf(o migration.Operator, address string) Actor {
	return Actor{ID: o.ID, Name: o.Name, Role: Role(o.Role), Email: o.Email, Address: address}
}
