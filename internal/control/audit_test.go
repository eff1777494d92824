package control

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func TestEveryActIsInTheAuditLogOnce(t *testing.T) {
	w := newWorld(t)
	begin := len(w.log())
	ctx := w.ctx()
	token := ""
	w.mailer, w.looker = &fakeMailer{}, &fakeLooker{}
	acts := []struct {
		want string
		act  func() error
	}{
		{"ada endpoint.create endpoint/old", func() error {
			_, err := w.CreateEndpoint(ctx, w.admin, EndpointSpec{Name: "old", Host: "h.example"}, true)
			return err
		}},
		{"ada endpoint.create endpoint/new", func() error {
			_, err := w.CreateEndpoint(ctx, w.admin, EndpointSpec{Name: "new", Host: "h.example"}, true)
			return err
		}},
		{"ada endpoint.create endpoint/spare", func() error {
			_, err := w.CreateEndpoint(ctx, w.admin, EndpointSpec{Name: "spare", Host: "h.example"}, true)
			return err
		}},
		{"ada endpoint.set endpoint/spare", func() error {
			_, err := w.SetEndpoint(ctx, w.admin, "spare", EndpointPatch{Host: ptr("i.example")}, 0, true)
			return err
		}},
		{"ada endpoint.test endpoint/spare", func() error { _, err := w.TestEndpoint(ctx, w.admin, TestSpec{Name: "spare"}); return err }},
		{"ada endpoint.calibrate endpoint/spare", func() error {
			_, err := w.CalibrateEndpoint(ctx, w.admin, "spare", CalibrationSpec{Mailbox: "anna", Password: sourceCanary})
			return err
		}},
		{"ada endpoint.delete endpoint/spare", func() error { return w.DeleteEndpoint(ctx, w.admin, "spare") }},
		{"olga batch.create batch/pilot", func() error {
			_, err := w.CreateBatch(ctx, w.operator, BatchSpec{Name: "pilot", Source: "old", Target: "new"}, strings.NewReader(rows(2)))
			return err
		}},
		{"olga batch.add batch/pilot", func() error {
			_, err := w.AddRows(ctx, w.operator, "pilot", strings.NewReader(rows(3)), FileOptions{})
			return err
		}},
		{"olga batch.set batch/pilot", func() error {
			_, err := w.SetBatch(ctx, w.operator, "pilot", BatchPatch{IntervalSeconds: ptr(int64(600))}, 0)
			return err
		}},
		{"olga batch.preflight batch/pilot", func() error { _, err := w.PreflightBatch(ctx, w.operator, "pilot"); return err }},
		{"olga batch.start batch/pilot", func() error { _, err := w.StartBatch(ctx, w.operator, "pilot"); return err }},
		{"olga mailbox.stop mailbox/pilot/u0@example.org", func() error { _, err := w.StopMailbox(ctx, w.operator, "pilot", "u0@example.org"); return err }},
		{"olga mailbox.start mailbox/pilot/u0@example.org", func() error { _, err := w.StartMailbox(ctx, w.operator, "pilot", "u0@example.org"); return err }},
		{"olga mailbox.rotate mailbox/pilot/u0@example.org", func() error {
			_, err := w.RotateMailbox(ctx, w.operator, "pilot", "u0@example.org", Passwords{Source: sourceCanary})
			return err
		}},
		{"olga mailbox.sync mailbox/pilot/u0@example.org", func() error {
			w.synced("pilot", 3)
			_, err := w.SyncMailbox(ctx, w.operator, "pilot", "u0@example.org")
			return err
		}},
		{"olga mailbox.retry mailbox/pilot/u0@example.org", func() error { _, err := w.RetryMailbox(ctx, w.operator, "pilot", "u0@example.org"); return err }},
		{"olga mailbox.approve mailbox/pilot/u0@example.org", func() error {
			_, err := w.ApproveMailbox(ctx, w.operator, "pilot", "u0@example.org", "why")
			return err
		}},
		{"olga mailbox.stop batch/pilot", func() error {
			_, err := w.ActOnMailboxes(ctx, w.operator, "pilot", MailboxActions{Verb: "stop", States: []string{"Synced", "Queued"}})
			return err
		}},
		{"olga mailbox.start batch/pilot", func() error {
			_, err := w.ActOnMailboxes(ctx, w.operator, "pilot", MailboxActions{Verb: "start", Addresses: []string{"u0@example.org", "u1@example.org"}})
			return err
		}},
		{"olga mailbox.delete mailbox/pilot/u0@example.org", func() error { _, err := w.DeleteMailbox(ctx, w.operator, "pilot", "u0@example.org"); return err }},
		{"olga batch.sync batch/pilot", func() error { _, err := w.SyncBatch(ctx, w.operator, "pilot"); return err }},
		{"olga batch.approve batch/pilot", func() error { _, err := w.ApproveBatch(ctx, w.operator, "pilot", "why"); return err }},
		{"olga batch.report batch/pilot", func() error {
			_, err := w.SendReport(ctx, w.operator, "pilot", ReportMail{To: []string{"boss@example.org"}})
			return err
		}},
		{"olga batch.handover batch/pilot", func() error {
			w.edit("pilot", "u1@example.org", func(m *migration.MailboxRecord) { m.LastSynced = time.Now() })
			sent, err := w.SendHandovers(ctx, w.operator, "pilot", HandoverMail{Addresses: []string{"u1@example.org"}, Contact: "The desk"})
			if err == nil && sent.Mails != 1 {
				err = fmt.Errorf("%+v", sent)
			}
			return err
		}},
		{"olga batch.stop batch/pilot", func() error { _, err := w.StopBatch(ctx, w.operator, "pilot"); return err }},
		{"olga batch.delete batch/pilot", func() error { _, err := w.DeleteBatch(ctx, w.operator, "pilot", false); return err }},
		{"olga cutover.set cutover/example.org", func() error { _, err := w.SetCutover(ctx, w.operator, "example.org", moving, 0); return err }},
		{"olga cutover.delete cutover/example.org", func() error { return w.DeleteCutover(ctx, w.operator, "example.org") }},
		{"ada operator.create operator/bob", func() error {
			_, err := w.CreateOperator(ctx, w.admin, OperatorSpec{Name: "bob", Role: "viewer", Password: peopleCanary})
			return err
		}},
		{"ada operator.set operator/bob", func() error {
			_, err := w.SetOperator(ctx, w.admin, "bob", OperatorPatch{Disabled: ptr(true)}, 0)
			return err
		}},
		{"ada operator.delete operator/bob", func() error { return w.DeleteOperator(ctx, w.admin, "bob") }},
		{"vera token.create token/1", func() error {
			made, err := w.CreateToken(ctx, w.viewer, TokenSpec{Name: "ci"})
			token = made.ID
			return err
		}},
		{"vera token.revoke token/1", func() error { return w.RevokeToken(ctx, w.viewer, token) }},
		{"ada key.rotate key/" + w.keys.ID(), func() error { _, err := w.RotateKeys(ctx, w.admin); return err }},
		{"ada backup database", func() error { return w.NoteBackup(ctx, w.admin) }},
		{"vera session.create operator/vera", func() error { _, err := w.SignIn(ctx, "vera", peopleCanary, "", "192.0.2.1"); return err }},
		{"(nobody) session.refused operator/vera", func() error {
			if _, err := w.SignIn(ctx, "vera", "wrong password", "", "192.0.2.1"); ProblemOf(err) == nil {
				return errors.New("signed in")
			}
			return nil
		}},
		{"vera operator.totp operator/vera", func() error {
			begun, err := w.BeginTOTP(ctx, w.viewer, peopleCanary)
			if err != nil {
				return err
			}
			key, _ := base32Text.DecodeString(string(begun.Secret))
			_, err = w.ConfirmTOTP(ctx, w.viewer, app{w, key}.code())
			return err
		}},
		{"ada setting.set settings", func() error {
			_, err := w.SetSettings(ctx, w.admin, SettingsPatch{SMTP: goodMail()}, 0)
			return err
		}},
		{"ada setting.test settings", func() error { _, err := w.TestMail(ctx, w.admin, MailTest{}); return err }},
		{"vera operator.password operator/vera", func() error { return w.SetPassword(ctx, w.viewer, peopleCanary, "another password") }},
		{"olga session.end operator/olga", func() error { return w.SignOut(ctx, w.operator) }},
	}
	var want []string
	logged := map[string]bool{}
	for _, a := range acts {
		if err := a.act(); err != nil {
			t.Fatalf("%s: %v", a.want, err)
		}
		want = append(want, a.want)
		logged[strings.Fields(a.want)[1]] = true
	}
	if got := w.log()[begin:]; !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	quiet := []Action{EndpointLook, BatchLook, BatchPreview, BatchComplete, MailboxLook, MailboxMessage, MailboxAct, MailboxTranscript, CutoverLook, OperatorLook, OwnLook, SessionLook, SettingLook, TokenLook, AuditLook, NodeLook}
	for action := range leastRole {
		if !logged[string(action)] && !slices.Contains(quiet, action) {
			t.Errorf("nothing here does %s", action)
		}
	}
	page, err := w.AuditRecords(ctx, w.admin, Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	secretFree(t, page)
	if last := page.Items[0]; !strings.Contains(last.Detail, `"from":"192.0.2.1"`) {
		t.Errorf("from where is not told: %+v", last)
	}
}

func TestARefusedActIsNotInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	before := len(w.log())
	_, _ = w.StopBatch(w.ctx(), w.operator, "pilot")
	_, _ = w.DeleteBatch(w.ctx(), w.viewer, "pilot", false)
	_ = w.DeleteEndpoint(w.ctx(), w.admin, "old")
	if n := len(w.log()); n != before {
		t.Errorf("%d records more", n-before)
	}
}

