package migration

import (
	"slices"
	"testing"
)

func TestSignInSaysWhatEachServerWantsToHear(t *testing.T) {
	for name, test := range map[string]struct {
		method LoginMethod
		user   string
		want   SignIn
	}{
		"own password":             {LoginMethod{Form: LoginUser}, "anna", SignIn{User: "anna"}},
		"packed in the row":        {LoginMethod{Form: LoginUser}, "contoso-students/mailadmin/terry.adams", SignIn{User: "contoso-students/mailadmin/terry.adams"}},
		"authorisation identity":   {LoginMethod{Form: LoginAuthzid, Admin: "cyrus"}, "anna", SignIn{User: "cyrus", AuthorizeAs: "anna", Mechanism: "PLAIN"}},
		"Dovecot":                  {LoginMethod{Form: LoginMaster, Admin: "root"}, "anna@example.org", SignIn{User: "anna@example.org*root"}},
		"Dovecot, other separator": {LoginMethod{Form: LoginMaster, Admin: "root", Separator: "%"}, "anna", SignIn{User: "anna%root"}},
		"Exchange":                 {LoginMethod{Form: LoginExchange, Admin: "mailadmin", Domain: "contoso-students"}, "terry.adams", SignIn{User: "contoso-students/mailadmin/terry.adams"}},
		"Exchange by address":      {LoginMethod{Form: LoginExchange, Admin: "mailadmin@contoso.com"}, "terry.adams", SignIn{User: "mailadmin@contoso.com/terry.adams"}},
		"Exchange, backslash":      {LoginMethod{Form: LoginExchange, Admin: "mailadmin", Domain: "contoso", Separator: `\`}, "terry", SignIn{User: `contoso\mailadmin\terry`}},
		"Mirapoint":                {LoginMethod{Form: LoginMirapoint, Admin: "Admin", Domain: "example.org"}, "anna", SignIn{User: "#anna@example.org#Admin#"}},
		"Mirapoint with a domain":  {LoginMethod{Form: LoginMirapoint, Admin: "Admin", Domain: "example.org"}, "anna@other.example", SignIn{User: "#anna@other.example#Admin#"}},
		"Courier":                  {LoginMethod{Form: LoginUserRoot, Admin: "root"}, "anna", SignIn{User: "root"}},
		"Sun":                      {LoginMethod{Form: LoginProxyAuth, Admin: "admin"}, "anna", SignIn{User: "admin", AuthorizeAs: "anna", Mechanism: "PROXYAUTH"}},
		"Kerio":                    {LoginMethod{Form: LoginKerio}, "anna", SignIn{AuthorizeAs: "anna", Mechanism: "X-MASTERAUTH"}},
		"Google":                   {LoginMethod{Form: LoginGoogle}, "anna@example.org", SignIn{User: "anna@example.org", Mechanism: "XOAUTH2"}},
		"Office 365":               {LoginMethod{Form: LoginOffice365}, "anna@example.org", SignIn{User: "anna@example.org", Mechanism: "XOAUTH2"}},
		"Dovecot's master himself": {LoginMethod{Form: LoginMaster, Admin: "root"}, "", SignIn{User: "root"}},
		"Exchange's administrator": {LoginMethod{Form: LoginExchange, Admin: "mailadmin", Domain: "contoso"}, "", SignIn{User: "contoso/mailadmin"}},
		"Mirapoint's himself":      {LoginMethod{Form: LoginMirapoint, Admin: "Admin", Domain: "example.org"}, "", SignIn{User: "Admin"}},
	} {
		if got := test.method.SignIn(test.user); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestPlainTakesTheAdministratorOffPackedNames(t *testing.T) {
	dovecot := LoginMethod{Form: LoginMaster, Admin: "root"}
	exchange := LoginMethod{Form: LoginExchange, Admin: "mailadmin", Domain: "contoso"}
	mirapoint := LoginMethod{Form: LoginMirapoint, Admin: "Admin"}
	for _, test := range []struct {
		method     LoginMethod
		name, want string // an error for "!"
	}{
		{dovecot, "anna*root", "anna"}, {dovecot, "an*na*ROOT", "an*na"}, {dovecot, "anna", "anna"}, {dovecot, "*root", "*root"}, {dovecot, "anna*other", "!"},
		{exchange, "contoso/mailadmin/terry.adams", "terry.adams"}, {exchange, `CONTOSO\MailAdmin\terry`, "terry"}, {exchange, "mailadmin/terry", "terry"},
		{exchange, `contoso\terry`, `contoso\terry`}, {exchange, "terry", "terry"}, {exchange, "contoso/other/terry", "!"}, {exchange, "fabrikam/mailadmin/terry", "!"},
		{mirapoint, "#anna@example.org#Admin#", "anna@example.org"}, {mirapoint, "#anna@example.org#Other#", "!"}, {mirapoint, "##Admin#", "!"}, {mirapoint, "anna", "anna"},
		{LoginMethod{Form: LoginUser}, "anna*root", "anna*root"}, {LoginMethod{}, "#a#b#", "#a#b#"},
	} {
		got, err := test.method.Plain(test.name)
		if err != nil {
			got = "!"
		}
		if got != test.want {
			t.Errorf("%s %q: %q (%v), want %q", test.method.Form, test.name, got, err, test.want)
		}
	}
}

func TestEveryFormIsListedAndKnowsItsCredential(t *testing.T) {
	forms := LoginForms()
	if len(forms) != 10 || len(slices.Compact(slices.Sorted(slices.Values(forms)))) != 10 {
		t.Errorf("the forms are %v", forms)
	}
	for _, form := range forms {
		if form.HasAdmin() != (form != LoginUser) || form.HasToken() && form.NamesAdmin() {
			t.Errorf("%s: administrator %v, named %v, token %v", form, form.HasAdmin(), form.NamesAdmin(), form.HasToken())
		}
		if form.NamesAdmin() && form.RightRemedy() == "" {
			t.Errorf("%s does not say how the right is given", form)
		}
	}
	if got := (LoginMethod{Form: LoginUserRoot, Root: "/users/{user}"}).RootOf("anna", ""); got != "/users/anna" {
		t.Errorf("the root is %q", got)
	}
	if got := (LoginMethod{Form: LoginUserRoot, Root: "/users/{user}"}).RootOf("anna", "/else"); got != "/else" {
		t.Errorf("the row's root is %q", got)
	}
}
