package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

// fakeMailer keeps whom it was to send to, and answers what it is told.
type fakeMailer struct {
	through []MailServer
	to      []string
	err     error
}

func (m *fakeMailer) SendTest(_ context.Context, server MailServer, to string) error {
	m.through, m.to = append(m.through, server), append(m.to, to)
	return m.err
}

// mailCanary is the password at the mail server.
const mailCanary = "C4nary!Mail-66"

func goodMail() *SMTPPatch {
	return &SMTPPatch{Host: ptr("mail.example.org"), User: ptr("mailhaul"), Password: ptr(Password(mailCanary)), From: ptr("mailhaul@example.org")}
}

func (w *world) setMail() Settings {
	w.t.Helper()
	view, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: goodMail()}, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return view
}

// sendsMail asks as the scheduler does.
func (w *world) sendsMail() (sends bool, keep time.Duration) {
	w.t.Helper()
	err := w.db.View(w.ctx(), "asking", func(tx *store.Tx) (err error) {
		if sends, err = w.SendsMail(tx); err == nil {
			keep, err = w.KeepCompleted(tx)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return sends, keep
}

func TestSettingsCountFromTheirChangeOn(t *testing.T) {
	w := newWorld(t)
	view, err := w.Settings(w.ctx(), w.viewer)
	if err != nil || view.SMTP != (SMTP{Port: 587, Security: "starttls"}) || view.KeepCompletedSeconds != 0 || view.Version != 1 {
		t.Fatalf("%+v %v", view, err)
	}
	if sends, keep := w.sendsMail(); sends || keep != 0 {
		t.Error("there is a mail server, or a time", keep)
	}
	if _, found, err := w.MailServer(w.ctx()); found || err != nil {
		t.Error(found, err)
	}
	view = w.setMail()
	want := SMTP{Host: "mail.example.org", Port: 587, Security: "starttls", User: "mailhaul", HasPassword: true, From: "mailhaul@example.org"}
	if view.SMTP != want || view.Version != 2 {
		t.Errorf("%+v", view)
	}
	server, found, err := w.MailServer(w.ctx())
	if err != nil || !found || server.Password.Reveal() != mailCanary || server.Address() != "mail.example.org:587" || server.Fixed {
		t.Errorf("%+v %v %v", server, found, err)
	}
	if view, err = w.SetSettings(w.ctx(), w.admin, SettingsPatch{KeepCompletedSeconds: ptr(int64(7200))}, view.Version); err != nil || view.KeepCompletedSeconds != 7200 || view.SMTP != want {
		t.Errorf("%+v %v", view, err)
	}
	if sends, keep := w.sendsMail(); !sends || keep != 2*time.Hour {
		t.Error(sends, keep)
	}
	_, err = w.SetSettings(w.ctx(), w.admin, SettingsPatch{KeepCompletedSeconds: ptr(int64(0))}, 2)
	wants(t, err, Changed, "changed", "settings")
	if view, err = w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: &SMTPPatch{Host: ptr("")}}, 0); err != nil || view.SMTP.Host != "" || view.SMTP.HasPassword {
		t.Errorf("%+v %v", view, err)
	}
	if sends, keep := w.sendsMail(); sends || keep != 2*time.Hour {
		t.Error("mail is sent still", sends, keep)
	}
	if again, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{}, 0); err != nil || again != view {
		t.Errorf("nothing to change: %+v %v", again, err)
	}
}

