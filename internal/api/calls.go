package api

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// get asks for one thing.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: query})
}

// list asks for a whole list that comes in one page.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	page, err := get[pageOf[T]](ctx, c, path, nil)
	return page.Items, err
}

// each asks for page after page.
func each[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := url.Values(http.Header(query).Clone())
		if query == nil {
			query = url.Values{}
		}
		query.Set("limit", "500")
		for {
			page, err := get[pageOf[T]](ctx, c, path, query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// post asks for something to be done.
func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: path, body: body})
}

func (c *Client) remove(ctx context.Context, path string, query url.Values) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path, query: query})
	return err
}

func patch[T any](ctx context.Context, c *Client, path string, body any, version int64, query url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPatch, path: path, body: body, headers: ifMatch(version), query: query})
}

// flag is a query with one switch, empty when it is off.
func flag(name string, on bool) url.Values {
	if !on {
		return nil
	}
	return url.Values{name: {"true"}}
}

// Setup makes the first operator, and signs in as it.
func (c *Client) Setup(ctx context.Context, setup Setup) (control.SignedIn, error) {
	return c.enter(ctx, at("setup"), setup)
}

// SetupNeeded reports whether the first operator is still to be made.
func (c *Client) SetupNeeded(ctx context.Context) (bool, error) {
	state, err := get[SetupState](ctx, c, at("setup"), nil)
	return state.Needed, err
}

// SignIn signs in, with a code where there is a second factor; what is asked afterwards
// is asked in that session.
func (c *Client) SignIn(ctx context.Context, name string, password, code control.Password) (control.SignedIn, error) {
	return c.enter(ctx, at("session"), SignIn{name, password, code})
}

func (c *Client) enter(ctx context.Context, path string, body any) (control.SignedIn, error) {
	response, err := c.send(ctx, request{method: http.MethodPost, path: path, body: body})
	if err != nil {
		return control.SignedIn{}, err
	}
	defer response.Body.Close()
	if len(response.Cookies()) == 0 {
		return control.SignedIn{}, errors.New("the server gave no session")
	}
	c.session, c.token = response.Cookies()[0], secret.Text{}
	return decode[control.SignedIn](ctx, c, response)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error { return c.remove(ctx, at("session"), nil) }

// Me is who asks.
func (c *Client) Me(ctx context.Context) (control.Myself, error) {
	return get[control.Myself](ctx, c, at("session"), nil)
}

// BeginTOTP makes the secret of one's own second factor.
func (c *Client) BeginTOTP(ctx context.Context, password control.Password) (control.TOTPBegun, error) {
	return post[control.TOTPBegun](ctx, c, at("session", "totp"), Proof{password})
}

// ConfirmTOTP has it asked for from now on, and gives the recovery codes.
func (c *Client) ConfirmTOTP(ctx context.Context, code control.Password) (control.RecoveryCodes, error) {
	return call[control.RecoveryCodes](ctx, c, request{method: http.MethodPut, path: at("session", "totp"), body: Code{code}})
}

// EndTOTP ends it.
func (c *Client) EndTOTP(ctx context.Context, password, code control.Password) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: at("session", "totp"), body: ProofAndCode{password, code}})
	return err
}

// Sessions lists one's own sessions.
func (c *Client) Sessions(ctx context.Context) ([]control.Session, error) {
	return list[control.Session](ctx, c, at("sessions"))
}

// EndSession ends one of them.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.remove(ctx, at("sessions", id), nil)
}

// SetPassword changes one's own password.
func (c *Client) SetPassword(ctx context.Context, change NewPassword) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPut, path: at("session", "password"), body: change})
	return err
}

// Endpoints lists the endpoints.
func (c *Client) Endpoints(ctx context.Context) ([]control.Endpoint, error) {
	return list[control.Endpoint](ctx, c, at("endpoints"))
}

// Endpoint shows one.
func (c *Client) Endpoint(ctx context.Context, name string) (control.Endpoint, error) {
	return get[control.Endpoint](ctx, c, at("endpoints", name), nil)
}

// CreateEndpoint makes one.
func (c *Client) CreateEndpoint(ctx context.Context, spec control.EndpointSpec, skipVerification bool) (control.Endpoint, error) {
	return call[control.Endpoint](ctx, c, request{method: http.MethodPost, path: at("endpoints"), body: spec, query: flag("skipVerification", skipVerification)})
}

