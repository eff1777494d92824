package control

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// untouched is a store that is asked nothing by who may not.
type untouched struct{ asked int }

var errUntouched = errors.New("the store was asked")

func (u *untouched) Change(context.Context, string, func(Tx) error) error {
	u.asked++
	return errUntouched
}

func (u *untouched) View(context.Context, string, func(Tx) error) error {
	u.asked++
	return errUntouched
}

// asks calls every method that an actor is given to, and says who may least.
var asks = map[string]struct {
	least Role
	ask   func(s *Service, ctx context.Context, a Actor) error
}{
	"Endpoints": {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Endpoints(ctx, a); return err }},
	"Endpoint":  {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Endpoint(ctx, a, "x"); return err }},
	"CreateEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CreateEndpoint(ctx, a, EndpointSpec{Name: "x", Host: "x"}, true)
		return err
	}},
	"SetEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SetEndpoint(ctx, a, "x", EndpointPatch{}, 0, true)
		return err
	}},
	"DeleteEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error { return s.DeleteEndpoint(ctx, a, "x") }},
	"JudgeEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		return s.JudgeEndpoint(ctx, a, EndpointSpec{Name: "x", Host: "x"})
	}},
	"JudgeTest": {Admin, func(s *Service, ctx context.Context, a Actor) error { return s.JudgeTest(ctx, a, TestSpec{Name: "x"}) }},
	"JudgeCalibration": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		return s.JudgeCalibration(ctx, a, "x", CalibrationSpec{Mailbox: "anna"})
	}},
	"TestEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.TestEndpoint(ctx, a, TestSpec{Name: "x"})
		return err
	}},
	"CalibrateEndpoint": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CalibrateEndpoint(ctx, a, "x", CalibrationSpec{Mailbox: "anna"})
		return err
	}},
	"CreateBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CreateBatch(ctx, a, BatchSpec{}, strings.NewReader(""))
		return err
	}},
	"AddRows": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.AddRows(ctx, a, "x", strings.NewReader(""), FileOptions{})
		return err
	}},
	"Batches": {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Batches(ctx, a); return err }},
	"Batch":   {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Batch(ctx, a, "x"); return err }},
	"SetBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SetBatch(ctx, a, "x", BatchPatch{}, 0)
		return err
	}},
	"StartBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error { _, err := s.StartBatch(ctx, a, "x"); return err }},
	"StopBatch":  {Operate, func(s *Service, ctx context.Context, a Actor) error { _, err := s.StopBatch(ctx, a, "x"); return err }},
	"SyncBatch":  {Operate, func(s *Service, ctx context.Context, a Actor) error { _, err := s.SyncBatch(ctx, a, "x"); return err }},
	"CompleteBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CompleteBatch(ctx, a, "x")
		return err
	}},
	"ApproveBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.ApproveBatch(ctx, a, "x", "")
		return err
	}},
	"PreflightBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.PreflightBatch(ctx, a, "x")
		return err
	}},
	"DeleteBatch": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.DeleteBatch(ctx, a, "x", false)
		return err
	}},
	"PreviewFolders": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.PreviewFolders(ctx, a, "x", "y", FolderRules{})
		return err
	}},
	"Throughput": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Throughput(ctx, a, ThroughputQuery{})
		return err
	}},
	"Estimate": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Estimate(ctx, a, "x", EstimateQuery{})
		return err
	}},
	"History": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.History(ctx, a, "x", Page{})
		return err
	}},
	"SendReport": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SendReport(ctx, a, "x", ReportMail{})
		return err
	}},
	"JudgeHandover": {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.JudgeHandover(ctx, a, "x", "y", "") }},
	"SendHandovers": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SendHandovers(ctx, a, "x", HandoverMail{All: true, Contact: "the desk"})
		return err
	}},
	"Folders": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Folders(ctx, a, "x", "y")
		return err
	}},
	"Transcripts": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Transcripts(ctx, a, "x", "y")
		return err
	}},
	"Dashboard": {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Dashboard(ctx, a); return err }},
	"JudgePreview": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		return s.JudgePreview(ctx, a, PreviewSpec{Source: "x", User: "anna"})
	}},
	"PreviewSource": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.PreviewSource(ctx, a, PreviewSpec{Source: "x", User: "anna"})
		return err
	}},
	"Statistics": {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Statistics(ctx, a); return err }},
	"Notices":    {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Notices(ctx, a, "x"); return err }},
	"ReportRows": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, _, err := s.ReportRows(ctx, a, "x")
		return err
	}},
	"FindingRows": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		for _, err := range s.FindingRows(ctx, a, 1) {
			return err
		}
		return nil
	}},
	"Mailboxes": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Mailboxes(ctx, a, MailboxQuery{})
		return err
	}},
	"Mailbox": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Mailbox(ctx, a, "x", "y")
		return err
	}},
	"ActOnMailboxes": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.ActOnMailboxes(ctx, a, "x", MailboxActions{Verb: "stop", Search: "y"})
		return err
	}},
	"StartMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.StartMailbox(ctx, a, "x", "y")
		return err
	}},
	"StopMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.StopMailbox(ctx, a, "x", "y")
		return err
	}},
	"RetryMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.RetryMailbox(ctx, a, "x", "y")
		return err
	}},
	"SyncMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SyncMailbox(ctx, a, "x", "y")
		return err
	}},
	"ApproveMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.ApproveMailbox(ctx, a, "x", "y", "")
		return err
	}},
	"RotateMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.RotateMailbox(ctx, a, "x", "y", Passwords{})
		return err
	}},
	"DeleteMailbox": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.DeleteMailbox(ctx, a, "x", "y")
		return err
	}},
	"Findings": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Findings(ctx, a, "x", "y", Page{})
		return err
	}},
	"SkippedMessage": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SkippedMessage(ctx, a, "x", "y", "1")
		return err
	}},
	"Cutovers": {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Cutovers(ctx, a, ""); return err }},
	"Cutover": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.Cutover(ctx, a, "example.org")
		return err
	}},
	"JudgeCutover": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		return s.JudgeCutover(ctx, a, "example.org", CutoverSpec{Batches: []string{"x"}})
	}},
	"SetCutover": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SetCutover(ctx, a, "example.org", CutoverSpec{Batches: []string{"x"}}, 0)
		return err
	}},
	"CheckCutover": {Operate, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CheckCutover(ctx, a, "example.org", CutoverSpec{Batches: []string{"x"}})
		return err
	}},
	"DeleteCutover": {Operate, func(s *Service, ctx context.Context, a Actor) error { return s.DeleteCutover(ctx, a, "example.org") }},
	"Me":            {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Me(ctx, a); return err }},
	"BeginTOTP":     {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.BeginTOTP(ctx, a, "x"); return err }},
	"ConfirmTOTP": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.ConfirmTOTP(ctx, a, "123456")
		return err
	}},
	"EndTOTP":    {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.EndTOTP(ctx, a, "x", "123456") }},
	"Sessions":   {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Sessions(ctx, a); return err }},
	"EndSession": {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.EndSession(ctx, a, "x") }},
	"Settings":   {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Settings(ctx, a); return err }},
	"SetSettings": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SetSettings(ctx, a, SettingsPatch{KeepCompletedSeconds: ptr(int64(0))}, 0)
		return err
	}},
	"JudgeTestMail": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		return s.JudgeTestMail(ctx, a, MailTest{To: "a@example.org"})
	}},
	"TestMail": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.TestMail(ctx, a, MailTest{To: "a@example.org"})
		return err
	}},
	"SetPassword": {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.SetPassword(ctx, a, "x", peopleCanary) }},
	"SignOut":     {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.SignOut(ctx, a) }},
	"Operators":   {Admin, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Operators(ctx, a); return err }},
	"Operator":    {Admin, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Operator(ctx, a, "x"); return err }},
	"CreateOperator": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CreateOperator(ctx, a, OperatorSpec{Name: "x", Role: "admin", Password: peopleCanary})
		return err
	}},
	"SetOperator": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.SetOperator(ctx, a, "x", OperatorPatch{}, 0)
		return err
	}},
	"DeleteOperator": {Admin, func(s *Service, ctx context.Context, a Actor) error { return s.DeleteOperator(ctx, a, "x") }},
	"Tokens":         {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Tokens(ctx, a); return err }},
	"CreateToken": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.CreateToken(ctx, a, TokenSpec{Name: "x"})
		return err
	}},
	"RevokeToken": {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.RevokeToken(ctx, a, "1") }},
	"AuditRecords": {Admin, func(s *Service, ctx context.Context, a Actor) error {
		_, err := s.AuditRecords(ctx, a, Page{})
		return err
	}},
	"VerifyAudit": {Admin, func(s *Service, ctx context.Context, a Actor) error { _, err := s.VerifyAudit(ctx, a); return err }},
	"Nodes":       {Viewer, func(s *Service, ctx context.Context, a Actor) error { _, err := s.Nodes(ctx, a); return err }},
	"RotateKeys":  {Admin, func(s *Service, ctx context.Context, a Actor) error { _, err := s.RotateKeys(ctx, a); return err }},
	"NoteBackup":  {Admin, func(s *Service, ctx context.Context, a Actor) error { return s.NoteBackup(ctx, a) }},
	"Answer": {Viewer, func(s *Service, ctx context.Context, a Actor) error {
		_, _, _, err := s.Answer(ctx, a, "k", nil)
		return err
	}},
	"SaveAnswer": {Viewer, func(s *Service, ctx context.Context, a Actor) error { return s.SaveAnswer(ctx, a, "k", nil, 200, nil) }},
}

