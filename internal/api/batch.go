package api

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// BatchName is the batch that a path names.
type BatchName struct {
	Batch string `path:"batch" maxLength:"64" doc:"The batch's name."`
}

// Approval says why what was left out is accepted.
type Approval struct {
	Reason string `json:"reason" maxLength:"1000" doc:"Goes to the audit log."`
}

func (a *API) batchRoutes() {
	tags := []string{"Batches"}
	route(a, huma.Operation{OperationID: "list-batches", Method: http.MethodGet, Path: "/batches", Summary: "List batches", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Batch]], error) {
			list, err := a.service.Batches(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Batch]]{pageOf[control.Batch]{Items: list}}, err
		})
	a.createBatchRoutes(tags)
	a.previewRoute(tags)
	route(a, huma.Operation{OperationID: "get-batch", Method: http.MethodGet, Path: "/batches/{batch}", Summary: "Show a batch", Tags: tags},
		func(ctx context.Context, input *BatchName) (*versioned[control.Batch], error) {
			return batchAnswer(a.service.Batch(ctx, actorOf(ctx), input.Batch))
		})
	route(a, huma.Operation{OperationID: "edit-batch", Method: http.MethodPatch, Path: "/batches/{batch}", Summary: "Change a batch", Tags: tags},
		func(ctx context.Context, input *struct {
			BatchName
			Matching
			Body control.BatchPatch
		}) (*versioned[control.Batch], error) {
			version, err := input.version()
			if err != nil {
				return nil, err
			}
			return batchAnswer(a.service.SetBatch(ctx, actorOf(ctx), input.Batch, input.Body, version))
		})
	a.batchVerb("start-batch", "start", "Start a batch, go on with a stopped one, or retry what failed", tags, a.service.StartBatch)
	a.batchVerb("stop-batch", "stop", "Stop a batch", tags, a.service.StopBatch)
	a.batchVerb("sync-batch", "sync", "Bring what is new at the sources now", tags, a.service.SyncBatch)
	a.batchVerb("complete-batch", "complete", "Make the final pass of every mailbox, then destroy the passwords", tags, a.service.CompleteBatch)
	a.batchVerb("preflight-batch", "preflight", "Sign in at both ends for every mailbox and look, without copying", tags, a.service.PreflightBatch)
	route(a, huma.Operation{OperationID: "approve-batch", Method: http.MethodPost, Path: "/batches/{batch}/approve", Summary: "Accept what was left out", Tags: tags},
		func(ctx context.Context, input *struct {
			BatchName
			Body Approval
		}) (*versioned[control.Batch], error) {
			return batchAnswer(a.service.ApproveBatch(ctx, actorOf(ctx), input.Batch, input.Body.Reason))
		})
	route(a, huma.Operation{OperationID: "delete-batch", Method: http.MethodDelete, Path: "/batches/{batch}", Summary: "Delete a batch", Tags: tags,
		Description: "Stops it and removes its records and passwords. Migrated mail stays, and so does the ledger, so that a batch that is made anew copies nothing twice."},
		func(ctx context.Context, input *struct {
			BatchName
			Forget bool `query:"forget" doc:"Forget what was copied, too: a batch that is made anew looks through the targets."`
		}) (*nothing, error) {
			_, err := a.service.DeleteBatch(ctx, actorOf(ctx), input.Batch, input.Forget)
			return nil, err
		})
	route(a, huma.Operation{OperationID: "preview-folders", Method: http.MethodPost, Path: "/batches/{batch}/folders", Summary: "Show what folder rules hit in a mailbox", Tags: tags,
		Description: "Without rules, those of the batch."},
		func(ctx context.Context, input *struct {
			BatchName
			Address string `query:"address" required:"true" maxLength:"320" doc:"The mailbox to look into."`
			Body    control.FolderRules
		}) (*plainAnswer[pageOf[control.FolderHit]], error) {
			hits, err := a.service.PreviewFolders(ctx, actorOf(ctx), input.Batch, input.Address, input.Body)
			return &plainAnswer[pageOf[control.FolderHit]]{pageOf[control.FolderHit]{Items: hits}}, err
		})
}

func (a *API) previewRoute(tags []string) {
	route(a, huma.Operation{OperationID: "preview-source", Method: http.MethodPost, Path: "/folder-previews", Summary: "Show what folder rules hit in a mailbox, before there is a batch", Tags: tags,
		Description: "Signs in at the source. It is in the audit log, and counts as one of ten tests a minute."},
		func(ctx context.Context, input *struct{ Body control.PreviewSpec }) (*plainAnswer[pageOf[control.FolderHit]], error) {
			if err := a.mayTest(ctx, a.service.JudgePreview(ctx, actorOf(ctx), input.Body)); err != nil {
				return nil, err
			}
			hits, err := a.service.PreviewSource(ctx, actorOf(ctx), input.Body)
			return &plainAnswer[pageOf[control.FolderHit]]{pageOf[control.FolderHit]{Items: hits}}, err
		})
}

