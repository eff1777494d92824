package api

import (
	"context"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mailhaul/mailhaul/internal/control"
)

// public is for everybody, signed in or not.
const public control.Action = "public"

// permissions has every route, and what it asks of control, which knows the least
// role for that and asks for it once more.
var permissions = map[string]control.Action{
	"set-up": public, "get-setup": public, "sign-in": public, "get-openapi": public,
	"sign-out": control.SignedOut, "who-am-i": control.OwnLook, "change-password": control.OwnPassword,
	"begin-totp": control.OwnFactor, "confirm-totp": control.OwnFactor, "end-totp": control.OwnFactor, "list-sessions": control.SessionLook, "end-session": control.SignedOut,

	"list-endpoints": control.EndpointLook, "get-endpoint": control.EndpointLook, "create-endpoint": control.EndpointCreate,
	"edit-endpoint": control.EndpointSet, "delete-endpoint": control.EndpointDelete, "test-endpoint": control.EndpointTest, "calibrate-endpoint": control.EndpointCalibrate,

	"list-batches": control.BatchLook, "get-batch": control.BatchLook, "watch-batch": control.BatchLook, "list-notices": control.BatchLook,
	"create-batch": control.BatchCreate, "check-batch": control.BatchCreate, "edit-batch": control.BatchSet, "add-mailboxes": control.BatchAdd,
	"start-batch": control.BatchStart, "stop-batch": control.BatchStop, "sync-batch": control.BatchSync, "complete-batch": control.BatchComplete,
	"approve-batch": control.BatchApprove, "preflight-batch": control.BatchPreflight, "delete-batch": control.BatchDelete, "preview-folders": control.BatchPreview, "preview-source": control.BatchPreview,
	"get-statistics-csv": control.BatchLook, "get-errors-csv": control.BatchLook, "get-report-html": control.BatchLook, "get-report-json": control.BatchLook,
	"get-handover-csv": control.BatchLook, "get-handover-text": control.MailboxLook, "get-handover-html": control.MailboxLook, "send-handovers": control.BatchHandover,

	"get-throughput": control.BatchLook, "get-estimate": control.BatchLook, "estimate-sizes": control.BatchLook, "list-history": control.BatchLook, "send-report": control.BatchReport,
	"list-folders": control.MailboxLook, "get-transcript": control.MailboxTranscript,
	"act-on-mailboxes": control.MailboxAct,
	"watch-dashboard":  control.BatchLook,
	"list-mailboxes":   control.MailboxLook, "get-mailbox": control.MailboxLook, "watch-mailbox": control.MailboxLook, "list-findings": control.MailboxLook,
	"get-statistics": control.MailboxLook,
	"start-mailbox":  control.MailboxStart, "stop-mailbox": control.MailboxStop, "retry-mailbox": control.MailboxRetry, "sync-mailbox": control.MailboxSync,
	"approve-mailbox": control.MailboxApprove, "rotate-mailbox": control.MailboxRotate, "delete-mailbox": control.MailboxDelete, "get-message": control.MailboxMessage,

	"list-cutovers": control.CutoverLook, "get-cutover": control.CutoverLook, "set-cutover": control.CutoverSet, "check-cutover": control.CutoverSet, "delete-cutover": control.CutoverDelete,

	"list-operators": control.OperatorLook, "get-operator": control.OperatorLook, "create-operator": control.OperatorCreate,
	"edit-operator": control.OperatorSet, "delete-operator": control.OperatorDelete,
	"list-tokens": control.TokenLook, "create-token": control.TokenCreate, "revoke-token": control.TokenRevoke,
	"list-audit": control.AuditLook, "verify-audit": control.AuditLook, "list-nodes": control.NodeLook, "rotate-keys": control.KeyRotate,
	"get-backup": control.Backup, "get-settings": control.SettingLook, "edit-settings": control.SettingSet, "test-mail": control.SettingTest,
}

