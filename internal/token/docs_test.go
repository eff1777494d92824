package token

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

var update = flag.Bool("update", false, "write the tables of docs/office365.md and docs/google.md")

// The tables in the documentation are those of the code:
// go test -run Page -update
func TestThePagesHaveTheTablesOfTheCode(t *testing.T) {
	for _, page := range []struct {
		file, name string
		lines      []string
	}{
		{"../../docs/office365.md", "clouds", cloudTable()},
		{"../../docs/office365.md", "refusals", entraTable()},
		{"../../docs/google.md", "google", googleTable()},
	} {
		text, err := os.ReadFile(page.file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, found := strings.Cut(string(text), "<!-- made from internal/token: "+page.name+" -->\n")
		_, tail, closed := strings.Cut(rest, "<!-- end of "+page.name+" -->\n")
		if !found || !closed {
			t.Errorf("%s has no place for the table %s", page.file, page.name)
			continue
		}
		want := head + "<!-- made from internal/token: " + page.name + " -->\n" + strings.Join(page.lines, "\n") + "\n<!-- end of " + page.name + " -->\n" + tail
		if string(text) == want {
			continue
		}
		if !*update {
			t.Errorf("%s is not up to date, table %s: go test -run Page -update ./internal/token", page.file, page.name)
		} else if err := os.WriteFile(page.file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func cloudTable() []string {
	lines := []string{"| `--cloud` | IMAP host, port 993 | token authority | scope | Microsoft Graph | portal |", "|---|---|---|---|---|---|"}
	for _, c := range Clouds() {
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | `%s` | %s | %s |", c.Name, c.IMAPHost, c.Authority, c.Scope, c.GraphAddress, c.Portal))
	}
	return lines
}

func entraTable() []string {
	lines := []string{"| AADSTS | means | do |", "|---|---|---|"}
	names := strings.NewReplacer("{app}", "CLIENT-ID", "{tenant}", "TENANT", "{portal}", "the portal", "{cloud}", "CLOUD", "{scope}", "SCOPE", "{usual}", "the scope of the table above", "{permission}", "IMAP.AccessAsApp of Office 365 Exchange Online",
		"{thumbprint}", "THUMBPRINT", "{clock}", "this computer's clock is wrong", "{host}", "AUTHORITY")
	for _, r := range entraRefusals() {
		numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.numbers), " ", ", "), "[]")
		if r.says != "" {
			numbers += " (\"" + r.says + "\")"
		}
		lines = append(lines, "| "+numbers+" | "+names.Replace(r.cause)+" | "+names.Replace(r.remedy)+" |")
	}
	return lines
}

func googleTable() []string {
	lines := []string{"| answer | means | do |", "|---|---|---|"}
	names := strings.NewReplacer("{account}", "ACCOUNT", "{client}", "CLIENT-ID", "{key}", "KEY-ID", "{clock}", "this computer's clock is wrong")
	for _, r := range googleRefusals() {
		answer := "`" + strings.Join(r.codes, "`, `") + "`"
		if r.says != "" {
			answer += " (\"" + r.says + "\")"
		}
		lines = append(lines, "| "+answer+" | "+names.Replace(r.cause)+" | "+names.Replace(r.remedy)+" |")
	}
	return lines
}

// What the page of Office 365 quotes of our own sentences is what the code says.
func TestThePageQuotesTheCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/office365.md")
	if err != nil {
		t.Fatal(err)
	}
	o := settings()
	o.Tenant = testApp
	said := ""
	for _, c := range []Claims{{App: testObject, Tenant: testObject, Audience: "https://graph.microsoft.com"}, {App: testApp, Roles: []string{"x"}}} {
		for _, f := range o.Explain(c) {
			said += f.Reason + "\n"
		}
	}
	for _, quote := range []string{"The token has no role at all", "no role IMAP.AccessAsApp", "The token is of app ", "The token is for ", ", not for Exchange Online", "of tenant "} {
		if !strings.Contains(said, quote) || !strings.Contains(string(text), strings.TrimSpace(quote)) {
			t.Errorf("%q is said by one of page and code alone", quote)
		}
	}
	// Each command that the code gives is on the page, by its name.
	script := must(office("a@b.example").Grant()) + must(office("a@b.example").Check()) + must(office("a@b.example").Revoke())
	for _, name := range []string{"New-ServicePrincipal", "Get-ServicePrincipal", "Add-MailboxPermission", "Set-CASMailbox", "Get-MailboxPermission", "Get-CASMailbox", "Remove-MailboxPermission", "Connect-ExchangeOnline"} {
		if !strings.Contains(script, name) || !strings.Contains(string(text), name) {
			t.Errorf("%s is in one of page and scripts alone", name)
		}
	}
}

// The commands of the page make what ReadCertificate reads.
func TestTheCommandsOfThePageMakeACertificate(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	text, err := os.ReadFile("../../docs/office365.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "    umask 077\n")
	block, _, found := strings.Cut(rest, "\n\n")
	if !found || !strings.Contains(block, "> app.pem") {
		t.Fatal("the page has no such commands")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-ec", block)
	command.Dir = t.TempDir()
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	pair, err := os.ReadFile(filepath.Join(command.Dir, "app.pem"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ReadCertificate(secret.New(string(pair)))
	if err != nil || certificate.Subject != "CN=mailhaul" || certificate.key.N.BitLen() != 3072 || certificate.check(time.Now()) != nil {
		t.Errorf("got %+v, %v", certificate, err)
	}
}