func TestThePasswordAtTheMailServerGoesNowhereElse(t *testing.T) {
	w := newWorld(t)
	w.setMail()
	for name, patch := range map[string]SMTPPatch{
		"host": {Host: ptr("evil.example")}, "port": {Port: ptr(2525)}, "security": {Security: ptr("implicit")}, "user": {User: ptr("other")},
	} {
		_, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: &patch}, 0)
		wants(t, err, Invalid, "invalid", "smtp.password must be given again")
		t.Log(name)
	}
	// What does not change it, and what does not matter to it, may be said.
	if view, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: &SMTPPatch{Host: ptr("mail.example.org"), Port: ptr(587), From: ptr("it@example.org")}}, 0); err != nil || !view.SMTP.HasPassword {
		t.Errorf("%+v %v", view, err)
	}
	if view, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: &SMTPPatch{Security: ptr("implicit"), Port: ptr(0), Password: ptr(Password(mailCanary))}}, 0); err != nil || view.SMTP.Port != 465 || !view.SMTP.HasPassword {
		t.Errorf("%+v %v", view, err)
	}
	// Behind our back it opens for nothing else either.
	err := w.db.Change(w.ctx(), "tampering", func(tx *store.Tx) error {
		text, err := tx.Setting(settingAll)
		if err != nil || !strings.Contains(text, "mail.example.org") {
			return errors.Join(err, errors.New("not found"))
		}
		return tx.SetSetting(settingAll, strings.Replace(text, "mail.example.org", "evil.example", 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	var bound *secret.BoundError
	if _, _, err := w.MailServer(w.ctx()); !errors.As(err, &bound) || !strings.Contains(err.Error(), "sent nowhere else") {
		t.Errorf("it opens for another server: %v", err)
	}
	if view, err := w.Settings(w.ctx(), w.admin); err != nil || view.SMTP.HasPassword {
		t.Errorf("%+v %v", view, err)
	}
	if w.onDisk([]byte(mailCanary)) {
		t.Error("the password is in the database")
	}
}

func TestSettingsThatMakeNoSenseAreToldByTheirFields(t *testing.T) {
	w := newWorld(t)
	for want, change := range map[string]func(*SMTPPatch){
		"smtp.host must":                  func(p *SMTPPatch) { p.Host = ptr("no host") },
		"smtp.port must":                  func(p *SMTPPatch) { p.Port = ptr(70_000) },
		"smtp.security must":              func(p *SMTPPatch) { p.Security = ptr("maybe") },
		"smtp.from is missing":            func(p *SMTPPatch) { p.From = nil },
		"smtp.from must":                  func(p *SMTPPatch) { p.From = ptr("x@y\r\nBcc: z@y") },
		"smtp.password is missing":        func(p *SMTPPatch) { p.Password = nil },
		"smtp.password has no use":        func(p *SMTPPatch) { p.User = nil },
		"smtp.password must be at most":   func(p *SMTPPatch) { p.Password = ptr(Password("a\nb")) },
		"smtp.user can't sign in without": func(p *SMTPPatch) { p.Security = ptr("none") },
		"smtp.ca must":                    func(p *SMTPPatch) { p.CA = ptr("no PEM") },
	} {
		patch := goodMail()
		change(patch)
		_, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{SMTP: patch}, 0)
		wants(t, err, Invalid, "invalid", want)
	}
	for _, seconds := range []int64{-1, 1, 3599, 400 * 366 * 86400} {
		_, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{KeepCompletedSeconds: &seconds}, 0)
		wants(t, err, Invalid, "invalid", "keepCompletedSeconds must be 0")
	}
	if view, err := w.Settings(w.ctx(), w.admin); err != nil || view.Version != 1 {
		t.Errorf("something was kept: %+v %v", view, err)
	}
}

func TestWhatTheServerWasStartedWithCannotBeChanged(t *testing.T) {
	w := newWorld(t)
	w.setMail()
	if _, err := w.SetSettings(w.ctx(), w.admin, SettingsPatch{KeepCompletedSeconds: ptr(int64(7200))}, 0); err != nil {
		t.Fatal(err)
	}
	none := time.Duration(0)
	w.Service = New(Options{Store: kept{w.db}, Keys: w.keys, Fixed: FixedSettings{KeepCompleted: &none,
		Mail: &MailServer{Host: "relay", Port: 25, Security: migration.Cleartext, From: "a@example.org", Fixed: true}}})
	if err := w.Prepare(w.ctx()); err != nil {
		t.Fatal(err)
	}
	view, err := w.Settings(w.ctx(), w.admin)
	if err != nil || view.SMTP != (SMTP{Host: "relay", Port: 25, Security: "none", From: "a@example.org", Fixed: true}) || view.KeepCompletedSeconds != 0 || !view.KeepCompletedFixed {
		t.Errorf("%+v %v", view, err)
	}
	if server, found, err := w.MailServer(w.ctx()); err != nil || !found || server.Host != "relay" {
		t.Errorf("%+v %v", server, err)
	}
	if sends, keep := w.sendsMail(); !sends || keep != 0 {
		t.Error(sends, keep)
	}
	for _, patch := range []SettingsPatch{{SMTP: &SMTPPatch{From: ptr("b@example.org")}}, {KeepCompletedSeconds: ptr(int64(3600))}} {
		_, err = w.SetSettings(w.ctx(), w.admin, patch, 0)
		wants(t, err, Refused, "fixed", "was started with")
	}
}

func TestATestMailGoesThroughTheServerInForce(t *testing.T) {
	w := newWorld(t)
	mailer := &fakeMailer{}
	w.mailer = mailer
	_, err := w.TestMail(w.ctx(), w.admin, MailTest{To: "olga@example.org"})
	wants(t, err, Refused, "no-mail-server", "Set one")
	w.setMail()
	_, err = w.TestMail(w.ctx(), w.admin, MailTest{To: "no address"})
	wants(t, err, Invalid, "invalid", "to must be")
	tested, err := w.TestMail(w.ctx(), w.admin, MailTest{})
	if err != nil || !tested.OK || mailer.to[0] != "ada@example.org" || mailer.through[0].Password.Reveal() != mailCanary || !strings.Contains(tested.Detail, "mail.example.org:587") {
		t.Errorf("%+v %v %v", tested, err, mailer.to)
	}
	mailer.err = &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: "535 you said " + mailCanary + "\x1b[2J", Remedy: "Check it."}
	tested, err = w.TestMail(w.ctx(), w.admin, MailTest{To: "olga@example.org"})
	if err != nil || tested.OK || tested.Code != "login" || tested.Remedy != "Check it." || strings.Contains(tested.Detail, mailCanary) || strings.Contains(tested.Detail, "\x1b") || !strings.Contains(tested.Detail, "535") {
		t.Errorf("%+v %v", tested, err)
	}
	page, err := w.AuditRecords(w.ctx(), w.admin, Page{Limit: maxLimit})
	if err != nil || strings.Contains(fmt.Sprint(page), mailCanary) || !strings.Contains(fmt.Sprint(page), `"ok":false`) || !strings.Contains(fmt.Sprint(page), `"password":true`) {
		t.Errorf("the audit log: %+v %v", page, err)
	}
}
