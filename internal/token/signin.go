package token

import (
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// ExplainSignIn gives the error of a sign-in to Exchange Online, or of the first command
// after it, a cause and the commands to run, since the server's own text has neither.
// The claims are those of the token that was used, or none. An error that is no refusal
// comes back as it is.
func (o Office365) ExplainSignIn(err error, c Claims, mailbox string) error {
	o = o.withDefaults()
	fault := migration.FaultOf(err)
	if fault == nil || fault.Code != migration.CodeNotConnected && (fault.Class != migration.Login || fault.Code != migration.CodeLogin) {
		return err
	}
	explained := *fault
	if c.App != "" {
		if found := o.Explain(c); len(found) > 0 {
			explained.Err, explained.Remedy = errors.New(clause(found[0].Reason)), found[0].Remedy
			return &explained
		}
	}
	mailbox = migration.SafeText(mailbox)
	object := c.Object
	if object == "" {
		object = "OBJECT-ID"
	}
	script := Commands{App: o.ClientID, Object: object}
	if fault.Code == migration.CodeNotConnected {
		explained.Err = errors.New("the token is good, but the app may not open this mailbox, or there is none")
		explained.Remedy = "In Exchange Online PowerShell run: " + script.permit(mailbox) + ". If it has that permission already, see with Get-CASMailbox -Identity " + quoted(mailbox) +
			" that the mailbox is there, has a licence, and that ImapEnabled is True. A change takes effect after some minutes, seldom an hour."
		return &explained
	}
	explained.Err = errors.New("the token has the role it needs, but Exchange Online does not know the app, or not this mailbox")
	if c.App == "" {
		explained.Err = errors.New("the app's token is not taken for this mailbox")
	}
	explained.Remedy = "In Exchange Online PowerShell, Get-ServicePrincipal must show app " + o.ClientID + " with the object ID " + object +
		" of the enterprise application, not that of the app registration; if not, run: " + script.register() +
		". Then see with Get-CASMailbox -Identity " + quoted(mailbox) + " that the mailbox is there and that ImapEnabled is True, and run: " + script.permit(mailbox)
	return &explained
}

// clause makes of a sentence what can follow a colon.
func clause(sentence string) string {
	return strings.ToLower(sentence[:1]) + strings.TrimSuffix(sentence[1:], ".")
}
