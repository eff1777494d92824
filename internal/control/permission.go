package control

import "slices"

// Role is what an operator may do.
type Role string

// The roles. Each may do all that the ones below it may.
const (
	// Admin may do everything: endpoints, operators, tokens of others, the log.
	Admin Role = "admin"
	// Operate runs batches and mailboxes.
	Operate Role = "operator"
	// Viewer only looks.
	Viewer Role = "viewer"
)

// Roles are the roles, least first.
func Roles() []Role { return []Role{Viewer, Operate, Admin} }

// atLeast reports whether the role may do all that the other may.
func (r Role) atLeast(other Role) bool {
	rank := slices.Index(Roles(), r)
	return rank >= 0 && rank >= slices.Index(Roles(), other)
}

// lesser is the role that may do less.
func lesser(a, b Role) Role {
	if a.atLeast(b) {
		return b
	}
	return a
}

// Actor is who asks.
type Actor struct {
	ID    int64
	Name  string
	Role  Role
	Email string
	// Address is where the request came from.
	Address string
	// Token: with an API token, and not with a session.
	Token bool
	// Session is the hash of the session, nil with a token.
	Session []byte
}

// SeesSubjects reports whether the actor may read the subjects of messages.
func (a Actor) SeesSubjects() bool { return a.Role.atLeast(Operate) }

// Action is something that can be asked for. It is also what the audit log calls
// it.
type Action string

// The actions.
const (
	EndpointLook   Action = "endpoint.look"
	EndpointCreate Action = "endpoint.create"
	EndpointSet    Action = "endpoint.set"
	EndpointTest   Action = "endpoint.test"
	// EndpointCalibrate writes into a mailbox, in a folder that is thrown away.
	EndpointCalibrate Action = "endpoint.calibrate"
	EndpointDelete    Action = "endpoint.delete"

	BatchLook      Action = "batch.look"
	BatchCreate    Action = "batch.create"
	BatchAdd       Action = "batch.add"
	BatchSet       Action = "batch.set"
	BatchPreflight Action = "batch.preflight"
	BatchStart     Action = "batch.start"
	BatchStop      Action = "batch.stop"
	BatchSync      Action = "batch.sync"
	BatchComplete  Action = "batch.complete"
	BatchApprove   Action = "batch.approve"
	BatchDelete    Action = "batch.delete"
	BatchPreview   Action = "batch.preview"
	// BatchReport mails the report now.
	BatchReport Action = "batch.report"
	// BatchHandover mails hand-overs to the owners of mailboxes.
	BatchHandover Action = "batch.handover"

	MailboxLook    Action = "mailbox.look"
	MailboxStart   Action = "mailbox.start"
	MailboxStop    Action = "mailbox.stop"
	MailboxRetry   Action = "mailbox.retry"
	MailboxSync    Action = "mailbox.sync"
	MailboxApprove Action = "mailbox.approve"
	MailboxRotate  Action = "mailbox.rotate"
	MailboxDelete  Action = "mailbox.delete"
	MailboxMessage Action = "mailbox.message"
	// MailboxAct is to ask something of many; what is asked has its own action.
	MailboxAct Action = "mailbox.act"
	// MailboxTranscript shows what was said on the lines, addresses and names of files
	// among it.
	MailboxTranscript Action = "mailbox.transcript"

	CutoverLook Action = "cutover.look"
	// CutoverSet also asks name servers about any domain.
	CutoverSet    Action = "cutover.set"
	CutoverDelete Action = "cutover.delete"

	OperatorLook   Action = "operator.look"
	OperatorCreate Action = "operator.create"
	OperatorSet    Action = "operator.set"
	OperatorDelete Action = "operator.delete"
	// OperatorRescue is done at the database, by nobody who has signed in.
	OperatorRescue Action = "operator.rescue"
	// OwnPassword, OwnLook, OwnFactor, SessionLook and the actions of tokens are for one's own; those of
	// others are OperatorSet and OperatorLook.
	OwnPassword Action = "operator.password"
	OwnLook     Action = "operator.self"
	OwnFactor   Action = "operator.totp"
	SessionLook Action = "session.look"
	TokenLook   Action = "token.look"
	TokenCreate Action = "token.create"
	TokenRevoke Action = "token.revoke"

	AuditLook   Action = "audit.look"
	NodeLook    Action = "node.look"
	KeyRotate   Action = "key.rotate"
	Backup      Action = "backup"
	SetupDone   Action = "setup"
	SignedInAs  Action = "session.create"
	SignInFails Action = "session.refused"
	SignedOut   Action = "session.end"

	SettingLook Action = "setting.look"
	SettingSet  Action = "setting.set"
	SettingTest Action = "setting.test"
)

// leastRole is who may do what. What is not here nobody may.
var leastRole = map[Action]Role{
	EndpointLook: Viewer, EndpointCreate: Admin, EndpointSet: Admin, EndpointTest: Admin, EndpointCalibrate: Admin, EndpointDelete: Admin,
	BatchLook: Viewer, BatchCreate: Operate, BatchAdd: Operate, BatchSet: Operate, BatchPreflight: Operate, BatchStart: Operate, BatchStop: Operate,
	BatchSync: Operate, BatchComplete: Operate, BatchApprove: Operate, BatchDelete: Operate, BatchPreview: Operate, BatchReport: Operate, BatchHandover: Operate,
	MailboxLook: Viewer, MailboxStart: Operate, MailboxStop: Operate, MailboxRetry: Operate, MailboxSync: Operate, MailboxApprove: Operate,
	MailboxRotate: Operate, MailboxDelete: Operate, MailboxMessage: Operate, MailboxAct: Operate, MailboxTranscript: Operate,
	CutoverLook: Viewer, CutoverSet: Operate, CutoverDelete: Operate,
	OperatorLook: Admin, OperatorCreate: Admin, OperatorSet: Admin, OperatorDelete: Admin,
	OwnPassword: Viewer, OwnLook: Viewer, OwnFactor: Viewer, SessionLook: Viewer, TokenLook: Viewer, TokenCreate: Viewer, TokenRevoke: Viewer,
	AuditLook: Admin, NodeLook: Viewer, KeyRotate: Admin, Backup: Admin, SignedOut: Viewer,
	SettingLook: Viewer, SettingSet: Admin, SettingTest: Admin,
}

// LeastRole gives the least role that may do something, false when nobody may.
func LeastRole(action Action) (Role, bool) {
	role, known := leastRole[action]
	return role, known
}

// permit refuses what the actor may not do.
func permit(actor Actor, action Action) error {
	if actor.ID == 0 || actor.Name == "" {
		return errUnauthenticated()
	}
	if least, known := leastRole[action]; !known || !actor.Role.atLeast(least) {
		return &Problem{Kind: Forbidden, Code: "forbidden", Detail: "Your role does not allow this.", Remedy: "Ask an administrator of mailhaul."}
	}
	return nil
}

func errUnauthenticated() error {
	return &Problem{Kind: Unauthenticated, Code: "unauthenticated", Detail: "You are not signed in.", Remedy: "Sign in, or give an API token that is valid."}
}
