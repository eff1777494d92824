package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mailhaul/mailhaul/internal/control"
)

func (a *API) settingRoutes() {
	tags := []string{"Settings"}
	route(a, huma.Operation{OperationID: "get-settings", Method: http.MethodGet, Path: "/settings", Summary: "Show the settings that all nodes share", Tags: tags,
		Description: "What the server was started with is fixed, and counts."},
		func(ctx context.Context, _ *struct{}) (*versioned[control.Settings], error) {
			return settingsAnswer(a.service.Settings(ctx, actorOf(ctx)))
		})
	route(a, huma.Operation{OperationID: "edit-settings", Method: http.MethodPatch, Path: "/settings", Summary: "Change the settings that all nodes share", Tags: tags,
		Description: "All nodes go by them from then on. What is fixed is refused."},
		func(ctx context.Context, input *struct {
			Matching
			Body control.SettingsPatch
		}) (*versioned[control.Settings], error) {
			version, err := input.version()
			if err != nil {
				return nil, err
			}
			return settingsAnswer(a.service.SetSettings(ctx, actorOf(ctx), input.Body, version))
		})
	route(a, huma.Operation{OperationID: "test-mail", Method: http.MethodPost, Path: "/settings/test-mail", Summary: "Send a mail now through the mail server in force", Tags: tags,
		Description: "Says what the server answered and what to do. Ten tests a minute."},
		func(ctx context.Context, input *struct{ Body control.MailTest }) (*plainAnswer[control.MailTested], error) {
			if err := a.mayTest(ctx, a.service.JudgeTestMail(ctx, actorOf(ctx), input.Body)); err != nil {
				return nil, err
			}
			tested, err := a.service.TestMail(ctx, actorOf(ctx), input.Body)
			return &plainAnswer[control.MailTested]{tested}, err
		})
}

func settingsAnswer(s control.Settings, err error) (*versioned[control.Settings], error) {
	return &versioned[control.Settings]{etag(s.Version), s}, err
}
