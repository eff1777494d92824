package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/report"
)

// Reports gives what a report of a batch is made of, false when there is no such
// batch. The rows are read while the report is written.
type Reports interface {
	ReportOf(ctx context.Context, name string) (report.Batch, bool, error)
	// HandoverOf gives the hand-over of a mailbox, false when there is none.
	HandoverOf(ctx context.Context, batch, address string) (report.Handover, bool, error)
}

// reportForm is one form of a report.
type reportForm struct {
	id, path, kind, summary string
	write                   func(report.Batch, io.Writer) error
}

// oneOf writes one of the files of a report.
func oneOf(files func(io.Writer) report.BatchFiles) func(report.Batch, io.Writer) error {
	return func(b report.Batch, w io.Writer) error {
		_, err := b.Write(files(w))
		return err
	}
}

const csvKind = "text/csv; charset=utf-8"

func (a *API) reportRoutes() {
	tags := []string{"Reports"}
	for _, form := range []reportForm{
		{"get-statistics-csv", report.StatisticsFile, csvKind, "A row for each mailbox", oneOf(func(w io.Writer) report.BatchFiles { return report.BatchFiles{Statistics: w} })},
		{"get-errors-csv", report.ErrorsFile, csvKind, "A row for each message that was left out, and for each mailbox that failed", oneOf(func(w io.Writer) report.BatchFiles { return report.BatchFiles{Errors: w} })},
		{"get-report-html", report.HTMLFile, "text/html; charset=utf-8", "The report as a page", oneOf(func(w io.Writer) report.BatchFiles { return report.BatchFiles{Page: w} })},
		{"get-handover-csv", report.HandoverFile, csvKind, "A row for each mailbox, with what its owner is told of it, for a mail merge", report.Batch.WriteHandovers},
		{"get-report-json", "report.json", "application/json", "The report for programs", oneOf(func(w io.Writer) report.BatchFiles { return report.BatchFiles{JSON: w} })},
	} {
		route(a, huma.Operation{OperationID: form.id, Method: http.MethodGet, Path: "/batches/{batch}/reports/" + form.path, Summary: form.summary, Tags: tags, Responses: fileResponse(form.kind)},
			func(ctx context.Context, input *BatchName) (*huma.StreamResponse, error) {
				// Control is asked first, so that permission and names are its matter.
				if _, err := a.service.Batch(ctx, actorOf(ctx), input.Batch); err != nil {
					return nil, err
				}
				batch, found, err := a.options.Reports.ReportOf(ctx, input.Batch)
				if err != nil {
					return nil, err
				}
				if !found {
					return nil, &control.Problem{Kind: control.NotFound, Code: "not-found", Detail: "There is no such batch any more."}
				}
				if !actorOf(ctx).SeesSubjects() {
					batch = batch.WithoutSubjects()
				}
				return a.download(form.kind, input.Batch+"-"+form.path, func(w io.Writer) error { return form.write(batch, w) }), nil
			})
	}
	route(a, huma.Operation{OperationID: "list-notices", Method: http.MethodGet, Path: "/batches/{batch}/notices", Summary: "List the mails that were or will be sent about a batch", Tags: tags},
		func(ctx context.Context, input *BatchName) (*plainAnswer[pageOf[control.Notice]], error) {
			list, err := a.service.Notices(ctx, actorOf(ctx), input.Batch)
			return &plainAnswer[pageOf[control.Notice]]{pageOf[control.Notice]{Items: list}}, err
		})
}
