package token

import (
	"fmt"
	"strings"
	"unicode"
)

// Commands are what an administrator of Office 365 runs in PowerShell, so that an app
// can open the mailboxes of a batch. It does no more than write text.
type Commands struct {
	// Cloud is where the tenant lives.
	Cloud Cloud
	// App is the application (client) ID.
	App string
	// Object is the object ID of the enterprise application, as Claims.Object has
	// it. Without it the script looks it up, which takes the Graph module.
	Object string
	// Name is what the app is called in Exchange; empty is mailhaul.
	Name string
	// Addresses are the mailboxes. File, when it is given, is a CSV file with commas
	// and a column EmailAddress that the script reads instead, such as the
	// migration file.
	Addresses []string
	File      string
}

// Grant registers the app in Exchange and gives it the mailboxes. It may be run again:
// what is there already stays, and mailboxes that fail are listed at the end. Without
// addresses and file it only registers the app.
func (c Commands) Grant() (string, error) {
	return c.write("Lets the app open the mailboxes by IMAP. It can be run again at any time.", []string{
		"if (-not (Get-ServicePrincipal | Where-Object { $_.ObjectId -eq $object })) {",
		"    " + c.registerAs("$app", "$object"),
		"}",
	}, []string{
		"Add-MailboxPermission -Identity $address -User $object -AccessRights FullAccess -AutoMapping $false -Confirm:$false -WarningAction SilentlyContinue -ErrorAction Stop | Out-Null",
		"Set-CASMailbox -Identity $address -ImapEnabled $true -WarningAction SilentlyContinue -ErrorAction Stop",
	})
}

// Check shows what Exchange knows of the app, and lists the mailboxes that it cannot
// open by IMAP. It changes nothing.
func (c Commands) Check() (string, error) {
	return c.write("Lists the mailboxes that the app cannot open by IMAP. It changes nothing.", []string{
		"Get-ServicePrincipal | Where-Object { $_.AppId -eq $app } | Format-List DisplayName, AppId, ObjectId",
		"Write-Host \"The object ID above must be $object.\"",
	}, []string{
		"$right = Get-MailboxPermission -Identity $address -User $object -ErrorAction Stop | Where-Object { $_.AccessRights -like '*FullAccess*' -and -not $_.Deny }",
		"if (-not $right) { throw 'the app has no FullAccess' }",
		"if (-not (Get-CASMailbox -Identity $address -ErrorAction Stop).ImapEnabled) { throw 'IMAP is switched off' }",
	})
}

// Revoke takes the mailboxes away from the app again, for when the migration is over.
func (c Commands) Revoke() (string, error) {
	return c.write("Takes the mailboxes away from the app again. Run it when the batch is completed.", nil, []string{
		"Remove-MailboxPermission -Identity $address -User $object -AccessRights FullAccess -Confirm:$false -ErrorAction Stop | Out-Null",
	})
}

// write puts a script together: connect, the app's part, a loop over the mailboxes.
func (c Commands) write(purpose string, app, each []string) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	lines := []string{
		"# " + purpose,
		"# Needs PowerShell with the module ExchangeOnlineManagement, and the role Exchange Administrator.",
		"Connect-ExchangeOnline -ShowBanner:$false" + parameter(" -ExchangeEnvironmentName ", c.Cloud.Exchange, "O365Default"),
		"$app = " + quoted(c.App),
		"# The object ID of the enterprise application, which is not that of the app registration.",
	}
	if c.Object != "" {
		lines = append(lines, "$object = "+quoted(c.Object))
	} else {
		lines = append(lines,
			"Connect-MgGraph -NoWelcome -Scopes Application.Read.All"+parameter(" -Environment ", c.Cloud.Graph, "Global"),
			"$object = (Get-MgServicePrincipal -Filter \"appId eq '$app'\").Id",
			"if (-not $object) { throw \"The tenant has no enterprise application for app $app.\" }")
	}
	lines = append(lines, app...)
	if len(c.Addresses) > 0 || c.File != "" {
		lines = append(lines, c.addresses()...)
		lines = append(lines, loop(each)...)
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// addresses are the lines that say which mailboxes.
func (c Commands) addresses() []string {
	if c.File != "" {
		return []string{"$addresses = Import-Csv -LiteralPath " + quoted(c.File) + " -Encoding UTF8 | ForEach-Object { $_.EmailAddress } | Where-Object { $_ }"}
	}
	lines := []string{"$addresses = @("}
	for _, address := range c.Addresses {
		lines = append(lines, "    "+quoted(address))
	}
	return append(lines, ")")
}

// loop runs the lines for each mailbox, and lists those that failed.
func loop(each []string) []string {
	lines := []string{"$failed = @(foreach ($address in $addresses) {", "    try {"}
	for _, line := range each {
		lines = append(lines, "        "+line)
	}
	return append(lines,
		"    } catch {",
		"        [pscustomobject]@{ Mailbox = $address; Why = $_.Exception.Message }",
		"    }",
		"})",
		"$failed | Format-Table -Wrap -AutoSize",
		"Write-Host \"$(@($addresses).Count - $failed.Count) mailboxes are in order, $($failed.Count) are not.\"")
}

// check refuses what no quoting makes one word: a line break ends a pasted line.
func (c Commands) check() error {
	if !guid.MatchString(c.App) {
		return fmt.Errorf("client ID %q is not one: it stands on the app registration's overview", c.App)
	}
	if c.Object != "" && !guid.MatchString(c.Object) {
		return fmt.Errorf("object ID %q is not one: it stands on the enterprise application's overview", c.Object)
	}
	for _, text := range append([]string{c.Name, c.File}, c.Addresses...) {
		if strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
		}) {
			return fmt.Errorf("%q holds a control character: no command can be written with it", text)
		}
	}
	return nil
}

// register is the one command that makes Exchange know the app.
func (c Commands) register() string { return c.registerAs(quoted(c.App), quoted(c.Object)) }

func (c Commands) registerAs(app, object string) string {
	name := c.Name
	if name == "" {
		name = "mailhaul"
	}
	return "New-ServicePrincipal -AppId " + app + " -ObjectId " + object + " -DisplayName " + quoted(name)
}

// permit is the one command that gives the app a mailbox.
func (c Commands) permit(mailbox string) string {
	return "Add-MailboxPermission -Identity " + quoted(mailbox) + " -User " + quoted(c.Object) + " -AccessRights FullAccess"
}

// quoted writes a text as PowerShell takes it literally: between single quotes, each of
// its own doubled. PowerShell takes the typographic ones for single quotes too.
func quoted(text string) string {
	var out strings.Builder
	out.WriteByte('\'')
	for _, r := range text {
		switch r {
		case '\'', '\u2018', '\u2019', '\u201a', '\u201b':
			out.WriteRune(r)
		}
		out.WriteRune(r)
	}
	out.WriteByte('\'')
	return out.String()
}

// parameter is left out where its value is what the command takes by itself.
func parameter(name, value, usual string) string {
	if value == "" || value == usual {
		return ""
	}
	return name + quoted(value)
}
