package control

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func errCodeNeeded() error {
	return &Problem{Kind: Unauthenticated, Code: "totp-needed", Detail: "A code of your authenticator app is needed too.",
		Remedy: "Give the 6 digits that the app shows, or one of your recovery codes."}
}

func errWrongCode(kind Kind) error {
	p := &Problem{Kind: kind, Code: "wrong-code", Detail: "The code is wrong, or was used already.",
		Remedy: "Give the next code that the app shows, and check the clock of its device; or give a recovery code."}
	if kind == Invalid {
		p.Fields = []Field{{"code", "is wrong, or was used already"}}
	}
	return p
}

// takeCode uses up a code of an operator with a second factor: of his app, or a
// recovery code. The error is errCode when it is none, or no more.
func (s *Service) takeCode(tx Tx, o migration.Operator, code Password) error {
	plain := plainCode(code)
	if !isTOTP(plain) {
		return asCode(tx.TakeRecoveryCode(o.ID, s.recoveryHash(o.ID, plain)))
	}
	f, err := tx.Factor(o.ID)
	if err != nil {
		return asCode(err)
	}
	key, err := s.openFactor(o, f)
	if err != nil {
		return err
	}
	step, found := totpMatch(key, plain, tx.Now())
	if !found {
		return errCode
	}
	return asCode(tx.TakeStep(o.ID, step))
}

// errCode is a code that is wrong, or was used already.
var errCode = errors.New("the code is wrong")

func asCode(err error) error {
	if errors.Is(err, migration.ErrNotFound) {
		return errCode
	}
	return err
}

// ownFactor refuses who may not work on a second factor: it is one's own, and a
// program that holds a token must not weaken the sign-in.
func ownFactor(actor Actor) error {
	if err := permit(actor, OwnFactor); err != nil {
		return err
	}
	if actor.Token {
		return &Problem{Kind: Forbidden, Code: "forbidden", Detail: "An API token can't change the second factor.", Remedy: "Sign in with the password."}
	}
	return nil
}

// BeginTOTP makes the secret of a second factor, for the actor's authenticator app.
// Nothing is asked for before ConfirmTOTP.
func (s *Service) BeginTOTP(ctx context.Context, actor Actor, password Password) (begun TOTPBegun, err error) {
	if err := ownFactor(actor); err != nil {
		return TOTPBegun{}, err
	}
	o, err := s.proven(ctx, actor, password, func(o migration.Operator) error {
		if o.TOTP {
			return errFactorThere()
		}
		return nil
	})
	if err != nil {
		return TOTPBegun{}, err
	}
	raw := make([]byte, totpBytes)
	_, _ = rand.Read(raw)
	text := base32Text.EncodeToString(raw)
	sealed := s.keys.SealAlone(secret.New(text), factorBinding(o))
	err = s.store.Change(ctx, "beginning a second factor", func(tx Tx) error {
		err := tx.BeginFactor(o.ID, sealed)
		if errors.Is(err, migration.ErrNameTaken) {
			return errFactorThere()
		}
		return err
	})
	if err != nil {
		return TOTPBegun{}, err
	}
	return TOTPBegun{Secret: Password(text), URI: Password(totpURI(o.Name, text))}, nil
}

func errFactorThere() error {
	return &Problem{Kind: Conflict, Code: "totp-on", Detail: "There is a second factor already.", Remedy: "End it first, with the password and a code."}
}

