package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// MailboxPasses are the transcripts of the last passes of a mailbox.
type MailboxPasses struct {
	Passes []control.Transcript `json:"passes" doc:"The newest first"`
}

// consoleRoutes are those that show how work goes on.
func (a *API) consoleRoutes() {
	batches, mailboxes := []string{"Batches"}, []string{"Mailboxes"}
	route(a, huma.Operation{OperationID: "get-throughput", Method: http.MethodGet, Path: "/throughput", Summary: "Show how much was copied over time", Tags: []string{"Server"},
		Description: "As measured by the minute, by all nodes together; it is kept for 30 days. In stretches that are missing nothing was copied."},
		func(ctx context.Context, input *struct {
			Batch  string    `query:"batch" maxLength:"64" doc:"Of this batch only."`
			From   time.Time `query:"from" doc:"A day before to, without."`
			To     time.Time `query:"to" doc:"Now, without."`
			Points int       `query:"points" minimum:"1" maximum:"2000" default:"120" doc:"How many points at most."`
		}) (*plainAnswer[control.Throughput], error) {
			throughput, err := a.service.Throughput(ctx, actorOf(ctx), control.ThroughputQuery{Batch: input.Batch, From: input.From, To: input.To, Points: input.Points})
			return &plainAnswer[control.Throughput]{throughput}, err
		})
	a.estimateRoutes(batches)
	route(a, huma.Operation{OperationID: "list-history", Method: http.MethodGet, Path: "/batches/{batch}/history", Summary: "Show what was done to a batch and its mailboxes, newest first", Tags: batches},
		func(ctx context.Context, input *struct {
			BatchName
			Paging
		}) (*plainAnswer[control.HistoryPage], error) {
			page, err := a.service.History(ctx, actorOf(ctx), input.Batch, input.page())
			return &plainAnswer[control.HistoryPage]{page}, err
		})
	route(a, huma.Operation{OperationID: "send-report", Method: http.MethodPost, Path: "/batches/{batch}/report-mails", Summary: "Mail the report of a batch now", Tags: []string{"Reports"},
		Description: "It is sent soon after; what became of it is among the notices.", DefaultStatus: http.StatusAccepted},
		func(ctx context.Context, input *struct {
			BatchName
			Body control.ReportMail
		}) (*plainAnswer[control.ReportMailed], error) {
			if err := a.mayMail(ctx); err != nil {
				return nil, err
			}
			sent, err := a.service.SendReport(ctx, actorOf(ctx), input.Batch, input.Body)
			return &plainAnswer[control.ReportMailed]{sent}, err
		})
	route(a, huma.Operation{OperationID: "list-folders", Method: http.MethodGet, Path: "/batches/{batch}/mailboxes/{address}/folders", Summary: "Show how far the folders of a mailbox have come", Tags: mailboxes},
		func(ctx context.Context, input *MailboxName) (*plainAnswer[pageOf[control.MailboxFolder]], error) {
			list, err := a.service.Folders(ctx, actorOf(ctx), input.Batch, input.Address)
			return &plainAnswer[pageOf[control.MailboxFolder]]{pageOf[control.MailboxFolder]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "get-transcript", Method: http.MethodGet, Path: "/batches/{batch}/mailboxes/{address}/transcript", Summary: "Show what was said to the servers in the last passes of a mailbox", Tags: mailboxes,
		Description: "Of the last three passes, the beginning and the end of each, at most 64 kB: without secrets, literals and messages, but with the names of folders."},
		func(ctx context.Context, input *MailboxName) (*plainAnswer[MailboxPasses], error) {
			passes, err := a.service.Transcripts(ctx, actorOf(ctx), input.Batch, input.Address)
			return &plainAnswer[MailboxPasses]{MailboxPasses{passes}}, err
		})
}
