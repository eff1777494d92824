package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// Proof is one's own password, given once more.
type Proof struct {
	Password control.Password `json:"password" maxLength:"1024"`
}

// Code is a code of one's own app.
type Code struct {
	Code control.Password `json:"code" maxLength:"64" doc:"The 6 digits of the app."`
}

// ProofAndCode are both.
type ProofAndCode struct {
	Password control.Password `json:"password" maxLength:"1024"`
	Code     control.Password `json:"code" maxLength:"64" doc:"The 6 digits of the app, or a recovery code."`
}

func (a *API) factorRoutes() {
	tags := []string{"Session"}
	route(a, huma.Operation{OperationID: "begin-totp", Method: http.MethodPost, Path: "/session/totp", Summary: "Begin a second factor", Tags: tags,
		Description: "Makes the secret for an authenticator app (RFC 6238), which is shown only now. Nothing changes until a code confirms it, within 15 minutes. Not for API tokens.", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct{ Body Proof }) (*plainAnswer[control.TOTPBegun], error) {
			begun, err := a.service.BeginTOTP(ctx, actorOf(ctx), input.Body.Password)
			return &plainAnswer[control.TOTPBegun]{begun}, err
		})
	route(a, huma.Operation{OperationID: "confirm-totp", Method: http.MethodPut, Path: "/session/totp", Summary: "Confirm a second factor", Tags: tags,
		Description: "From then on each sign-in asks for a code. Gives the recovery codes, which are shown only now. Not for API tokens."},
		func(ctx context.Context, input *struct{ Body Code }) (*plainAnswer[control.RecoveryCodes], error) {
			recovery, err := a.service.ConfirmTOTP(ctx, actorOf(ctx), input.Body.Code)
			return &plainAnswer[control.RecoveryCodes]{recovery}, err
		})
	route(a, huma.Operation{OperationID: "end-totp", Method: http.MethodDelete, Path: "/session/totp", Summary: "End a second factor", Tags: tags,
		Description: "Not for API tokens. Who has lost the device and the recovery codes asks an admin."},
		func(ctx context.Context, input *struct{ Body ProofAndCode }) (*nothing, error) {
			return nil, a.service.EndTOTP(ctx, actorOf(ctx), input.Body.Password, input.Body.Code)
		})
}

func (a *API) sessionRoutes() {
	tags := []string{"Session"}
	route(a, huma.Operation{OperationID: "list-sessions", Method: http.MethodGet, Path: "/sessions", Summary: "List one's own sessions", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Session]], error) {
			list, err := a.service.Sessions(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Session]]{pageOf[control.Session]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "end-session", Method: http.MethodDelete, Path: "/sessions/{session}", Summary: "End one of one's own sessions", Tags: tags},
		func(ctx context.Context, input *struct {
			ID string `path:"session" maxLength:"64" doc:"The id of the list."`
		}) (*nothing, error) {
			return nil, a.service.EndSession(ctx, actorOf(ctx), input.ID)
		})
}
