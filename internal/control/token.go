package control

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The life of a token.
const (
	defaultDays = 90
	mostDays    = 365
	day         = 24 * time.Hour
	maxTokens   = 100 // of an operator, that are valid
)

func tokenView(t migration.Token, operator string) Token {
	return Token{ID: strconv.FormatInt(t.ID, 10), Name: t.Name, Operator: operator, Role: t.Role, Prefix: t.Prefix,
		Created: t.Created, Expires: t.Expires, Used: t.Used, Revoked: t.Revoked}
}

// Tokens gives the actor's tokens, for an administrator those of all.
func (s *Service) Tokens(ctx context.Context, actor Actor) ([]Token, error) {
	if err := permit(actor, TokenLook); err != nil {
		return nil, err
	}
	views := []Token{}
	err := s.store.View(ctx, "listing the tokens", func(tx Tx) error {
		views = views[:0]
		names, whose := map[int64]string{actor.ID: actor.Name}, actor.ID
		if actor.Role.atLeast(Admin) {
			whose = 0
			operators, err := tx.Operators()
			if err != nil {
				return err
			}
			for _, o := range operators {
				names[o.ID] = o.Name
			}
		}
		tokens, err := tx.Tokens(whose)
		for _, t := range tokens {
			views = append(views, tokenView(t, names[t.Operator]))
		}
		return err
	})
	return views, err
}

// CreateToken makes a token for the actor, with at most his role, and at most that
// of the token he asks with.
func (s *Service) CreateToken(ctx context.Context, actor Actor, spec TokenSpec) (created TokenCreated, err error) {
	if err := permit(actor, TokenCreate); err != nil {
		return TokenCreated{}, err
	}
	if spec.Role == "" {
		spec.Role = string(actor.Role)
	}
	if spec.Days == 0 {
		spec.Days = defaultDays
	}
	var c checks
	c.that(spec.Name != "", "name", "is missing: say what the token is for")
	c.text("name", spec.Name, maxName)
	c.role("role", spec.Role)
	c.that(actor.Role.atLeast(Role(spec.Role)), "role", "must be at most your own, which is %s", actor.Role)
	c.between("days", spec.Days, 1, mostDays)
	if err := c.err(); err != nil {
		return TokenCreated{}, err
	}
	credential := tokenPrefix + randomText(tokenBytes)
	err = s.change(ctx, "creating the token", func(tx Tx) error {
		// Who asks may have lost his role since.
		now, err := liveActor(tx, actor.ID)
		if err != nil || !now.Role.atLeast(Role(spec.Role)) {
			return errUnauthenticated()
		}
		tokens, err := tx.Tokens(actor.ID)
		if err != nil {
			return err
		}
		tokens = slices.DeleteFunc(tokens, func(t migration.Token) bool { return !t.Revoked.IsZero() || !tx.Now().Before(t.Expires) })
		if len(tokens) >= maxTokens {
			return &Problem{Kind: Refused, Code: "too-many-tokens", Detail: fmt.Sprintf("You have %d tokens.", maxTokens), Remedy: "Revoke some that are not used."}
		}
		t := migration.Token{Name: spec.Name, Operator: actor.ID, Role: spec.Role, Hash: hashOf(credential), Prefix: credential[:shownOfToken],
			Expires: tx.Now().Add(time.Duration(spec.Days) * day)}
		if err := tx.CreateToken(&t); err != nil {
			return err
		}
		created = TokenCreated{Token: tokenView(t, actor.Name), Secret: Password(credential)}
		return s.record(tx, actor, TokenCreate, "token/"+created.ID, map[string]any{"name": t.Name, "role": t.Role, "expires": t.Expires})
	})
	return created, err
}

// RevokeToken ends a token for good: one's own, or as an administrator anybody's.
func (s *Service) RevokeToken(ctx context.Context, actor Actor, id string) error {
	if err := permit(actor, TokenRevoke); err != nil {
		return err
	}
	err := s.change(ctx, "revoking the token", func(tx Tx) error {
		whose := actor.ID
		if actor.Role.atLeast(Admin) {
			whose = 0
		}
		tokens, err := tx.Tokens(whose)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(tokens, func(t migration.Token) bool { return strconv.FormatInt(t.ID, 10) == id })
		if at < 0 {
			return migration.ErrNotFound
		}
		if !tokens[at].Revoked.IsZero() {
			return nil
		}
		if err := tx.RevokeToken(tokens[at].ID); err != nil {
			return err
		}
		return s.record(tx, actor, TokenRevoke, "token/"+id, map[string]any{"name": tokens[at].Name})
	})
	return problem(fmt.Sprintf("the token %q", migration.SafeText(id)), err)
}
