package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
)

func TestSettingsAreEditedByVersionAndShowNoPassword(t *testing.T) {
	s, client, header := asAdmin(t)
	first := s.ask("GET", "/settings", "", header)
	if first.status != 200 || first.headers.Get("ETag") == "" || !strings.Contains(first.body, `"keepCompletedFixed":false`) {
		t.Fatalf("%d %s", first.status, first.body)
	}
	edit := func(match, body string) answer {
		headers := map[string]string{"If-Match": match}
		for name, value := range header {
			headers[name] = value
		}
		return s.ask("PATCH", "/settings", body, headers)
	}
	const body = `{"smtp": {"host": "mail.example.org", "user": "mailhaul", "password": "canary-smtp", "from": "mailhaul@example.org"}}`
	made := edit(first.headers.Get("ETag"), body)
	if made.status != 200 || !strings.Contains(made.body, `"hasPassword":true`) || strings.Contains(made.body, "canary") {
		t.Errorf("%d %s", made.status, made.body)
	}
	if again := edit(first.headers.Get("ETag"), body); again.status != http.StatusPreconditionFailed || again.problem(t).Code != "changed" {
		t.Errorf("%d %s", again.status, again.body)
	}
	if wrong := edit("", `{"smtp": {"host": "evil.example"}}`); wrong.status != http.StatusBadRequest || wrong.problem(t).Fields[0].Name != "smtp.password" {
		t.Errorf("%d %s", wrong.status, wrong.body)
	}
	if shown := s.ask("GET", "/settings", "", header); strings.Contains(shown.body, "canary") || !strings.Contains(shown.body, "mail.example.org") {
		t.Errorf("%d %s", shown.status, shown.body)
	}
	settings, err := client.Settings(t.Context())
	if err != nil || settings.SMTP.Port != 587 || settings.Version != 2 {
		t.Errorf("%+v %v", settings, err)
	}
	_, err = client.TestMail(t.Context(), control.MailTest{To: "olga@example.org"})
	if p := problemOf(t, err); p.Code != "no-test" { // this server has nobody who sends
		t.Errorf("%+v", p)
	}
	if log := s.log.String(); strings.Contains(log, "canary") {
		t.Errorf("the log holds the password: %s", log)
	}
}

func TestWhoHasNoCodeIsToldSoByTheCodeOfTheProblem(t *testing.T) {
	s := newServer(t)
	if needed, err := s.client("").SetupNeeded(t.Context()); err != nil || !needed {
		t.Error(needed, err)
	}
	client := s.setUp()
	if needed, err := s.client("").SetupNeeded(t.Context()); err != nil || needed {
		t.Error(needed, err)
	}
	begun, err := client.BeginTOTP(t.Context(), adminPassword)
	if err != nil || begun.Secret == "" || !strings.HasPrefix(string(begun.URI), "otpauth://totp/") {
		t.Fatal(err)
	}
	_, err = client.ConfirmTOTP(t.Context(), "no code")
	if p := problemOf(t, err); p.Status != http.StatusBadRequest || p.Code != "wrong-code" || p.Fields[0].Name != "code" {
		t.Errorf("%+v", p)
	}
	// As if the code had been right.
	s.execute("UPDATE second_factor SET confirmed = 1")
	_, err = s.client("").SignIn(t.Context(), "root", adminPassword, "")
	if p := problemOf(t, err); p.Status != http.StatusUnauthorized || p.Code != "totp-needed" {
		t.Errorf("%+v", p)
	}
	_, err = s.client("").SignIn(t.Context(), "root", adminPassword, "no code")
	if p := problemOf(t, err); p.Status != http.StatusUnauthorized || p.Code != "wrong-code" {
		t.Errorf("%+v", p)
	}
	me, err := client.Me(t.Context())
	if err != nil || !me.TOTP || me.RecoveryCodes != 0 || me.Name != "root" {
		t.Errorf("%+v %v", me, err)
	}
	if err := client.EndTOTP(t.Context(), adminPassword, "no code"); problemOf(t, err).Code != "wrong-code" {
		t.Error(err)
	}
	_, err = client.SetOperator(t.Context(), "root", control.OperatorPatch{ResetTOTP: true}, 0)
	if p := problemOf(t, err); p.Status != http.StatusConflict || p.Code != "own-account" {
		t.Errorf("%+v", p)
	}
	sessions, err := client.Sessions(t.Context())
	if err != nil || len(sessions) != 1 || !sessions[0].Current {
		t.Fatalf("%+v %v", sessions, err)
	}
	if err := client.EndSession(t.Context(), sessions[0].ID); err != nil {
		t.Error(err)
	}
	if _, err := client.Me(t.Context()); problemOf(t, err).Status != http.StatusUnauthorized {
		t.Error(err)
	}
}
