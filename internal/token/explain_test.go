package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func goodClaims() map[string]any {
	return map[string]any{"aud": "https://outlook.office365.com", "appid": testApp, "tid": testObject, "oid": testObject, "app_displayname": "Mover\u202e",
		"roles": []string{"IMAP.AccessAsApp"}, "nbf": 1, "exp": time.Now().Add(time.Hour).Unix()}
}

func TestClaimsAreRead(t *testing.T) {
	c, err := ReadClaims(secret.New(entraToken(goodClaims())))
	if err != nil || c.Audience != "https://outlook.office365.com" || c.App != testApp || c.Tenant != testObject || c.Object != testObject || c.AppName != "Mover" ||
		len(c.Roles) != 1 || c.Delegated || time.Until(c.Ends) < 59*time.Minute || c.Begins.Unix() != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, text := range []string{"", "ya29.c4nary", "a.b", "a.!c4nary.c", "a." + base64.RawURLEncoding.EncodeToString([]byte("c4nary")) + ".c", "a." + base64.RawURLEncoding.EncodeToString([]byte(`{"roles":"c4nary"}`)) + ".c"} {
		if _, err := ReadClaims(secret.New(text)); err == nil || strings.Contains(err.Error(), "c4nary") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if c, err := ReadClaims(secret.New(entraToken(map[string]any{"aud": []string{"x"}, "azp": testApp, "exp": 1e300}))); err != nil || c.App != testApp || !c.Ends.IsZero() {
		t.Errorf("got %+v, %v", c, err)
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(entraToken(goodClaims()))
	f.Add("a.e30.c")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadClaims(secret.New(text))
		if err == nil {
			settings().Explain(c)
		}
	})
}

func TestTokensThatCannotOpenAMailboxAreExplained(t *testing.T) {
	for _, test := range []struct {
		name           string
		change         func(map[string]any)
		o              func(*Office365)
		reason, remedy string
	}{
		{"good", func(map[string]any) {}, nil, "", ""},
		{"good, by Exchange's number", func(c map[string]any) { c["aud"] = exchangeApp }, nil, "", ""},
		{"good, tenant by its number", func(map[string]any) {}, func(o *Office365) { o.Tenant = strings.ToUpper(testObject) }, "", ""},
		{"no roles", func(c map[string]any) { delete(c, "roles") }, nil, "The token has no role at all", "az ad app permission admin-consent --id " + testApp},
		{"other roles", func(c map[string]any) { c["roles"] = []string{"POP.AccessAsApp", "full_access_as_app"} }, nil, "no role IMAP.AccessAsApp, only POP.AccessAsApp, full_access_as_app", "Grant admin consent"},
		{"a person's", func(c map[string]any) { delete(c, "roles"); c["scp"] = "IMAP.AccessAsUser.All" }, nil, "a person who signed in", "client credentials"},
		{"for Graph", func(c map[string]any) { c["aud"] = "https://graph.microsoft.com" }, nil, "for https://graph.microsoft.com, not for Exchange Online", "https://outlook.office365.com/.default"},
		{"another app", func(c map[string]any) { c["appid"] = testObject }, nil, "is of app " + testObject, "client ID"},
		{"another tenant", func(map[string]any) {}, func(o *Office365) { o.Tenant = testApp }, "is of tenant " + testObject, "directory (tenant) ID"},
		{"ended", func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }, nil, "The token ended at", "NTP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fields, o := goodClaims(), settings()
			test.change(fields)
			if test.o != nil {
				test.o(&o)
			}
			c, err := ReadClaims(secret.New(entraToken(fields)))
			if err != nil {
				t.Fatal(err)
			}
			found := o.Explain(c)
			if test.reason == "" {
				if len(found) != 0 {
					t.Errorf("a good token: %+v", found)
				}
				return
			}
			if len(found) != 1 || !strings.Contains(found[0].Reason, test.reason) || !strings.Contains(found[0].Remedy, test.remedy) || found[0].Code != migration.CodeLogin {
				t.Errorf("got %+v", found)
			}
		})
	}
}

func TestRefusedSignInsAreExplained(t *testing.T) {
	good, err := ReadClaims(secret.New(entraToken(goodClaims())))
	if err != nil {
		t.Fatal(err)
	}
	without := good
	without.Roles = nil
	login := &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: "signing in", Text: "AUTHENTICATE failed."}
	away := &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeNotConnected, Doing: "opening INBOX", Text: "User is authenticated but not connected."}
	const mailbox = "o'neil@contoso.example"
	for _, test := range []struct {
		name          string
		err           error
		claims        Claims
		cause, remedy []string
	}{
		{"no role", fmt.Errorf("here: %w", login), without, []string{": the token has no role at all", "AUTHENTICATE failed."}, []string{"admin-consent"}},
		{"app not known", login, good, []string{"does not know the app", "AUTHENTICATE failed."},
			[]string{"New-ServicePrincipal -AppId '" + testApp + "' -ObjectId '" + testObject + "'", "enterprise application, not that of the app registration", "Get-CASMailbox -Identity 'o''neil@contoso.example'"}},
		{"no permission", away, good, []string{"the app may not open this mailbox", "not connected."},
			[]string{"Add-MailboxPermission -Identity 'o''neil@contoso.example' -User '" + testObject + "' -AccessRights FullAccess", "licence"}},
		{"token not read", login, Claims{}, []string{"the app's token is not taken"}, []string{"-ObjectId 'OBJECT-ID'"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := *migration.FaultOf(test.err)
			fault := migration.FaultOf(settings().ExplainSignIn(test.err, test.claims, mailbox))
			if fault.Class != before.Class || fault.Code != before.Code || *migration.FaultOf(test.err) != before {
				t.Errorf("got %#v", fault)
			}
			for _, want := range test.cause {
				if !strings.Contains(fault.Error(), want) {
					t.Errorf("%q is not in %v", want, fault)
				}
			}
			for _, want := range test.remedy {
				if !strings.Contains(fault.Remedy, want) {
					t.Errorf("%q is not in %s", want, fault.Remedy)
				}
			}
		})
	}
	for _, other := range []error{nil, errors.New("x"), &migration.Fault{Class: migration.Again, Code: migration.CodeLost}, &migration.Fault{Class: migration.Login, Code: migration.CodeTLS}} {
		if got := settings().ExplainSignIn(other, good, mailbox); !errors.Is(got, other) {
			t.Errorf("%v became %v", other, got)
		}
	}
}
