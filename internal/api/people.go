package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

// Setup makes the first operator of a server.
type Setup struct {
	Token    control.Password     `json:"token" doc:"The setup token that the server printed when it first started."`
	Operator control.OperatorSpec `json:"operator" doc:"An admin, whatever the role."`
}

// SignIn is who signs in.
type SignIn struct {
	Name     string           `json:"name" maxLength:"256"`
	Password control.Password `json:"password" maxLength:"1024"`
	Code     control.Password `json:"code,omitempty" maxLength:"64" doc:"With a second factor: the 6 digits of the app, or a recovery code."`
}

// SetupState says whether a server has an operator.
type SetupState struct {
	Needed bool `json:"needed" doc:"Whether the first operator is still to be made."`
}

// NewPassword changes one's own password.
type NewPassword struct {
	Old control.Password `json:"old" maxLength:"1024"`
	New control.Password `json:"new" doc:"12 to 256 characters"`
}

// signedIn is a session with its cookie.
type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      control.SignedIn
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (a *API) peopleRoutes() {
	tags := []string{"Session"}
	route(a, huma.Operation{OperationID: "set-up", Method: http.MethodPost, Path: "/setup", Summary: "Make the first operator", Tags: tags,
		Description: "Works once, with the token that the server printed when it first started.", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct{ Body Setup }) (*signedIn, error) {
			session, err := a.service.Setup(ctx, input.Body.Token, input.Body.Operator, actorOf(ctx).Address)
			return &signedIn{a.cookie(session.Secret.Reveal()), session}, err
		})
	route(a, huma.Operation{OperationID: "get-setup", Method: http.MethodGet, Path: "/setup", Summary: "Show whether the first operator is still to be made", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[SetupState], error) {
			needed, err := a.service.SetupNeeded(ctx)
			return &plainAnswer[SetupState]{SetupState{needed}}, err
		})
	route(a, huma.Operation{OperationID: "sign-in", Method: http.MethodPost, Path: "/session", Summary: "Sign in", Tags: tags,
		Description: "The session is in a cookie that only the browser sees. Where there is a second factor, the answer without a code is the problem totp-needed, and with a wrong one wrong-code.", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct{ Body SignIn }) (*signedIn, error) {
			session, err := a.service.SignIn(ctx, input.Body.Name, input.Body.Password, input.Body.Code, actorOf(ctx).Address)
			return &signedIn{a.cookie(session.Secret.Reveal()), session}, err
		})
	route(a, huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/session", Summary: "Sign out", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*signedOut, error) {
			return &signedOut{a.cookie("")}, a.service.SignOut(ctx, actorOf(ctx))
		})
	route(a, huma.Operation{OperationID: "who-am-i", Method: http.MethodGet, Path: "/session", Summary: "Show who is signed in", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[control.Myself], error) {
			me, err := a.service.Me(ctx, actorOf(ctx))
			return &plainAnswer[control.Myself]{me}, err
		})
	route(a, huma.Operation{OperationID: "change-password", Method: http.MethodPut, Path: "/session/password", Summary: "Change one's own password", Tags: tags,
		Description: "Ends all sessions and tokens of the operator."},
		func(ctx context.Context, input *struct{ Body NewPassword }) (*nothing, error) {
			return nil, a.service.SetPassword(ctx, actorOf(ctx), input.Body.Old, input.Body.New)
		})
	a.factorRoutes()
	a.sessionRoutes()
	a.operatorRoutes()
	a.tokenRoutes()
}

// OperatorName is the operator that a path names.
type OperatorName struct {
	Name string `path:"operator" maxLength:"64" doc:"The operator's name."`
}

func (a *API) operatorRoutes() {
	tags := []string{"Operators"}
	route(a, huma.Operation{OperationID: "list-operators", Method: http.MethodGet, Path: "/operators", Summary: "List operators", Tags: tags},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Operator]], error) {
			list, err := a.service.Operators(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Operator]]{pageOf[control.Operator]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "create-operator", Method: http.MethodPost, Path: "/operators", Summary: "Create an operator", Tags: tags, DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct {
			Repeatable
			Body control.OperatorSpec
		}) (*versioned[control.Operator], error) {
			public := input.Body
			public.Password = ""
			return doOnce(ctx, a, input.Key, public, func() (*versioned[control.Operator], error) {
				return operatorAnswer(a.service.CreateOperator(ctx, actorOf(ctx), input.Body))
			})
		})
	route(a, huma.Operation{OperationID: "get-operator", Method: http.MethodGet, Path: "/operators/{operator}", Summary: "Show an operator", Tags: tags},
		func(ctx context.Context, input *OperatorName) (*versioned[control.Operator], error) {
			return operatorAnswer(a.service.Operator(ctx, actorOf(ctx), input.Name))
		})
	route(a, huma.Operation{OperationID: "edit-operator", Method: http.MethodPatch, Path: "/operators/{operator}", Summary: "Change an operator", Tags: tags},
		func(ctx context.Context, input *struct {
			OperatorName
			Matching
			Body control.OperatorPatch
		}) (*versioned[control.Operator], error) {
			version, err := input.version()
			if err != nil {
				return nil, err
			}
			return operatorAnswer(a.service.SetOperator(ctx, actorOf(ctx), input.Name, input.Body, version))
		})
	route(a, huma.Operation{OperationID: "delete-operator", Method: http.MethodDelete, Path: "/operators/{operator}", Summary: "Delete an operator", Tags: tags},
		func(ctx context.Context, input *OperatorName) (*nothing, error) {
			return nil, a.service.DeleteOperator(ctx, actorOf(ctx), input.Name)
		})
}

func operatorAnswer(o control.Operator, err error) (*versioned[control.Operator], error) {
	return &versioned[control.Operator]{etag(o.Version), o}, err
}

func (a *API) tokenRoutes() {
	tags := []string{"Tokens"}
	route(a, huma.Operation{OperationID: "list-tokens", Method: http.MethodGet, Path: "/tokens", Summary: "List API tokens", Tags: tags,
		Description: "One's own; an admin sees all."},
		func(ctx context.Context, _ *struct{}) (*plainAnswer[pageOf[control.Token]], error) {
			list, err := a.service.Tokens(ctx, actorOf(ctx))
			return &plainAnswer[pageOf[control.Token]]{pageOf[control.Token]{Items: list}}, err
		})
	route(a, huma.Operation{OperationID: "create-token", Method: http.MethodPost, Path: "/tokens", Summary: "Create an API token", Tags: tags,
		Description: "Its secret is shown only now.", DefaultStatus: http.StatusCreated},
		func(ctx context.Context, input *struct{ Body control.TokenSpec }) (*plainAnswer[control.TokenCreated], error) {
			made, err := a.service.CreateToken(ctx, actorOf(ctx), input.Body)
			return &plainAnswer[control.TokenCreated]{made}, err
		})
	route(a, huma.Operation{OperationID: "revoke-token", Method: http.MethodDelete, Path: "/tokens/{token}", Summary: "Revoke an API token", Tags: tags},
		func(ctx context.Context, input *struct {
			ID string `path:"token" maxLength:"20"`
		}) (*nothing, error) {
			return nil, a.service.RevokeToken(ctx, actorOf(ctx), input.ID)
		})
}
