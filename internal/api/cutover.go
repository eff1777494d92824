package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// DomainName is the domain that a path names.
type DomainName struct {
	Domain string `path:"domain" maxLength:"253" doc:"The domain, such as example.org."`
}

func (a *API) cutoverRoutes() {
	tags := []string{"Cut-over"}
	const one = "/cutovers/{domain}"
	route(a, huma.Operation{OperationID: "list-cutovers", Method: http.MethodGet, Path: "/cutovers", Summary: "List the domains whose move is watched", Tags: tags},
		func(ctx context.Context, input *struct {
			Batch string `query:"batch" maxLength:"64" doc:"Only those that have mailboxes in this batch; these count then, whichever batches are named."`
		}) (*plainAnswer[pageOf[control.Cutover]], error) {
			all, err := a.service.Cutovers(ctx, actorOf(ctx), input.Batch)
			return &plainAnswer[pageOf[control.Cutover]]{pageOf[control.Cutover]{Items: all}}, err
		})
	route(a, huma.Operation{OperationID: "get-cutover", Method: http.MethodGet, Path: one, Summary: "Show how far the move of a domain's mail is", Tags: tags,
		Description: "By the last look; nobody is asked."},
		func(ctx context.Context, input *DomainName) (*versioned[control.Cutover], error) {
			return cutoverAnswer(a.service.Cutover(ctx, actorOf(ctx), input.Domain))
		})
	route(a, huma.Operation{OperationID: "set-cutover", Method: http.MethodPut, Path: one, Summary: "Have a domain watched, or change how", Tags: tags,
		Description: "Looks at the domain now, and from then on every 15 minutes. Replaces all that was set before; what was seen stays, unless the mail moves to other hosts. Counts as one of ten tests a minute."},
		func(ctx context.Context, input *struct {
			DomainName
			Matching
			Body control.CutoverSpec
		}) (*versioned[control.Cutover], error) {
			version, err := input.version()
			if err != nil {
				return nil, err
			}
			if err := a.mayTest(ctx, a.service.JudgeCutover(ctx, actorOf(ctx), input.Domain, input.Body)); err != nil {
				return nil, err
			}
			return cutoverAnswer(a.service.SetCutover(ctx, actorOf(ctx), input.Domain, input.Body, version))
		})
	route(a, huma.Operation{OperationID: "check-cutover", Method: http.MethodPost, Path: one + "/check", Summary: "Look at a domain now", Tags: tags,
		Description: "Where the domain is watched, its own target counts and what is seen is remembered; elsewhere the target of the request, and nothing is kept. Counts as one of ten tests a minute."},
		func(ctx context.Context, input *struct {
			DomainName
			Body control.CutoverSpec
		}) (*plainAnswer[control.Cutover], error) {
			if err := a.mayTest(ctx, a.service.JudgeCutover(ctx, actorOf(ctx), input.Domain, input.Body)); err != nil {
				return nil, err
			}
			checked, err := a.service.CheckCutover(ctx, actorOf(ctx), input.Domain, input.Body)
			return &plainAnswer[control.Cutover]{checked}, err
		})
	route(a, huma.Operation{OperationID: "delete-cutover", Method: http.MethodDelete, Path: one, Summary: "End the watch of a domain", Tags: tags,
		Description: "What was seen is forgotten. Batches that wait to complete until it is safe for the domain (heldBatches) lose the time at which they complete by themselves: nobody asks any more whether it is safe."},
		func(ctx context.Context, input *DomainName) (*nothing, error) {
			return nil, a.service.DeleteCutover(ctx, actorOf(ctx), input.Domain)
		})
}

func cutoverAnswer(c control.Cutover, err error) (*versioned[control.Cutover], error) {
	return &versioned[control.Cutover]{etag(c.Version), c}, err
}
