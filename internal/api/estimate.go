package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// EstimateAsked is what an estimate is asked for, beside the batch that was measured. What
// is not given is as with the batch and its endpoints.
type EstimateAsked struct {
	Mailboxes   int    `json:"mailboxes,omitempty" query:"mailboxes" minimum:"0" maximum:"10000000" doc:"For so many mailboxes; as many as the batch has, without."`
	Messages    int64  `json:"messages,omitempty" query:"messages" minimum:"0" doc:"What all of them hold together."`
	Bytes       int64  `json:"bytes,omitempty" query:"bytes" minimum:"0" doc:"What all of them hold together."`
	AtATime     int    `json:"atATime,omitempty" query:"atATime" minimum:"0" maximum:"300" doc:"So many mailboxes at a time."`
	Connections int    `json:"connections,omitempty" query:"connections" minimum:"0" maximum:"16" doc:"So many connections of each to each server."`
	Rate        int64  `json:"rate,omitempty" query:"rate" minimum:"0" doc:"So many bytes a second get through for all together at most, beside the ceilings of the endpoints."`
	Within      int64  `json:"within,omitempty" query:"within" minimum:"0" maximum:"31622400" doc:"Seconds that a batch has: how many mailboxes fit, and how often."`
	Compare     string `json:"compare,omitempty" query:"compare" maxLength:"64" doc:"A batch to compare with."`
	Preflight   bool   `json:"preflight,omitempty" query:"preflight" doc:"Go by the sizes that preflights have found; every mailbox needs one, or its initial copy."`
}

func (e EstimateAsked) query() control.EstimateQuery {
	return control.EstimateQuery{Mailboxes: e.Mailboxes, Messages: e.Messages, Bytes: e.Bytes, AtATime: e.AtATime, Connections: e.Connections, Rate: e.Rate, Within: e.Within,
		Compare: e.Compare, Preflight: e.Preflight}
}

// EstimateBody is EstimateAsked with the sizes of mailboxes.
type EstimateBody struct {
	EstimateAsked
	Sizes []migration.MailboxSize `json:"sizes,omitempty" maxItems:"50000" doc:"What each mailbox holds, in the order in which they are to be copied."`
}

// estimateMost bounds the body with the sizes of a largest migration file.
const estimateMost = 4 << 20

func (a *API) estimateRoutes(tags []string) {
	const summary, description = "Estimate how long initial copies take", "Going by the initial copies of the batch that are there, and the limits of its endpoints."
	route(a, huma.Operation{OperationID: "get-estimate", Method: http.MethodGet, Path: "/batches/{batch}/estimate", Summary: summary, Tags: tags, Description: description},
		func(ctx context.Context, input *struct {
			BatchName
			EstimateAsked
		}) (*plainAnswer[migration.Estimate], error) {
			estimate, err := a.service.Estimate(ctx, actorOf(ctx), input.Batch, input.query())
			return &plainAnswer[migration.Estimate]{estimate}, err
		})
	route(a, huma.Operation{OperationID: "estimate-sizes", Method: http.MethodPost, Path: "/batches/{batch}/estimate", Summary: summary + " for mailboxes of known sizes", Tags: tags, Description: description + " Nothing is changed.",
		DefaultStatus: http.StatusOK, MaxBodyBytes: estimateMost},
		func(ctx context.Context, input *struct {
			BatchName
			Body EstimateBody
		}) (*plainAnswer[migration.Estimate], error) {
			query := input.Body.query()
			query.Sizes = input.Body.Sizes
			estimate, err := a.service.Estimate(ctx, actorOf(ctx), input.Batch, query)
			return &plainAnswer[migration.Estimate]{estimate}, err
		})
}
