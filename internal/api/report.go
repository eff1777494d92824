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
}

// reportForm is one form of a report.
type reportForm struct {
	id, path, kind, summary string
	files                   func(io.Writer) report.BatchFiles
}

func (a *API) reportRoutes() {
	tags := []string{"Reports"}
	for _, form := range []reportForm{
		{"get-statistics-csv", report.StatisticsFile, "text/csv; charset=utf-8", "A row for each mailbox", func(w io.Writer) report.BatchFiles { return report.BatchFiles{Statistics: w} }},
		{"get-errors-csv", report.ErrorsFile, "text/csv; charset=utf-8", "A row for each message that was left out, and for each mailbox that failed", func(w io.Writer) report.BatchFiles { return report.BatchFiles{Errors: w} }},
		{"get-report-html", report.HTMLFile, "text/html; charset=utf-8", "The report as a page", func(w io.Writer) report.BatchFiles { return report.BatchFiles{Page: w} }},
		{"get-report-json", "report.json", "application/json", "The report for programs", func(w io.Writer) report.BatchFiles { return report.BatchFiles{JSON: w} }},
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
				return a.download(form.kind, input.Batch+"-"+form.path, func(w io.Writer) error {
					_, err := batch.Write(form.files(w))
					return err
				}), nil
			})
	}
	route(a, huma.Operation{OperationID: "list-notices", Method: http.MethodGet, Path: "/batches/{batch}/notices", Summary: "List the mails that were or will be sent about a batch", Tags: tags},
		func(ctx context.Context, input *BatchName) (*plainAnswer[pageOf[control.Notice]], error) {
			list, err := a.service.Notices(ctx, actorOf(ctx), input.Batch)
			return &plainAnswer[pageOf[control.Notice]]{pageOf[control.Notice]{Items: list}}, err
		})
}
