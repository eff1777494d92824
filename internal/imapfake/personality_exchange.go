package imapfake

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Texts of Exchange.
const (
	// notConnected: who signed in was right, and there is no mailbox for him.
	notConnected = "BAD User is authenticated but not connected."
	badArgument  = "BAD Command Argument Error. 11"
)

// Exchange follows Exchange Server 2016 and 2019: an administrator with
// FullAccess names the domain, himself and the mailbox, by its alias or its
// address. Whether he may open it shows only at the first command that needs it.
func Exchange() Personality {
	p := ExchangeOnline()
	p.Before = words("IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR STARTTLS UIDPLUS ID CHILDREN IDLE NAMESPACE LITERAL+")
	p.After = words("IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+")
	p.Admin = AdminRules{
		Names: []string{
			"{domain}/{admin}/{user}", `{domain}\{admin}\{user}`, "{admin}@{domain}/{user}", `{admin}@{domain}\{user}`,
			"{domain}/{user}", `{domain}\{user}`,
		},
		Aliases: true, NotConnected: notConnected,
	}
	p.Append.Limit = 10 << 20
	p.Limits.Throttle, p.Limits.TokenExpired = nil, ""
	return p
}

// ExchangeOnline follows what Exchange Online shows: few extensions, no
// keywords, names without case, reserved names, flags of APPEND that Outlook
// does not see, limits on size, lines and bytes, a BYE after ten errors and
// throttling. Its sizes are estimates. It takes passwords too, unlike the real
// one; see NoPasswords.
//
// What it does only when asked: AppendRules.Rewrite, AppendRules.NoUIDEach,
// Mailbox.SetStanding, SetLanguage, SetQuota, SetMessageLimit and
// SetMaxConnections, Options.Tokens, Unretrievable. The texts for a full
// mailbox and for a name that ends in a space are not public; these are plain.
func ExchangeOnline() Personality {
	return Personality{
		Name:     "Microsoft.Exchange.Imap4.Imap4Server",
		Greeting: "OK The Microsoft Exchange IMAP4 service is ready.",
		Before:   words("IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"),
		After: words(`IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES
			CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+`),
		LoginFailed: "NO $COMMAND failed.",
		Admin:       AdminRules{AnyCase: true, NotConnected: notConnected},
		Names: NameRules{
			Delimiter: "/", Namespaces: `(("" "/")) NIL NIL`, CaseInsensitive: true, Folders: defaultFolders(exchangeFolders...),
			Reserved: []string{"Files", "Sync Issues"}, StrictUTF7: true, MaxLength: 250,
			TrailingSpace: badArgument,
		},
		Flags: FlagRules{
			Permanent: []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `$MDNSent`},
			Refusal:   badArgument, OnlyIMAP: []string{`\Flagged`},
		},
		Append: AppendRules{
			Limit: 150 << 20, TooLarge: "NO Maximum size of appendable message has been exceeded",
			Full:    "NO The mailbox has exceeded its storage quota.",
			MaxLine: 10500, LongLine: badArgument, NUL: badArgument, EightBitHeader: badArgument,
			Added: []string{"X-MS-Has-Attach:", "X-MS-TNEF-Correlator:", "MIME-Version: 1.0"},
		},
		Quirks: Quirks{SizePercent: 103, NoChallenge: true},
		Limits: Limits{
			Errors: 10, Bye: "Connection closed. 14", TokenExpired: "Session invalidated - AccessTokenExpired",
			Throttle: &Throttle{
				Commands: []string{"APPEND"}, Burst: 200, PerSecond: 4, Backoff: 5 * time.Minute,
				Answer: "NO Request is throttled. Suggested Backoff Time: %d milliseconds", ByeAfter: 10,
			},
			TooMany: "NO $COMMAND failed.",
		},
		Answers: Answers{
			Unknown: "BAD Command Error. 12", State: "BAD Command received in Invalid state.", Arguments: badArgument, NoCodes: true,
		},
	}
}

// ExchangeOnlineRev2 is ExchangeOnline as some tenants have it since September
// 2026: another greeting, no passwords and LOGINDISABLED, and after signing in
// IMAP4rev2, which breaks SEARCH for those who enable it. Counts.Commands tells
// whether anyone sent ENABLE.
func ExchangeOnlineRev2() Personality {
	p := ExchangeOnline()
	p.Greeting = "OK Microsoft Exchange IMAP4 service ready. 00000000-0000-0000-0000-000000000000 (tcpproxy/15.21.0406.000 BACKENDAUTHENTICATE)"
	p.Before = words("IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+")
	i := slices.Index(p.After, "CLIENTACCESSRULES")
	p.After = slices.Insert(p.After, i, "ENABLE", "IMAP4rev2")
	i = slices.Index(p.After, "BACKENDAUTHENTICATE")
	p.After = slices.Insert(p.After, i+1, "BACKENDAUTHENTICATE-IR")
	p.NoPasswords, p.Quirks.BrokenRev2 = true, true
	return p
}

func defaultFolders(names ...string) []FolderDefault {
	var list []FolderDefault
	for _, name := range names {
		list = append(list, FolderDefault{Name: name})
	}
	return list
}

// Unretrievable is a rule by which Exchange serves a message of its own in the
// place of one that it cannot convert. What Substitute replaces is the text
// only: flags, date and size stay those of the message.
func Unretrievable(folder string, uid migration.UID) Rule {
	text := fmt.Sprintf("From: \"Microsoft Exchange Server\"\r\nSubject: Retrieval using the IMAP4 protocol failed for the following message: %d\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"+
		"The server couldn't retrieve the following message:\r\n\r\nThe message hasn't been deleted.\r\n", uid)
	return Rule{Command: "FETCH", Folder: folder, UID: uid, Do: Action{Kind: Substitute, Text: text}}
}
