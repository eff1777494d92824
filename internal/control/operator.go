package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func operatorNamed(name string) string {
	return fmt.Sprintf("the operator %q", migration.SafeText(name))
}

func operatorView(o migration.Operator) Operator {
	return Operator{Name: o.Name, Email: o.Email, Role: o.Role, Disabled: o.Disabled, TOTP: o.TOTP, Created: o.Created, CreatedBy: o.CreatedBy, Version: o.Version}
}

func (c *checks) operator(spec OperatorSpec) {
	c.name("name", spec.Name)
	c.role("role", spec.Role)
	if spec.Email != "" {
		c.email("email", spec.Email)
	}
	c.operatorPassword("password", spec.Name, spec.Password)
}

func (c *checks) role(field, role string) {
	c.that(slices.Contains(Roles(), Role(role)), field, "must be admin, operator or viewer")
}

// Me gives the operator who asks.
func (s *Service) Me(ctx context.Context, actor Actor) (me Myself, err error) {
	if err := permit(actor, OwnLook); err != nil {
		return Myself{}, err
	}
	err = s.store.View(ctx, "reading the operator", func(tx Tx) error {
		o, err := tx.OperatorByID(actor.ID)
		if err != nil {
			return err
		}
		me.Operator = operatorView(o)
		me.RecoveryCodes, err = tx.RecoveryCodes(o.ID)
		return err
	})
	return me, problem(operatorNamed(actor.Name), err)
}

func (s *Service) operator(ctx context.Context, name string) (view Operator, err error) {
	err = s.store.View(ctx, "reading the operator", func(tx Tx) error {
		o, err := tx.Operator(name)
		view = operatorView(o)
		return err
	})
	return view, problem(operatorNamed(name), err)
}

// Operator gives the operator of that name.
func (s *Service) Operator(ctx context.Context, actor Actor, name string) (Operator, error) {
	if err := permit(actor, OperatorLook); err != nil {
		return Operator{}, err
	}
	return s.operator(ctx, name)
}

// Operators gives all operators by name.
func (s *Service) Operators(ctx context.Context, actor Actor) ([]Operator, error) {
	if err := permit(actor, OperatorLook); err != nil {
		return nil, err
	}
	views := []Operator{}
	err := s.store.View(ctx, "listing the operators", func(tx Tx) error {
		views = views[:0]
		operators, err := tx.Operators()
		for _, o := range operators {
			views = append(views, operatorView(o))
		}
		return err
	})
	return views, err
}

// CreateOperator makes an operator.
func (s *Service) CreateOperator(ctx context.Context, actor Actor, spec OperatorSpec) (view Operator, err error) {
	if err := permit(actor, OperatorCreate); err != nil {
		return Operator{}, err
	}
	var c checks
	c.operator(spec)
	if err := c.err(); err != nil {
		return Operator{}, err
	}
	hash, err := s.hashing.hash(ctx, spec.Password)
	if err != nil {
		return Operator{}, err
	}
	err = s.change(ctx, "creating the operator", func(tx Tx) error {
		o := migration.Operator{Name: spec.Name, Email: spec.Email, Role: spec.Role, Password: hash, CreatedBy: actor.Name}
		if err := tx.CreateOperator(&o); err != nil {
			if errors.Is(err, migration.ErrNameTaken) {
				return &Problem{Kind: Conflict, Code: "name-taken", Detail: "The operator already exists.", Remedy: "Choose another name."}
			}
			return err
		}
		view = operatorView(o)
		return s.record(tx, actor, OperatorCreate, "operator/"+o.Name, map[string]any{"role": o.Role})
	})
	return view, err
}

// SetOperator changes an operator if it still has the version; 0 is any. The last
// administrator stays one.
func (s *Service) SetOperator(ctx context.Context, actor Actor, name string, patch OperatorPatch, version int64) (view Operator, err error) {
	if err := permit(actor, OperatorSet); err != nil {
		return Operator{}, err
	}
	var c checks
	if patch.Role != nil {
		c.role("role", *patch.Role)
	}
	if patch.Email != nil && *patch.Email != "" {
		c.email("email", *patch.Email)
	}
	hash := ""
	if patch.Password != nil {
		c.operatorPassword("password", name, *patch.Password)
	}
	if err := c.err(); err != nil {
		return Operator{}, err
	}
	if (patch.Password != nil || patch.ResetTOTP) && strings.EqualFold(name, actor.Name) {
		return Operator{}, &Problem{Kind: Refused, Code: "own-account", Detail: "Your own password and second factor are changed with proof that it is you.",
			Remedy: "Use your account page, or mailhaul operator password; who has lost the device and the recovery codes asks another admin, or uses mailhaul serve rescue on the server's computer."}
	}
	if patch.Password != nil {
		if hash, err = s.hashing.hash(ctx, *patch.Password); err != nil {
			return Operator{}, err
		}
	}
	err = s.changeVersion(ctx, "changing the operator", version, func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		o, err := tx.Operator(name)
		if err != nil {
			return err
		}
		if version != 0 && o.Version != version {
			return migration.ErrChanged
		}
		before := o
		set(&o.Email, patch.Email)
		set(&o.Role, patch.Role)
		set(&o.Disabled, patch.Disabled)
		if hash != "" {
			o.Password = hash
		}
		if err := s.saveOperator(tx, before, &o); err != nil {
			return err
		}
		told := map[string]any{"role": o.Role, "disabled": o.Disabled, "email": o.Email, "password": hash != ""}
		if patch.ResetTOTP {
			if err := tx.DropFactor(o.ID); err != nil {
				return err
			}
			o.TOTP, told["totp"] = false, "reset"
		}
		view = operatorView(o)
		return s.record(tx, actor, OperatorSet, "operator/"+o.Name, told)
	})
	return view, problem(operatorNamed(name), err)
}

