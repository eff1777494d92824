package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/report"
)

// handoverForm is one form of the hand-over of a mailbox.
type handoverForm struct {
	id, file, kind, summary string
	write                   func(report.Handover, io.Writer) error
}

func (a *API) handoverRoutes() {
	tags := []string{"Hand-over"}
	for _, form := range []handoverForm{
		{"get-handover-text", "handover.txt", "text/plain; charset=utf-8", "The hand-over of a mailbox to its owner, as text", report.Handover.Text},
		{"get-handover-html", "handover.html", "text/html; charset=utf-8", "The hand-over of a mailbox to its owner, as a page", report.Handover.HTML},
	} {
		route(a, huma.Operation{OperationID: form.id, Method: http.MethodGet, Path: "/batches/{batch}/mailboxes/{address}/" + form.file, Summary: form.summary, Tags: tags,
			Description: "It tells the owner what was brought over, what was left out, and what to look at. It holds no password.", Responses: fileResponse(form.kind)},
			func(ctx context.Context, input *struct {
				MailboxName
				Contact string `query:"contact" maxLength:"1000" doc:"Whom the owner asks when something is missing."`
			}) (*huma.StreamResponse, error) {
				if err := a.service.JudgeHandover(ctx, actorOf(ctx), input.Batch, input.Address, input.Contact); err != nil {
					return nil, err
				}
				handover, found, err := a.options.Reports.HandoverOf(ctx, input.Batch, input.Address)
				if err != nil {
					return nil, err
				}
				if !found {
					return nil, &control.Problem{Kind: control.NotFound, Code: "not-found", Detail: "There is no such mailbox any more."}
				}
				if !actorOf(ctx).SeesSubjects() {
					handover = handover.WithoutSubjects()
				}
				handover.Contact = input.Contact
				return a.download(form.kind, input.Address+"-"+form.file, func(w io.Writer) error { return form.write(handover, w) }), nil
			})
	}
	route(a, huma.Operation{OperationID: "send-handovers", Method: http.MethodPost, Path: "/batches/{batch}/handover-mails", Summary: "Mail their hand-overs to the owners of mailboxes", Tags: tags,
		Description: "Each goes to the owner's new address, of mailboxes that were synchronised at least once. They are sent soon after, each once; asked for again, they are sent again. What became of them is among the notices.", DefaultStatus: http.StatusAccepted},
		func(ctx context.Context, input *struct {
			BatchName
			Body control.HandoverMail
		}) (*plainAnswer[control.HandoversMailed], error) {
			if !input.Body.DryRun {
				if err := a.mayMail(ctx); err != nil {
					return nil, err
				}
			}
			sent, err := a.service.SendHandovers(ctx, actorOf(ctx), input.Batch, input.Body)
			return &plainAnswer[control.HandoversMailed]{sent}, err
		})
}

// mayMail refuses who has had too many mails sent.
func (a *API) mayMail(ctx context.Context) error {
	wait, ok := a.reports.allow(actorOf(ctx).Name)
	if ok {
		return nil
	}
	p := problem(http.StatusTooManyRequests, CodeTooMany, "Too many reports and hand-overs were mailed.", "Wait a little.")
	p.after = wait
	return p
}