func (a *API) createBatchRoutes(tags []string) {
	registry := a.huma.OpenAPI().Components.Schemas
	spec := huma.SchemaFromType(registry, typeOf[control.BatchSpec]())
	const form = `A form with two parts: "batch", in JSON, and then "file", the migration file. `
	op := huma.Operation{OperationID: "create-batch", Method: http.MethodPost, Path: "/batches", Summary: "Create a batch", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: form + "With a problem in the file nothing is created, unless skipBad says so.", RequestBody: uploadBody(spec)}
	route(a, op, func(ctx context.Context, input *struct {
		Repeatable
		Upload
	}) (*plainAnswer[control.BatchCreated], error) {
		var spec control.BatchSpec
		file, err := input.csv(&spec)
		if err != nil {
			return nil, err
		}
		if spec.FileName == "" {
			spec.FileName = input.name
		}
		if spec.CheckOnly {
			return nil, problem(http.StatusBadRequest, CodeInvalid, "What is only to be checked is no new batch.", "Send it to /batch-checks.")
		}
		public := struct {
			Spec control.BatchSpec
			File []byte
		}{Spec: spec}
		public.Spec.TargetPassword = ""
		if input.Key != "" {
			text, err := io.ReadAll(file)
			if err != nil {
				return nil, problem(http.StatusBadRequest, CodeInvalid, "The migration file could not be read to its end.", "Upload the file again.")
			}
			public.File, file = a.service.FileMark(text), bytes.NewReader(text)
		}
		return doOnce(ctx, a, input.Key, public, func() (*plainAnswer[control.BatchCreated], error) {
			created, err := a.service.CreateBatch(ctx, actorOf(ctx), spec, file)
			return &plainAnswer[control.BatchCreated]{created}, a.withFile(err, created.File)
		})
	})
	check := op
	check.OperationID, check.Path, check.Summary, check.DefaultStatus = "check-batch", "/batch-checks", "Say what a migration file holds, before anything is made", http.StatusOK
	check.Description = form + "Nothing is created. Without a source or a target the file is read as far as it can be without knowing how mailboxes are signed in to there."
	check.RequestBody = uploadBody(spec)
	route(a, check, func(ctx context.Context, input *struct{ Upload }) (*plainAnswer[control.BatchCreated], error) {
		var spec control.BatchSpec
		file, err := input.csv(&spec)
		if err != nil {
			return nil, err
		}
		if spec.FileName == "" {
			spec.FileName = input.name
		}
		spec.CheckOnly = true
		created, err := a.service.CreateBatch(ctx, actorOf(ctx), spec, file)
		return &plainAnswer[control.BatchCreated]{created}, a.withFile(err, created.File)
	})
	route(a, huma.Operation{OperationID: "add-mailboxes", Method: http.MethodPost, Path: "/batches/{batch}/mailboxes", Summary: "Add the new rows of a migration file", Tags: tags,
		Description: "Rows whose mailbox the batch has already are left as they are.", RequestBody: uploadBody(nil)},
		func(ctx context.Context, input *struct {
			BatchName
			Upload
			Skip    bool `query:"skipBad" doc:"Leave bad rows out and take the others."`
			Unknown bool `query:"allowUnknownColumns" doc:"Leave columns out whose name is not known."`
			Check   bool `query:"checkOnly" doc:"Only say what the file holds."`
			First   int  `query:"first" minimum:"0" doc:"Add only so many of the new rows, the first; 0 adds all."`
		}) (*plainAnswer[control.Added], error) {
			file, err := input.csv(nil)
			if err != nil {
				return nil, err
			}
			options := control.FileOptions{FileName: input.name, SkipBad: input.Skip, AllowUnknownColumns: input.Unknown, CheckOnly: input.Check, First: input.First}
			added, err := a.service.AddRows(ctx, actorOf(ctx), input.Batch, file, options)
			return &plainAnswer[control.Added]{added}, a.withFile(err, added.File)
		})
}

// withFile tells what is wrong with a file beside the error that it caused.
func (a *API) withFile(err error, file *control.FileSummary) error {
	if err == nil || file == nil {
		return err
	}
	p := a.problemOf(err)
	p.File = file
	return p
}

// batchVerb adds a verb. Asking again changes nothing.
func (a *API) batchVerb(id, verb, summary string, tags []string, do func(context.Context, control.Actor, string) (control.Batch, error)) {
	route(a, huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/batches/{batch}/" + verb, Summary: summary, Tags: tags,
		Description: "Asking again changes nothing; in a state that does not know it, it is refused with a reason."},
		func(ctx context.Context, input *BatchName) (*versioned[control.Batch], error) {
			return batchAnswer(do(ctx, actorOf(ctx), input.Batch))
		})
}

func batchAnswer(b control.Batch, err error) (*versioned[control.Batch], error) {
	return &versioned[control.Batch]{etag(b.Version), b}, err
}
