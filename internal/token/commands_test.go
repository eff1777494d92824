package token

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// literals reads a script as PowerShell does, as far as quotes go: it gives the values
// of its single-quoted strings, and the rest with an S for each. Double-quoted strings
// and comments stay in the rest, so that a single quote in them must not count.
func literals(t interface{ Fatalf(string, ...any) }, script string) (values []string, rest string) {
	single := func(r rune) bool { return strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) }
	runes := []rune(script)
	var out strings.Builder
	for i := 0; i < len(runes); i++ {
		switch {
		case runes[i] == '#' || runes[i] == '"':
			end := '\n'
			if runes[i] == '"' {
				end = '"'
			}
			out.WriteRune(runes[i])
			for i++; i < len(runes) && runes[i] != end; i++ {
				out.WriteRune(runes[i])
			}
			if i < len(runes) {
				out.WriteRune(runes[i])
			}
		case single(runes[i]):
			var value strings.Builder
			for i++; ; i++ {
				if i >= len(runes) {
					t.Fatalf("a string has no end in\n%s", script)
					return nil, ""
				}
				if single(runes[i]) {
					if i+1 >= len(runes) || !single(runes[i+1]) {
						break
					}
					i++
				}
				value.WriteRune(runes[i])
			}
			values = append(values, value.String())
			out.WriteByte('S')
		default:
			out.WriteRune(runes[i])
		}
	}
	return values, out.String()
}

func office(addresses ...string) Commands {
	cloud, _ := CloudNamed("")
	return Commands{Cloud: cloud, App: testApp, Object: testObject, Addresses: addresses}
}

func TestTheAdministratorsScriptSaysWhatToDo(t *testing.T) {
	script, err := office("anna@contoso.example", "o'neil@contoso.example").Grant()
	if err != nil {
		t.Fatal(err)
	}
	want := `# Lets the app open the mailboxes by IMAP. It can be run again at any time.
# Needs PowerShell with the module ExchangeOnlineManagement, and the role Exchange Administrator.
Connect-ExchangeOnline -ShowBanner:$false
$app = '11111111-2222-3333-4444-555555555555'
# The object ID of the enterprise application, which is not that of the app registration.
$object = '99999999-8888-7777-6666-555555555555'
if (-not (Get-ServicePrincipal | Where-Object { $_.ObjectId -eq $object })) {
    New-ServicePrincipal -AppId $app -ObjectId $object -DisplayName 'mailhaul'
}
$addresses = @(
    'anna@contoso.example'
    'o''neil@contoso.example'
)
$failed = @(foreach ($address in $addresses) {
    try {
        Add-MailboxPermission -Identity $address -User $object -AccessRights FullAccess -AutoMapping $false -Confirm:$false -WarningAction SilentlyContinue -ErrorAction Stop | Out-Null
        Set-CASMailbox -Identity $address -ImapEnabled $true -WarningAction SilentlyContinue -ErrorAction Stop
    } catch {
        [pscustomobject]@{ Mailbox = $address; Why = $_.Exception.Message }
    }
})
$failed | Format-Table -Wrap -AutoSize
Write-Host "$(@($addresses).Count - $failed.Count) mailboxes are in order, $($failed.Count) are not."
`
	if script != want {
		t.Errorf("got\n%s", script)
	}
}

func TestScriptsByWhatIsKnown(t *testing.T) {
	dod, _ := CloudNamed("dod")
	write := func(how func(Commands) (string, error), c Commands) string {
		script, err := how(c)
		if err != nil {
			t.Fatal(err)
		}
		return script
	}
	for _, test := range []struct {
		name      string
		script    string
		has, lack []string
	}{
		{"no object ID", write(Commands.Grant, Commands{Cloud: dod, App: testApp, Addresses: []string{"a@b.example"}}),
			[]string{"Connect-MgGraph -NoWelcome -Scopes Application.Read.All -Environment 'USGovDoD'", "Get-MgServicePrincipal -Filter \"appId eq '$app'\"", "-ExchangeEnvironmentName 'O365USGovDoD'"}, []string{"$object = '"}},
		{"from a file", write(Commands.Grant, Commands{App: testApp, Object: testObject, File: "C:\\it's\\pilot.csv"}),
			[]string{"Import-Csv -LiteralPath 'C:\\it''s\\pilot.csv' -Encoding UTF8", "$_.EmailAddress", "Add-MailboxPermission"}, []string{"@(\n", "Connect-MgGraph", "Environment"}},
		{"no mailboxes", write(Commands.Grant, office()), []string{"New-ServicePrincipal"}, []string{"Add-MailboxPermission", "$addresses"}},
		{"check", write(Commands.Check, office("a@b.example")), []string{"Get-ServicePrincipal", "Get-MailboxPermission -Identity $address -User $object", "Get-CASMailbox", "ImapEnabled"}, []string{"Add-", "Set-", "New-", "Remove-"}},
		{"revoke", write(Commands.Revoke, office("a@b.example")), []string{"Remove-MailboxPermission -Identity $address -User $object"}, []string{"Add-", "Set-", "New-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, want := range test.has {
				if !strings.Contains(test.script, want) {
					t.Errorf("%q is not in\n%s", want, test.script)
				}
			}
			for _, not := range test.lack {
				if strings.Contains(test.script, not) {
					t.Errorf("%q is in\n%s", not, test.script)
				}
			}
			if open, closed := strings.Count(test.script, "{"), strings.Count(test.script, "}"); open != closed {
				t.Errorf("%d braces opened, %d closed", open, closed)
			}
		})
	}
}

func TestNoAddressEscapesItsQuotes(t *testing.T) {
	_, plain := literals(t, must(office("x").Grant()))
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringOfN(rapid.RuneFrom([]rune("a@.'\"`$();|&{}#\u2018\u2019\u201a\u201b\u201c ü\\-")), 1, 30, -1).Draw(t, "address")
		script, err := office(address).Grant()
		if err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		values, rest := literals(t, script)
		if !slices.Contains(values, address) || rest != plain {
			t.Fatalf("%q became %q in\n%s", address, values, script)
		}
	})
}

func must(script string, err error) string {
	if err != nil {
		panic(err)
	}
	return script
}

func TestWhatNoQuoteHoldsIsRefused(t *testing.T) {
	for _, c := range []Commands{
		office("a@b.example\nRemove-Mailbox x"), office("a\u2028b"), office("a\u202eb"), office("a\x00b"),
		{App: testApp, Object: testObject, File: "a\rb"}, {App: testApp, Object: "a\nb"}, {App: testApp, Name: "a\nb"}, {App: "a\nb"}, {},
	} {
		for _, how := range []func(Commands) (string, error){Commands.Grant, Commands.Check, Commands.Revoke} {
			if script, err := how(c); err == nil {
				t.Errorf("%+v gave\n%s", c, script)
			}
		}
	}
}
