package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Kind is what sort of problem it is, for machines.
type Kind string

// The kinds of problems.
const (
	// Invalid: what was given makes no sense; Fields say where.
	Invalid Kind = "invalid"
	// NotFound: there is none of that name.
	NotFound Kind = "not-found"
	// Conflict: the name is taken, or something uses it.
	Conflict Kind = "conflict"
	// Changed: it is not the version that was asked to be changed.
	Changed Kind = "changed"
	// Refused: not in this state.
	Refused Kind = "refused"
	// Forbidden: not with this role.
	Forbidden Kind = "forbidden"
	// Unauthenticated: nobody is signed in.
	Unauthenticated Kind = "unauthenticated"
	// TooMany: try again after Problem.After.
	TooMany Kind = "too-many"
	// Unavailable: something that is needed does not answer.
	Unavailable Kind = "unavailable"
)

// Problem is an error that an operator reads. Its texts are sentences and hold no
// secrets.
type Problem struct {
	Kind Kind `json:"-"`
	// Code is stable, for programs.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
	// Fields are the values that were wrong.
	Fields []Field `json:"fields,omitempty"`
	// After is when to try again, zero when it makes no difference.
	After time.Duration `json:"-"`
}

// Field is a value that was wrong, by the name it has in the request.
type Field struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// Error gives the sentences.
func (p *Problem) Error() string {
	text := strings.TrimSuffix(p.Detail, ".")
	for i, f := range p.Fields {
		if i == 0 {
			text += ": "
		} else {
			text += "; "
		}
		text += f.Name + " " + f.Detail
	}
	if p.Remedy != "" {
		text += ". " + p.Remedy
	}
	return text
}

// ProblemOf finds the problem in an error's chain, nil if there is none.
func ProblemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

func invalid(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Problem{Kind: Invalid, Code: "invalid", Detail: "What was given can't be used.", Fields: fields}
}

func refused(what, reason string) error {
	return &Problem{Kind: Refused, Code: "refused", Detail: what + ": " + reason + "."}
}

// problem puts an error of the store into words. what is the thing, such as
// `the endpoint "old"`.
func problem(what string, err error) error {
	switch {
	case err == nil || ProblemOf(err) != nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, migration.ErrNotFound):
		return &Problem{Kind: NotFound, Code: "not-found", Detail: fmt.Sprintf("There is no %s.", strings.TrimPrefix(what, "the "))}
	case errors.Is(err, migration.ErrChanged):
		return &Problem{Kind: Changed, Code: "changed", Detail: fmt.Sprintf("Somebody has changed %s meanwhile.", what), Remedy: "Look at it again and repeat the change."}
	}
	return err
}
