package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

func (a *API) serverRoutes() {
	tags := []string{"Server"}
	route(a, huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/audit", Summary: "Show what was done, newest first", Tags: tags},
		func(ctx context.Context, input *Paging) (*plainAnswer[control.AuditPage], error) {
			page, err := a.service.AuditRecords(ctx, actorOf(ctx), input.page())
			return &plainAnswer[control.AuditPage]{page}, err
		})
	route(a, huma.Operation{OperationID: "verify-audit", Method: http.MethodPost, Path: "/audit/verify", Summary: "Check that the audit log is whole and unchanged", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[control.AuditVerified], error) {
			verified, err := a.service.VerifyAudit(ctx, actorOf(ctx))
			return &plainAnswer[control.AuditVerified]{verified}, err
		})
	route(a, huma.Operation{OperationID: "list-nodes", Method: http.MethodGet, Path: "/nodes", Summary: "List the running nodes", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Node]], error) {
			list, err := a.service.Nodes(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Node]]{pageOf[control.Node]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "get-statistics", Method: http.MethodGet, Path: "/statistics", Summary: "Count the mailboxes of all batches by state", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[map[string]int], error) {
			counts, err := a.service.Statistics(ctx, actorOf(ctx))
			return &plainAnswer[map[string]int]{counts}, err
		})
	route(a, huma.Operation{OperationID: "rotate-keys", Method: http.MethodPost, Path: "/keys/rotate", Summary: "Wrap every data key with the newest server key", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[Rotated], error) {
			n, err := a.service.RotateKeys(ctx, actorOf(ctx))
			return &plainAnswer[Rotated]{Rotated{n}}, err
		})
	route(a, huma.Operation{OperationID: "get-backup", Method: http.MethodGet, Path: "/backup", Summary: "Download a copy of the database", Tags: tags,
		Description: "Of a database on SQLite. It holds sealed passwords, which are worth nothing without the server key; keep that elsewhere.", Responses: fileResponse("application/vnd.sqlite3")},
		func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
			if a.options.Backup == nil {
				return nil, problem(http.StatusConflict, "refused", "The database is on PostgreSQL, which has its own tool for this.", "Use pg_dump.")
			}
			if err := a.service.NoteBackup(ctx, actorOf(ctx)); err != nil {
				return nil, err
			}
			return a.download("application/vnd.sqlite3", "mailhaul.db", func(w io.Writer) error { return a.options.Backup(ctx, w) }), nil
		})
	route(a, huma.Operation{OperationID: "get-openapi", Method: http.MethodGet, Path: "/openapi.yaml", Summary: "This description", Tags: tags, Responses: fileResponse("application/yaml")},
		func(context.Context, *struct{}) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(ctx huma.Context) {
				ctx.SetHeader("Content-Type", "application/yaml")
				text, err := a.OpenAPI()
				if err != nil {
					panic(err)
				}
				_, _ = ctx.BodyWriter().Write(text)
			}}, nil
		})
}

// Rotated is how many keys were wrapped anew.
type Rotated struct {
	Keys int `json:"keys"`
}