// ConfirmTOTP has the second factor asked for from now on, once a code shows that
// the app has the secret. It gives the recovery codes, which nobody can see again.
func (s *Service) ConfirmTOTP(ctx context.Context, actor Actor, code Password) (recovery RecoveryCodes, err error) {
	if err := ownFactor(actor); err != nil {
		return RecoveryCodes{}, err
	}
	tried := attempt{account: actor.Name, address: actor.Address}
	if wait := s.throttle.begin(tried); wait > 0 {
		return RecoveryCodes{}, errSlower(wait)
	}
	err = s.store.Change(ctx, "confirming a second factor", func(tx Tx) error {
		f, err := tx.Factor(actor.ID)
		switch {
		case errors.Is(err, migration.ErrNotFound) || err == nil && f.Confirmed.IsZero() && tx.Now().Sub(f.Created) > totpWithin:
			return &Problem{Kind: Refused, Code: "totp-not-begun", Detail: "No second factor was begun in the last 15 minutes.", Remedy: "Begin anew, and take the new secret into the app."}
		case err != nil:
			return err
		case !f.Confirmed.IsZero():
			return errFactorThere()
		}
		o, err := tx.OperatorByID(actor.ID)
		if err != nil {
			return err
		}
		plain := plainCode(code)
		if !isTOTP(plain) { // there are no recovery codes yet
			return errCode
		}
		if err := s.takeCode(tx, o, code); err != nil {
			return err
		}
		codes, hashes := s.newRecoveryCodes(o.ID)
		recovery = RecoveryCodes{Codes: codes}
		if err := tx.ConfirmFactor(o.ID, hashes); err != nil {
			return err
		}
		return s.record(tx, actor, OwnFactor, "operator/"+o.Name, map[string]any{"totp": "on"})
	})
	if err = s.judged(tried, err); err != nil {
		return RecoveryCodes{}, problem(operatorNamed(actor.Name), err)
	}
	return recovery, nil
}

// judged tells the throttle what became of a code, and puts a wrong one into words.
func (s *Service) judged(tried attempt, err error) error {
	switch {
	case err == nil:
		s.throttle.succeeded(tried)
	case errors.Is(err, errCode):
		return errWrongCode(Invalid)
	default:
		s.throttle.excused(tried)
	}
	return err
}

// EndTOTP ends the actor's second factor, with the password and a code: who has
// found an open session cannot.
func (s *Service) EndTOTP(ctx context.Context, actor Actor, password, code Password) error {
	if err := ownFactor(actor); err != nil {
		return err
	}
	o, err := s.proven(ctx, actor, password, func(o migration.Operator) error {
		if !o.TOTP {
			return &Problem{Kind: Refused, Code: "totp-off", Detail: "There is no second factor to end."}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A wrong code counts as a wrong password does, which the right one does not undo.
	tried := attempt{account: actor.Name, address: actor.Address}
	if wait := s.throttle.begin(tried); wait > 0 {
		return errSlower(wait)
	}
	err = s.store.Change(ctx, "ending a second factor", func(tx Tx) error {
		if err := s.takeCode(tx, o, code); err != nil {
			return err
		}
		if err := tx.DropFactor(o.ID); err != nil {
			return err
		}
		return s.record(tx, actor, OwnFactor, "operator/"+o.Name, map[string]any{"totp": "off"})
	})
	return s.judged(tried, err)
}

// proven is the operator, who has given his password once more. What judge finds is
// told before the password is looked at.
func (s *Service) proven(ctx context.Context, actor Actor, password Password, judge func(migration.Operator) error) (o migration.Operator, err error) {
	err = s.store.View(ctx, "reading the operator", func(tx Tx) (err error) {
		if o, err = tx.OperatorByID(actor.ID); err != nil {
			return err
		}
		return judge(o)
	})
	if err != nil {
		return o, problem(operatorNamed(actor.Name), err)
	}
	tried := attempt{account: actor.Name, address: actor.Address}
	if wait := s.throttle.begin(tried); wait > 0 {
		return o, errSlower(wait)
	}
	right, err := s.hashing.matches(ctx, o.Password, password)
	if err != nil {
		return o, err
	}
	if !right {
		return o, &Problem{Kind: Invalid, Code: "wrong-password", Detail: "The password is wrong.", Fields: []Field{{"password", "is wrong"}}}
	}
	s.throttle.excused(tried)
	return o, nil
}

// rotateFactors wraps the keys of second factors anew.
func (s *Service) rotateFactors(tx Tx) (n int, err error) {
	factors, err := tx.Factors()
	for _, f := range factors {
		anew, changed, err := s.keys.RewrapAlone(f.Secret)
		if err != nil {
			return n, refused("a second factor", "its key can't be opened: "+err.Error())
		}
		if !changed {
			continue
		}
		if err := tx.ResealFactor(f.Operator, anew); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}