func TestAChangedAuditLogIsTold(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	if verified, err := w.VerifyAudit(w.ctx(), w.admin); err != nil || !verified.OK || verified.Records != int64(len(w.log())) {
		t.Fatalf("%+v %v", verified, err)
	}
	err := w.db.Change(w.ctx(), "tampering", func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(w.ctx(), "UPDATE audit SET actor = 'eve' WHERE id = 3")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	verified, err := w.VerifyAudit(w.ctx(), w.admin)
	if err != nil || verified.OK || !strings.Contains(verified.Detail, "record 3") {
		t.Errorf("%+v %v", verified, err)
	}
}

func TestTheAuditLogComesInPages(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	all, n := w.log(), 0
	for page := (Page{Limit: 3}); ; n++ {
		got, err := w.AuditRecords(w.ctx(), w.admin, page)
		if err != nil || n > len(all) {
			t.Fatal(err)
		}
		if page.Cursor = got.Next; page.Cursor == "" {
			break
		}
	}
	if n != (len(all)-1)/3 {
		t.Errorf("%d pages for %d records", n+1, len(all))
	}
}

func TestTheWrongServerKeyIsToldAtTheStart(t *testing.T) {
	w := newWorld(t)
	w.serve(key(t, 2))
	if err := w.Prepare(w.ctx()); !errors.Is(err, ErrWrongKey) {
		t.Errorf("starts with another key: %v", err)
	}
	w.serve(key(t, 1))
	if err := w.Prepare(w.ctx()); err != nil {
		t.Error(err)
	}
	if err := w.Ready(w.ctx()); err != nil {
		t.Error(err)
	}
}

func TestTheServerKeyIsRotated(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	for i := range 3 {
		csv := rowsOf(fmt.Sprintf("b%d-u", i), 2)
		if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: fmt.Sprint("b", i), Source: "old", Target: "new"}, strings.NewReader(csv)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "m", Host: "h", Login: "master", AdminUser: "root", AdminPassword: adminCanary}, true); err != nil {
		t.Fatal(err)
	}
	a, _ := w.enrolled(w.operator)
	w.setMail()
	if n, err := w.RotateKeys(w.ctx(), w.admin); err != nil || n != 0 {
		t.Errorf("nothing to do: %d %v", n, err)
	}
	w.serve(key(t, 2, 1))
	if err := w.Prepare(w.ctx()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.RotateKeys(w.ctx(), w.admin); err != nil || n != 1+3+1+1+1 {
		t.Fatalf("wrapped %d: %v", n, err)
	}
	w.serve(key(t, 2))
	if err := w.Prepare(w.ctx()); err != nil {
		t.Fatal(err)
	}
	e, b, m := w.record("b1", "b1-u1@example.org")
	if account, err := OpenAccount(w.keys, e.source, b, m, SourceSide); err != nil || account.Password.Reveal() != sourceCanary {
		t.Errorf("what was sealed before: %v", err)
	}
	if e, _ := w.Endpoint(w.ctx(), w.viewer, "m"); !e.HasAdminPassword {
		t.Error("the administrator's password is lost")
	}
	if err := w.signIn("olga", a.codeAt(time.Now().Add(totpPeriod))); err != nil {
		t.Errorf("the second factor is lost: %v", err)
	}
	if server, found, err := w.MailServer(w.ctx()); err != nil || !found || server.Password.Reveal() != mailCanary {
		t.Errorf("the password at the mail server is lost: %v", err)
	}
	if verified, err := w.VerifyAudit(w.ctx(), w.admin); err != nil || !verified.OK {
		t.Errorf("the audit log: %+v %v", verified, err)
	}
	if needed, err := w.SetupNeeded(w.ctx()); err != nil || needed || w.valid(w.signedIn("ada")) != true {
		t.Error("the operators are lost")
	}
}