// words says for whom an action is.
func words(action control.Action) string {
	switch role, _ := control.LeastRole(action); {
	case action == public:
		return "everybody"
	case role == control.Viewer:
		return "everybody who is signed in"
	case role == control.Operate:
		return "operators and admins"
	default:
		return "admins"
	}
}

// allowed reports whether a role may do it. What control does not list nobody may.
func allowed(role control.Role, action control.Action) bool {
	least, listed := control.LeastRole(action)
	return listed && slices.Contains(control.Roles(), role) && slices.Index(control.Roles(), role) >= slices.Index(control.Roles(), least)
}

type callerKey struct{}

// caller is who asks, and whether it still may.
type caller struct {
	actor control.Actor
	again func() error
}

// actorOf is who asks. Routes that are not public always have one.
func actorOf(ctx context.Context) control.Actor {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.actor
}

// stillMay asks once more, for what takes long.
func stillMay(ctx context.Context) error {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.again()
}

// guard lets through who may ask, and says to the handler who it is.
func (a *API) guard(action control.Action) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		actor, err := a.admit(r, action, a.service.Authenticate)
		if err == nil {
			err = wellFormed(ctx.Operation(), r)
		}
		if err != nil {
			a.writeProblem(w, a.problemOf(err))
			return
		}
		again := func() error { _, err := a.admit(r, action, a.service.StillAuthentic); return err }
		next(huma.WithValue(ctx, callerKey{}, caller{actor, again}))
		if action != public && ctx.Operation().Method != http.MethodGet {
			a.stirred.now()
		}
	}
}

// authentication tells who has a credential.
type authentication func(ctx context.Context, credential, address string) (control.Actor, error)

// admit tells who asks, and refuses who may not.
func (a *API) admit(r *http.Request, action control.Action, authenticate authentication) (control.Actor, error) {
	actor := control.Actor{Address: clientAddress(r)}
	if err := a.origins.Check(r); err != nil {
		return actor, problem(http.StatusForbidden, CodeCrossOrigin, "Another site asked for this.", "Open mailhaul itself.")
	}
	if action == public {
		return actor, nil
	}
	actor, err := authenticate(r.Context(), a.credential(r), actor.Address)
	if err != nil {
		return actor, err
	}
	if !allowed(actor.Role, action) {
		return actor, problem(http.StatusForbidden, "forbidden", "This is for "+words(action)+".", "Ask an admin.")
	}
	return actor, nil
}

// Require lets only those through to a handler who may look at nodes; for what is
// not an operation of the API, such as figures.
func (a *API) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.admit(r, control.NodeLook, a.service.Authenticate); err != nil {
			a.writeProblem(w, a.problemOf(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// credential is the token of the header, else the session of the cookie.
func (a *API) credential(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") || !control.IsToken(token) {
			return ""
		}
		return token
	}
	cookie, err := r.Cookie(a.cookieName())
	if err != nil || control.IsToken(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// wellFormed refuses a body that is not of the kind the route takes, so that no
// form of another site can be one.
func wellFormed(op *huma.Operation, r *http.Request) error {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if (err != nil || kind != "application/json") && (op.RequestBody.Required || r.ContentLength != 0) {
		return problem(http.StatusUnsupportedMediaType, CodeContentType, "The request must be application/json.", "")
	}
	return nil
}

// cookieName has the prefix that makes browsers hold the cookie to this host and
// to https, where there is https.
func (a *API) cookieName() string {
	if a.options.Secure {
		return "__Host-mailhaul"
	}
	return "mailhaul"
}

// cookie is the session; without a value it ends it.
func (a *API) cookie(value string) http.Cookie {
	c := http.Cookie{ //nolint:gosec // Secure is off only where the server is on this computer, without TLS
		Name: a.cookieName(), Value: value, Path: "/", Secure: a.options.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

func clientAddress(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

func deadline(within time.Duration) time.Time { return time.Now().Add(within) }