// saveOperator saves a change and ends what it makes invalid.
func (s *Service) saveOperator(tx Tx, before migration.Operator, o *migration.Operator) error {
	if isAdmin(before) && !isAdmin(*o) {
		if err := notLast(tx, before.ID); err != nil {
			return err
		}
	}
	if err := tx.SaveOperator(o); err != nil {
		return err
	}
	anew := before.Password != o.Password || o.Disabled && !before.Disabled
	if anew || before.Role != o.Role {
		if err := tx.EndSessions(o.ID, nil); err != nil {
			return err
		}
	}
	if anew {
		return revokeTokens(tx, o.ID)
	}
	return nil
}

func isAdmin(o migration.Operator) bool { return Role(o.Role) == Admin && !o.Disabled }

// notLast makes sure that there is another administrator.
func notLast(tx OperatorTx, id int64) error {
	operators, err := tx.Operators()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(operators, func(o migration.Operator) bool { return o.ID != id && isAdmin(o) }) {
		return nil
	}
	return &Problem{Kind: Refused, Code: "last-admin", Detail: "This is the last administrator.", Remedy: "Make somebody else an administrator first."}
}

func revokeTokens(tx CredentialTx, operator int64) error {
	tokens, err := tx.Tokens(operator)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if !t.Revoked.IsZero() {
			continue
		}
		if err := tx.RevokeToken(t.ID); err != nil {
			return err
		}
	}
	return nil
}

// Rescue gives an operator a new password and ends the second factor, all sessions and
// tokens. It is for who has the database itself, and no route leads to it.
func (s *Service) Rescue(ctx context.Context, name string, password Password) (view Operator, err error) {
	var c checks
	c.operatorPassword("password", name, password)
	if err := c.err(); err != nil {
		return Operator{}, err
	}
	hash, err := s.hashing.hash(ctx, password)
	if err != nil {
		return Operator{}, err
	}
	err = s.store.Change(ctx, "rescuing an operator", func(tx Tx) error {
		o, err := tx.Operator(name)
		if err != nil {
			return err
		}
		before := o
		o.Password = hash
		if err := s.saveOperator(tx, before, &o); err != nil {
			return err
		}
		if err := tx.DropFactor(o.ID); err != nil {
			return err
		}
		o.TOTP = false
		view = operatorView(o)
		return s.record(tx, Actor{}, OperatorRescue, "operator/"+o.Name, nil)
	})
	return view, problem(operatorNamed(name), err)
}

// DeleteOperator deletes an operator with all sessions and tokens.
func (s *Service) DeleteOperator(ctx context.Context, actor Actor, name string) error {
	if err := permit(actor, OperatorDelete); err != nil {
		return err
	}
	err := s.change(ctx, "deleting the operator", func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		o, err := tx.Operator(name)
		if err != nil {
			return err
		}
		if isAdmin(o) {
			if err := notLast(tx, o.ID); err != nil {
				return err
			}
		}
		if err := tx.DeleteOperator(o.ID); err != nil {
			return err
		}
		return s.record(tx, actor, OperatorDelete, "operator/"+o.Name, nil)
	})
	return problem(operatorNamed(name), err)
}

// SetPassword changes the actor's own password. All his sessions and tokens end.
func (s *Service) SetPassword(ctx context.Context, actor Actor, old, fresh Password) error {
	if err := permit(actor, OwnPassword); err != nil {
		return err
	}
	if actor.Token {
		return &Problem{Kind: Forbidden, Code: "forbidden", Detail: "An API token can't change the password.", Remedy: "Sign in with the password."}
	}
	var c checks
	c.operatorPassword("newPassword", actor.Name, fresh)
	if err := c.err(); err != nil {
		return err
	}
	tried := attempt{account: actor.Name, address: actor.Address}
	if wait := s.throttle.begin(tried); wait > 0 {
		return errSlower(wait)
	}
	var before migration.Operator
	err := s.store.View(ctx, "reading the operator", func(tx Tx) (err error) {
		before, err = tx.OperatorByID(actor.ID)
		return err
	})
	if err != nil {
		return problem(operatorNamed(actor.Name), err)
	}
	right, err := s.hashing.matches(ctx, before.Password, old)
	if err != nil {
		return err
	}
	if !right {
		return &Problem{Kind: Invalid, Code: "wrong-password", Detail: "The old password is wrong.", Fields: []Field{{"oldPassword", "is wrong"}}}
	}
	s.throttle.succeeded(tried)
	hash, err := s.hashing.hash(ctx, fresh)
	if err != nil {
		return err
	}
	err = s.change(ctx, "changing the password", func(tx Tx) error {
		o, err := tx.OperatorByID(actor.ID)
		if err != nil {
			return err
		}
		if o.Password != before.Password {
			return &Problem{Kind: Changed, Code: "changed", Detail: "The password was changed meanwhile.", Remedy: "Sign in again."}
		}
		o.Password = hash
		if err := s.saveOperator(tx, before, &o); err != nil {
			return err
		}
		return s.record(tx, actor, OwnPassword, "operator/"+o.Name, nil)
	})
	return problem(operatorNamed(actor.Name), err)
}