// SetEndpoint changes one; version 0 is any.
func (c *Client) SetEndpoint(ctx context.Context, name string, change control.EndpointPatch, version int64, skipVerification bool) (control.Endpoint, error) {
	return patch[control.Endpoint](ctx, c, at("endpoints", name), change, version, flag("skipVerification", skipVerification))
}

// DeleteEndpoint deletes one.
func (c *Client) DeleteEndpoint(ctx context.Context, name string) error {
	return c.remove(ctx, at("endpoints", name), nil)
}

// TestEndpoint tests one, or a server that is none.
func (c *Client) TestEndpoint(ctx context.Context, spec control.TestSpec) (control.Probe, error) {
	return post[control.Probe](ctx, c, at("endpoint-tests"), spec)
}

// CalibrateEndpoint measures what one keeps of messages.
func (c *Client) CalibrateEndpoint(ctx context.Context, name string, spec control.CalibrationSpec) (control.Calibration, error) {
	return post[control.Calibration](ctx, c, at("endpoints", name, "calibration"), spec)
}

// Operators lists the operators.
func (c *Client) Operators(ctx context.Context) ([]control.Operator, error) {
	return list[control.Operator](ctx, c, at("operators"))
}

// CreateOperator makes one.
func (c *Client) CreateOperator(ctx context.Context, spec control.OperatorSpec) (control.Operator, error) {
	return post[control.Operator](ctx, c, at("operators"), spec)
}

// SetOperator changes one; version 0 is any.
func (c *Client) SetOperator(ctx context.Context, name string, change control.OperatorPatch, version int64) (control.Operator, error) {
	return patch[control.Operator](ctx, c, at("operators", name), change, version, nil)
}

// DeleteOperator deletes one.
func (c *Client) DeleteOperator(ctx context.Context, name string) error {
	return c.remove(ctx, at("operators", name), nil)
}

// Tokens lists API tokens.
func (c *Client) Tokens(ctx context.Context) ([]control.Token, error) {
	return list[control.Token](ctx, c, at("tokens"))
}

// CreateToken makes one.
func (c *Client) CreateToken(ctx context.Context, spec control.TokenSpec) (control.TokenCreated, error) {
	return post[control.TokenCreated](ctx, c, at("tokens"), spec)
}

// RevokeToken ends one.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.remove(ctx, at("tokens", id), nil)
}

// Audit goes through what was done, newest first.
func (c *Client) Audit(ctx context.Context) iter.Seq2[control.AuditRecord, error] {
	return each[control.AuditRecord](ctx, c, at("audit"), nil)
}

// VerifyAudit checks the audit log.
func (c *Client) VerifyAudit(ctx context.Context) (control.AuditVerified, error) {
	return post[control.AuditVerified](ctx, c, at("audit", "verify"), nil)
}

// Nodes lists the running nodes.
func (c *Client) Nodes(ctx context.Context) ([]control.Node, error) {
	return list[control.Node](ctx, c, at("nodes"))
}

// Settings shows what all nodes share.
func (c *Client) Settings(ctx context.Context) (control.Settings, error) {
	return get[control.Settings](ctx, c, at("settings"), nil)
}

// SetSettings changes it; version 0 is any.
func (c *Client) SetSettings(ctx context.Context, change control.SettingsPatch, version int64) (control.Settings, error) {
	return patch[control.Settings](ctx, c, at("settings"), change, version, nil)
}

// TestMail sends a mail now.
func (c *Client) TestMail(ctx context.Context, spec control.MailTest) (control.MailTested, error) {
	return post[control.MailTested](ctx, c, at("settings", "test-mail"), spec)
}

// RotateKeys wraps every data key with the newest server key.
func (c *Client) RotateKeys(ctx context.Context) (Rotated, error) {
	return post[Rotated](ctx, c, at("keys", "rotate"), nil)
}

// Backup gives a copy of the database.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	return c.stream(ctx, at("backup"), nil)
}

// Ready asks whether the server answers and reaches its database. It needs no token.
func (c *Client) Ready(ctx context.Context) error {
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("readyz").String(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := c.http.Do(question)
	if err != nil {
		return c.lost(ctx, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
		return &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: "the server answers, but its database does not", Remedy: "Its log says why."}
	}
	return c.refused(response)
}
