package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// EndpointName is the endpoint that a path names.
type EndpointName struct {
	Name string `path:"endpoint" maxLength:"64" doc:"The endpoint's name."`
}

func (a *API) endpointRoutes() {
	tags := []string{"Endpoints"}
	route(a, huma.Operation{OperationID: "list-endpoints", Method: http.MethodGet, Path: "/endpoints", Summary: "List endpoints", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Endpoint]], error) {
			list, err := a.service.Endpoints(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Endpoint]]{pageOf[control.Endpoint]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "create-endpoint", Method: http.MethodPost, Path: "/endpoints", Summary: "Create an endpoint", Tags: tags,
		Description: "The connection is tested first, unless skipVerification says otherwise.", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct {
			Repeatable
			Skip bool `query:"skipVerification" doc:"Do not test the connection."`
			Body control.EndpointSpec
		}) (*versioned[control.Endpoint], error) {
			public := input.Body
			public.AdminPassword, public.ClientSecret, public.Certificate, public.ServiceAccount = "", "", "", ""
			return doOnce(ctx, a, input.Key, public, func() (*versioned[control.Endpoint], error) {
				if !input.Skip {
					if err := a.mayTest(ctx, a.service.JudgeEndpoint(ctx, actorOf(ctx), input.Body)); err != nil {
						return nil, err
					}
				}
				return endpointAnswer(a.service.CreateEndpoint(ctx, actorOf(ctx), input.Body, input.Skip))
			})
		})
	route(a, huma.Operation{OperationID: "get-endpoint", Method: http.MethodGet, Path: "/endpoints/{endpoint}", Summary: "Show an endpoint", Tags: tags},
		func(ctx context.Context, input *EndpointName) (*versioned[control.Endpoint], error) {
			return endpointAnswer(a.service.Endpoint(ctx, actorOf(ctx), input.Name))
		})
	route(a, huma.Operation{OperationID: "edit-endpoint", Method: http.MethodPatch, Path: "/endpoints/{endpoint}", Summary: "Change an endpoint", Tags: tags,
		Description: "A change of host, port or security makes the passwords that are bound to them useless, until new ones are given."},
		func(ctx context.Context, input *struct {
			EndpointName
			Matching
			Skip bool `query:"skipVerification" doc:"Do not test the connection."`
			Body control.EndpointPatch
		}) (*versioned[control.Endpoint], error) {
			version, err := input.version()
			if err != nil {
				return nil, err
			}
			return endpointAnswer(a.service.SetEndpoint(ctx, actorOf(ctx), input.Name, input.Body, version, input.Skip))
		})
	route(a, huma.Operation{OperationID: "delete-endpoint", Method: http.MethodDelete, Path: "/endpoints/{endpoint}", Summary: "Delete an endpoint", Tags: tags,
		Description: "Refused while a batch uses it."},
		func(ctx context.Context, input *EndpointName) (*nothing, error) {
			return nil, a.service.DeleteEndpoint(ctx, actorOf(ctx), input.Name)
		})
	route(a, huma.Operation{OperationID: "test-endpoint", Method: http.MethodPost, Path: "/endpoint-tests", Summary: "Test an endpoint, or a server that is none yet", Tags: tags,
		Description: "Goes through resolve, connect, tls, greeting, sign-in and folders; at the first step that fails it says what to do. Ten a minute."},
		func(ctx context.Context, input *struct{ Body control.TestSpec }) (*plainAnswer[control.Probe], error) {
			if err := a.mayTest(ctx, a.service.JudgeTest(ctx, actorOf(ctx), input.Body)); err != nil {
				return nil, err
			}
			probe, err := a.service.TestEndpoint(ctx, actorOf(ctx), input.Body)
			return &plainAnswer[control.Probe]{probe}, err
		})
	route(a, huma.Operation{OperationID: "calibrate-endpoint", Method: http.MethodPost, Path: "/endpoints/{endpoint}/calibration", Summary: "Measure what an endpoint keeps of messages", Tags: tags,
		Description: "Adds some messages to a folder of its own in the mailbox, reads them back and deletes the folder. What was measured decides how copies are recognised there, until the endpoint is pointed elsewhere. Takes up to a minute; ten tests a minute."},
		func(ctx context.Context, input *struct {
			EndpointName
			Body control.CalibrationSpec
		}) (*plainAnswer[control.Calibration], error) {
			if err := a.mayTest(ctx, a.service.JudgeCalibration(ctx, actorOf(ctx), input.Name, input.Body)); err != nil {
				return nil, err
			}
			calibration, err := a.service.CalibrateEndpoint(ctx, actorOf(ctx), input.Name, input.Body)
			return &plainAnswer[control.Calibration]{calibration}, err
		})
}

func endpointAnswer(e control.Endpoint, err error) (*versioned[control.Endpoint], error) {
	return &versioned[control.Endpoint]{etag(e.Version), e}, err
}

// mayTest bounds how often somebody makes this server dial another. What was judged to
// be wrong dials none and does not count.
func (a *API) mayTest(ctx context.Context, judged error) error {
	if judged != nil {
		return judged
	}
	if wait, ok := a.tests.allow(actorOf(ctx).Name); !ok {
		return problem(http.StatusTooManyRequests, CodeTooMany, fmt.Sprintf("At most %d tests of servers a minute.", testsPerMinute),
			"Wait "+wait.Round(time.Second).String()+".")
	}
	return nil
}