func TestWhoMayNotIsRefusedBeforeTheStoreIsAsked(t *testing.T) {
	store := &untouched{}
	s := New(Options{Store: store, Keys: key(t, 1), Prober: &fakeProber{}, Source: &fakeSource{}, Mailer: &fakeMailer{}, Looker: &fakeLooker{}})
	s.hashing.cost = cost{8, 1, 1}
	s.root, _ = s.keys.NewDataKey()
	for name, a := range asks {
		for _, role := range append(Roles(), "", "root") {
			actor := Actor{ID: 1, Name: "anna", Role: role, Session: []byte{1}}
			store.asked = 0
			err := a.ask(s, t.Context(), actor)
			p := ProblemOf(err)
			refused := p != nil && p.Kind == Forbidden
			if allowed := role.atLeast(a.least); allowed == refused || !allowed && store.asked > 0 {
				t.Errorf("%s as %q: %v", name, role, err)
			}
		}
		for _, nobody := range []Actor{{}, {Role: Admin}, {ID: 1, Role: Admin}, {Name: "x", Role: Admin}} {
			store.asked = 0
			if p := ProblemOf(a.ask(s, t.Context(), nobody)); p == nil || p.Kind != Unauthenticated || store.asked > 0 {
				t.Errorf("%s as nobody: %v", name, p)
			}
		}
	}
}

func TestEveryMethodThatTakesAnActorIsInTheTable(t *testing.T) {
	service, actor := reflect.TypeFor[*Service](), reflect.TypeFor[Actor]()
	for m := range service.Methods() {
		takes := false
		for i := 1; i < m.Type.NumIn(); i++ {
			takes = takes || m.Type.In(i) == actor
		}
		if _, listed := asks[m.Name]; takes != listed {
			t.Errorf("%s: takes an actor %v, in the table %v", m.Name, takes, listed)
		}
	}
}

func TestWhatNoRoleHasNobodyMay(t *testing.T) {
	if err := permit(Actor{ID: 1, Name: "ada", Role: Admin}, "endpoint.burn"); ProblemOf(err) == nil || ProblemOf(err).Kind != Forbidden {
		t.Errorf("an action that is not listed: %v", err)
	}
}
