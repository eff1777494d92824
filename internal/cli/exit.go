package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// The exit statuses, the same for every command.
const (
	exitDone        = 0
	exitInternal    = 1
	exitUsage       = 2
	exitSkipped     = 3
	exitLogin       = 4
	exitConnection  = 5
	exitDifferences = 6
	exitInterrupted = 130
)

// exitHelp ends the help text of every command, whoever made the command.
const exitHelp = `
Exit status:
  0    done
  1    internal error, or the ledger cannot be written or is in use by another
       process
  2    wrong usage, a bad file, or something the server refused
  3    finished, but messages were skipped or a mailbox refused more (each with
       its reason); of cutover check: the old system is still needed
  4    a server refused the sign-in, or your role does not allow it
  5    no connection, or TLS failed
  6    verification found differences; of cutover check: a finding is an error
  130  interrupted; the same command goes on where it stopped
Of several mailboxes the highest counts; an internal error counts above 6.
`

// exitError is an error with the status to end with. A nil err prints nothing.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// statusOf is the exit status of an error.
func statusOf(err error) int {
	var exit *exitError
	var problem *api.Problem
	switch fault := migration.FaultOf(err); {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &problem):
		return statusOfProblem(problem)
	case fault == nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case fault == nil:
		return exitInternal
	case fault.Code == migration.CodeInterrupted:
		return exitInterrupted
	case fault.Code == migration.CodeUserRoot, fault.Code == migration.CodeFolderRules, fault.Code == migration.CodeLedgerFile:
		return exitUsage
	case connectionCodes[fault.Code]: // of whatever class: a wrong certificate is not tried again either
		return exitConnection
	case fault.Class == migration.Login:
		return exitLogin
	case fault.Class == migration.Again, fault.Class == migration.Later:
		return exitConnection
	case fault.Class == migration.OneMailbox, fault.Class == migration.OneFolder, fault.Class == migration.OneMessage:
		return exitSkipped
	default:
		return exitInternal
	}
}

// statusOfProblem is the exit status of what a server refused.
func statusOfProblem(p *api.Problem) int {
	switch {
	case p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden || p.Code == "sign-in-refused" || control.RefusesSignIn(p.Code):
		return exitLogin
	case p.Code == "endpoint-test-failed", connectionCodes[p.Code], laterCodes[p.Code]:
		return exitConnection
	case p.Status >= http.StatusInternalServerError:
		return exitInternal
	default:
		return exitUsage
	}
}

// worse is the status of two mailboxes together.
func worse(a, b int) int {
	rank := func(status int) int {
		if status == exitInternal {
			return exitDifferences + 1
		}
		return status
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

var connectionCodes = map[string]bool{
	migration.CodeResolve: true, migration.CodeConnect: true, migration.CodeTLS: true,
	migration.CodeGreeting: true, migration.CodePolicy: true, migration.CodeLost: true, migration.CodeTimeout: true,
}

// laterCodes are those of servers that have no room at the moment.
var laterCodes = map[string]bool{migration.CodeThrottled: true, migration.CodeTooManyConns: true, migration.CodeServerBusy: true}

// interruptedFault says how to go on.
func interruptedFault(doing string) *migration.Fault {
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: doing + " was interrupted",
		Remedy: "Run the same command again: it goes on where it stopped."}
}

// explain is the error with its code and its remedy, for people.
func explain(err error) string {
	text := err.Error()
	var problem *api.Problem
	if errors.As(err, &problem) {
		text += inBrackets(problem.Code)
		for _, field := range problem.Fields {
			text += "\n  " + migration.SafeText(field.Name+": "+field.Detail)
		}
		text += advice(migration.SafeText(problem.Remedy))
	}
	if fault := migration.FaultOf(err); fault != nil {
		text += inBrackets(fault.Code) + advice(fault.Remedy)
	}
	return text
}

// inBrackets is a code behind a sentence, which docs/troubleshooting.md explains.
func inBrackets(code string) string {
	if code == "" {
		return ""
	}
	return " [" + migration.SafeText(code) + "]"
}

func advice(remedy string) string {
	if remedy == "" {
		return ""
	}
	return "\n  what to do: " + remedy
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
