package control

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// Password is a password as it is given, in requests only. It shows itself as
// redacted, except to JSON, which is how the client sends it.
type Password string

// Text gives the secret.
func (p Password) Text() secret.Text { return secret.New(string(p)) }

// Format never gives the password, whatever the verb.
func (p Password) Format(f fmt.State, verb rune) { secret.Text{}.Format(f, verb) }

// LogValue never gives the password.
func (p Password) LogValue() slog.Value { return secret.Text{}.LogValue() }

// Operator is a person who may sign in.
type Operator struct {
	Name      string    `json:"name"`
	Email     string    `json:"email,omitempty"`
	Role      string    `json:"role" enum:"admin,operator,viewer"`
	Disabled  bool      `json:"disabled"`
	TOTP      bool      `json:"totp" doc:"Whether a code is asked for at the sign-in"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"createdBy,omitempty"`
	Version   int64     `json:"version"`
}

// Myself is the operator who asks.
type Myself struct {
	Operator
	RecoveryCodes int `json:"recoveryCodes" doc:"How many are left"`
}

// TOTPBegun is the secret of a second factor that is to be confirmed, which the caller
// must show once.
type TOTPBegun struct {
	Secret Password `json:"secret" doc:"For the authenticator app, in base32"`
	URI    Password `json:"uri" doc:"The same as otpauth:// address, for a picture"`
}

// RecoveryCodes stand in for the codes of an app, each once.
type RecoveryCodes struct {
	Codes []Password `json:"recoveryCodes" doc:"Shown only now"`
}

// Session is one of an operator's own sessions.
type Session struct {
	ID      string    `json:"id"`
	Address string    `json:"address" doc:"Where it was begun from"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used" doc:"When it was last used, to the minute"`
	Current bool      `json:"current" doc:"Whether it is the one that asks"`
}

// OperatorSpec is what an operator is made of.
type OperatorSpec struct {
	Name     string   `json:"name"`
	Email    string   `json:"email,omitempty" doc:"Where reports of the operator's batches go"`
	Role     string   `json:"role" enum:"admin,operator,viewer"`
	Password Password `json:"password" doc:"12 to 256 characters"`
}

// OperatorPatch changes an operator; what is missing stays. A new password, role or
// disabling ends all sessions, and a new password or disabling all tokens.
type OperatorPatch struct {
	Email    *string   `json:"email,omitempty"`
	Role     *string   `json:"role,omitempty" enum:"admin,operator,viewer"`
	Disabled *bool     `json:"disabled,omitempty"`
	Password *Password `json:"password,omitempty"`
	// ResetTOTP ends the second factor of who has lost the device.
	ResetTOTP bool `json:"resetTotp,omitempty" doc:"Ends the second factor of who has lost the device"`
}

// SignedIn is a new session.
type SignedIn struct {
	// Secret is what the browser's cookie holds; only its hash is stored.
	Secret   secret.Text `json:"-"`
	Operator Operator    `json:"operator"`
	// Expires is when the session ends at the latest.
	Expires time.Time `json:"expires"`
}

// TokenSpec is what an API token is made of.
type TokenSpec struct {
	Name string `json:"name" doc:"What it is for"`
	Role string `json:"role,omitempty" enum:"admin,operator,viewer" doc:"At most the operator's own, which is the default"`
	Days int    `json:"days,omitempty" doc:"How long it lives, 1 to 365 (default 90)"`
}

// Token is an API token; its secret is told once, when it is made.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Operator string    `json:"operator"`
	Role     string    `json:"role"`
	Prefix   string    `json:"prefix" doc:"How it begins"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Used     time.Time `json:"used,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
}

// TokenCreated is a new token with its secret, which the caller must show once.
type TokenCreated struct {
	Token
	Secret Password `json:"secret" doc:"Shown only now"`
}

// AuditRecord is what somebody did.
type AuditRecord struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Object string    `json:"object"`
	Detail string    `json:"detail,omitempty" doc:"JSON"`
}

// AuditPage is a page of the audit log, newest first.
type AuditPage struct {
	Items []AuditRecord `json:"items"`
	Next  string        `json:"next,omitempty"`
}

// AuditVerified is the outcome of going through the audit log.
type AuditVerified struct {
	OK      bool   `json:"ok"`
	Records int64  `json:"records"`
	Detail  string `json:"detail,omitempty"`
}

// Node is a running mailhaul.
type Node struct {
	Name      string    `json:"name"`
	Host      string    `json:"host"`
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Beat      time.Time `json:"beat" doc:"When it was last heard of"`
	Alive     bool      `json:"alive"`
	Mailboxes int       `json:"mailboxes" doc:"How many it works on"`
}

// Notice is a report or message that was or will be sent.
type Notice struct {
	Batch      string    `json:"batch"`
	Kind       string    `json:"kind"`
	Subject    string    `json:"subject"`
	Recipients []string  `json:"recipients"`
	Created    time.Time `json:"created"`
	Sent       time.Time `json:"sent,omitzero"`
	Tries      int       `json:"tries"`
	Trouble    string    `json:"trouble,omitempty"`
}