func TestAnAnswerIsKeptForItsRequest(t *testing.T) {
	w := newWorld(t)
	if _, _, found, err := w.Answer(w.ctx(), w.operator, "k", []byte("create a")); found || err != nil {
		t.Fatal(found, err)
	}
	if err := w.SaveAnswer(w.ctx(), w.operator, "k", []byte("create a"), 201, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	status, body, found, err := w.Answer(w.ctx(), w.operator, "k", []byte("create a"))
	if status != 201 || string(body) != "{}" || !found || err != nil {
		t.Errorf("%d %s %v %v", status, body, found, err)
	}
	_, _, _, err = w.Answer(w.ctx(), w.operator, "k", []byte("create b"))
	wants(t, err, Conflict, "idempotency-key", "another request")
	if _, _, found, err := w.Answer(w.ctx(), w.admin, "k", []byte("create a")); found || err != nil {
		t.Error("another operator gets the answer")
	}
}

func TestNoPasswordIsInTheDatabase(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 20)
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "m", Host: "h", Login: "master", AdminUser: "root", AdminPassword: adminCanary}, true); err != nil {
		t.Fatal(err)
	}
	token, err := w.CreateToken(w.ctx(), w.admin, TokenSpec{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	session := w.signedIn("ada")
	for i, canary := range []string{sourceCanary, targetCanary, adminCanary, peopleCanary, string(token.Secret), session, strings.Repeat("\x01", 32)} {
		if w.onDisk([]byte(canary)) {
			t.Errorf("%d is in %s", i, filepath.Base(w.path))
		}
	}
}
