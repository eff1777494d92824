package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mailhaul/mailhaul/internal/control"
)

// MailboxName is the mailbox that a path names.
type MailboxName struct {
	BatchName
	Address string `path:"address" maxLength:"320" doc:"The mailbox's address."`
}

func (a *API) mailboxRoutes() {
	tags := []string{"Mailboxes"}
	route(a, huma.Operation{OperationID: "list-mailboxes", Method: http.MethodGet, Path: "/mailboxes", Summary: "List mailboxes", Tags: tags},
		func(ctx context.Context, input *struct {
			Paging
			Placing
			Batch    string   `query:"batch" maxLength:"64" doc:"Those of this batch only."`
			States   []string `query:"state" maxItems:"20" doc:"Those in one of these states only."`
			Search   string   `query:"search" maxLength:"320" doc:"Those with this in their address only."`
			LeftOut  bool     `query:"leftOut" doc:"Those with messages that were left out only."`
			NotReady bool     `query:"notReady" doc:"Those that the last preflight found not ready only."`
			Sort     string   `query:"sort" enum:"row,-row,address,-address,state,-state" doc:"What comes first, the other way round with a minus; row without. It goes by offset and not by cursor."`
		}) (*plainAnswer[control.MailboxPage], error) {
			page, err := a.service.Mailboxes(ctx, actorOf(ctx), control.MailboxQuery{Batch: input.Batch, States: input.States, Search: input.Search, LeftOut: input.LeftOut, NotReady: input.NotReady, Page: input.page(), Offset: input.place(), Sort: input.Sort})
			return &plainAnswer[control.MailboxPage]{page}, err
		})
	route(a, huma.Operation{OperationID: "act-on-mailboxes", Method: http.MethodPost, Path: "/batches/{batch}/mailbox-actions", Summary: "Ask something of many mailboxes", Tags: tags,
		Description: "Of those at the addresses, in the states and with the search in their address, whichever are given; each is asked as if it were alone."},
		func(ctx context.Context, input *struct {
			BatchName
			Body control.MailboxActions
		}) (*plainAnswer[control.MailboxesActed], error) {
			acted, err := a.service.ActOnMailboxes(ctx, actorOf(ctx), input.Batch, input.Body)
			return &plainAnswer[control.MailboxesActed]{acted}, err
		})
	const one = "/batches/{batch}/mailboxes/{address}"
	route(a, huma.Operation{OperationID: "get-mailbox", Method: http.MethodGet, Path: one, Summary: "Show a mailbox", Tags: tags},
		func(ctx context.Context, input *MailboxName) (*versioned[control.Mailbox], error) {
			return mailboxAnswer(a.service.Mailbox(ctx, actorOf(ctx), input.Batch, input.Address))
		})
	a.mailboxVerb("start-mailbox", one+"/start", "Go on with a stopped mailbox, or retry a failed one", tags, a.service.StartMailbox)
	a.mailboxVerb("stop-mailbox", one+"/stop", "Stop a mailbox", tags, a.service.StopMailbox)
	a.mailboxVerb("retry-mailbox", one+"/retry", "Try a mailbox, and the messages that were left out, again", tags, a.service.RetryMailbox)
	a.mailboxVerb("sync-mailbox", one+"/sync", "Bring what is new at the source now", tags, a.service.SyncMailbox)
	route(a, huma.Operation{OperationID: "approve-mailbox", Method: http.MethodPost, Path: one + "/approve", Summary: "Accept what was left out", Tags: tags},
		func(ctx context.Context, input *struct {
			MailboxName
			Body Approval
		}) (*versioned[control.Mailbox], error) {
			return mailboxAnswer(a.service.ApproveMailbox(ctx, actorOf(ctx), input.Batch, input.Address, input.Body.Reason))
		})
	route(a, huma.Operation{OperationID: "rotate-mailbox", Method: http.MethodPut, Path: one + "/passwords", Summary: "Give new passwords", Tags: tags},
		func(ctx context.Context, input *struct {
			MailboxName
			Body control.Passwords
		}) (*versioned[control.Mailbox], error) {
			return mailboxAnswer(a.service.RotateMailbox(ctx, actorOf(ctx), input.Batch, input.Address, input.Body))
		})
	route(a, huma.Operation{OperationID: "delete-mailbox", Method: http.MethodDelete, Path: one, Summary: "Delete a mailbox from its batch", Tags: tags,
		Description: "Migrated mail and the ledger stay."},
		func(ctx context.Context, input *MailboxName) (*nothing, error) {
			_, err := a.service.DeleteMailbox(ctx, actorOf(ctx), input.Batch, input.Address)
			return nil, err
		})
	route(a, huma.Operation{OperationID: "list-findings", Method: http.MethodGet, Path: one + "/findings", Summary: "List what was left out or changed", Tags: tags},
		func(ctx context.Context, input *struct {
			MailboxName
			Paging
		}) (*plainAnswer[control.FindingPage], error) {
			page, err := a.service.Findings(ctx, actorOf(ctx), input.Batch, input.Address, input.page())
			return &plainAnswer[control.FindingPage]{page}, err
		})
	a.messageRoute(one, tags)
}

// messageRoute streams a message that was left out.
func (a *API) messageRoute(one string, tags []string) {
	route(a, huma.Operation{OperationID: "get-message", Method: http.MethodGet, Path: one + "/findings/{finding}/message", Summary: "Download the message of a finding from the source", Tags: tags,
		Responses: fileResponse("message/rfc822")},
		func(ctx context.Context, input *struct {
			MailboxName
			Finding string `path:"finding" maxLength:"20"`
		}) (*huma.StreamResponse, error) {
			message, err := a.service.SkippedMessage(ctx, actorOf(ctx), input.Batch, input.Address, input.Finding)
			if err != nil {
				return nil, err
			}
			return a.download("message/rfc822", message.FileName, func(w io.Writer) error {
				defer message.Body.Close()
				_, err := io.Copy(w, message.Body)
				return err
			}), nil
		})
}

func (a *API) mailboxVerb(id, path, summary string, tags []string, do func(context.Context, control.Actor, string, string) (control.Mailbox, error)) {
	route(a, huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Summary: summary, Tags: tags,
		Description: "Asking again changes nothing; in a state that does not know it, it is refused with a reason."},
		func(ctx context.Context, input *MailboxName) (*versioned[control.Mailbox], error) {
			return mailboxAnswer(do(ctx, actorOf(ctx), input.Batch, input.Address))
		})
}

func mailboxAnswer(m control.Mailbox, err error) (*versioned[control.Mailbox], error) {
	return &versioned[control.Mailbox]{etag(m.Version), m}, err
}

// download is a file that is written as it is made. When that fails half-way the
// connection is cut, so that nobody takes the half for the whole.
func (a *API) download(kind, name string, write func(io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		_, w := humago.Unwrap(ctx)
		_ = http.NewResponseController(w).SetWriteDeadline(deadline(downloadWithin))
		ctx.SetHeader("Content-Type", kind)
		ctx.SetHeader("Content-Disposition", mime.FormatMediaType(disposition(kind), map[string]string{"filename": name}))
		ctx.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
		if err := write(ctx.BodyWriter()); err != nil {
			a.log.Error("a download broke off", "file", kind, "error", fmt.Sprint(err))
			panic(http.ErrAbortHandler)
		}
	}}
}

// disposition lets a browser show a page, which the policy beside it keeps from doing
// anything; all else is saved.
func disposition(kind string) string {
	if strings.HasPrefix(kind, "text/html") {
		return "inline"
	}
	return "attachment"
}

func fileResponse(kind string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
}
