package api

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// Problem is what went wrong, in the form of RFC 9457. Programs go by Code; what
// the client sent is never repeated, because it may be a secret.
type Problem struct {
	Type   string `json:"type" doc:"Always about:blank; the code says what it is." example:"about:blank"`
	Title  string `json:"title" doc:"The HTTP status in words." example:"Conflict"`
	Status int    `json:"status" doc:"The HTTP status." example:"409"`
	Code   string `json:"code" doc:"What went wrong, for programs; it stays the same from version to version." example:"refused"`
	Detail string `json:"detail" doc:"What went wrong, in a sentence." example:"The batch cannot be completed: it was not started yet."`
	Remedy string `json:"remedy,omitempty" doc:"What to do about it, in a sentence."`
	// Fields says what is wrong with which part of the request.
	Fields []ProblemField `json:"fields,omitempty" doc:"What is wrong with which part of the request."`
	// File is what is wrong with a migration file.
	File *control.FileSummary `json:"file,omitempty" doc:"What is wrong with a migration file."`

	after time.Duration
}

// ProblemField is what is wrong with a part of a request.
type ProblemField struct {
	Name   string `json:"name" example:"port"`
	Detail string `json:"detail" example:"must be from 1 to 65535"`
}

// Error is the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders says when to try again.
func (p *Problem) GetHeaders() http.Header {
	if p.after <= 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(int(p.after.Seconds()) + 1)}}
}

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// The codes of problems that the API itself finds; all others are those of
// package control.
const (
	CodeInvalid     = "invalid"
	CodeNoRoute     = "no-route"
	CodeContentType = "content-type"
	CodeTooLarge    = "too-large"
	CodeCrossOrigin = "cross-origin"
	CodeInternal    = "internal"
	CodeTooMany     = "too-many"
	CodeSlow        = "slow"
)

func problem(status int, code, detail, remedy string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Remedy: remedy}
}

// statusOf is the HTTP status of each kind of problem.
var statusOf = map[control.Kind]int{
	control.Invalid:         http.StatusBadRequest,
	control.NotFound:        http.StatusNotFound,
	control.Conflict:        http.StatusConflict,
	control.Changed:         http.StatusPreconditionFailed,
	control.Refused:         http.StatusConflict,
	control.Forbidden:       http.StatusForbidden,
	control.Unauthenticated: http.StatusUnauthorized,
	control.TooMany:         http.StatusTooManyRequests,
	control.Unavailable:     http.StatusServiceUnavailable,
}

// problemOf turns an error into what the client is told. What is not a problem of
// control is told to the log only.
func (a *API) problemOf(err error) *Problem {
	var own *Problem
	if errors.As(err, &own) {
		return own
	}
	var found *control.Problem
	if !errors.As(err, &found) {
		a.log.Error("request failed", "error", err.Error())
		return problem(http.StatusInternalServerError, CodeInternal, "Something went wrong in the server; its log says what.", "")
	}
	p := problem(cmp.Or(statusOf[found.Kind], http.StatusInternalServerError), found.Code, found.Detail, found.Remedy)
	p.after = found.After
	for _, field := range found.Fields {
		p.Fields = append(p.Fields, ProblemField{field.Name, field.Detail})
	}
	return p
}

// humaProblem is what the framework found wrong with a request. Its own form
// would repeat the values that were sent.
func humaProblem(status int, message string, errs ...error) huma.StatusError {
	code := map[int]string{http.StatusUnprocessableEntity: CodeInvalid, http.StatusBadRequest: CodeInvalid, http.StatusUnsupportedMediaType: CodeContentType,
		http.StatusRequestEntityTooLarge: CodeTooLarge, http.StatusRequestTimeout: CodeSlow}[status]
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	if status >= http.StatusInternalServerError {
		return problem(status, CodeInternal, "Something went wrong in the server.", "")
	}
	p := problem(status, cmp.Or(code, CodeInvalid), sentence(message), "")
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Fields = append(p.Fields, ProblemField{detail.Location, detail.Message})
			continue
		}
		var own *Problem
		if errors.As(err, &own) {
			return own
		}
	}
	return p
}

// sentence begins with a capital and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return "The request is not valid."
	}
	if text[0] >= 'a' && text[0] <= 'z' {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		text += "."
	}
	return text
}
