package imapfake

import (
	"slices"
	"strings"
	"time"
)

func words(s string) []string { return strings.Fields(s) }

func systemFlags(more ...string) []string {
	return append([]string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}, more...)
}

// Generic has every extension this server knows and no peculiarity.
func Generic() Personality {
	before := words("IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE STARTTLS AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER")
	after := words(`IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE MULTIAPPEND
		LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE APPENDLIMIT CONDSTORE QRESYNC
		ESEARCH WITHIN BINARY QUOTA COMPRESS=DEFLATE`)
	return Personality{
		Name: "imapfake", Greeting: "OK $CAPABILITY ready.",
		Before: before, After: after, CapabilityAtLogin: true,
		Names:       NameRules{Delimiter: "/", Namespaces: `(("" "/")) NIL NIL`},
		Flags:       FlagRules{Permanent: systemFlags(`\*`)},
		LoginFailed: "NO [AUTHENTICATIONFAILED] Authentication failed.",
		Limits: Limits{
			TooMany: "NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=%d)",
		},
	}
}

// Dovecot follows Dovecot 2.3 as distributed, without COMPRESS. Maildir++ gives
// "." as the delimiter, and missing parents are \NoSelect.
func Dovecot() Personality {
	p := Generic()
	p.Name, p.Greeting = "Dovecot", "OK $CAPABILITY Dovecot (Debian) ready."
	p.Before = words("IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER")
	p.After = words(`IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED
		CONDSTORE QRESYNC ESEARCH WITHIN SPECIAL-USE BINARY MOVE UNSELECT MULTIAPPEND LIST-STATUS STATUS=SIZE`)
	p.Names = NameRules{
		Delimiter: ".", Namespaces: `(("" ".")) NIL NIL`, Forbidden: "/",
		StrictUTF7: true, ParentsNoSelect: true, MaxLength: 250,
	}
	p.Flags.Refusal = `BAD Invalid system flag`
	return p
}

// Cyrus follows Cyrus IMAP 3.6 with unixhierarchysep. It refuses NUL, bare LF
// and 8-bit bytes in headers.
func Cyrus() Personality {
	p := Generic()
	p.Name, p.Greeting = "Cyrus IMAP", "OK $CAPABILITY server ready"
	p.Before = words("IMAP4rev1 LITERAL+ ID ENABLE STARTTLS AUTH=PLAIN AUTH=LOGIN SASL-IR")
	p.After = words(`IMAP4rev1 LITERAL+ ID ENABLE CHILDREN NAMESPACE UIDPLUS UNSELECT MULTIAPPEND BINARY WITHIN QRESYNC
		CONDSTORE ESEARCH STATUS=SIZE LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE MOVE IDLE
		SASL-IR COMPRESS=DEFLATE QUOTA`)
	p.Names.MaxLength = 490
	p.Append.NUL = "NO Message contains NUL characters"
	p.Append.BareLF = "NO Message contains bare newlines"
	p.Append.EightBitHeader = "NO Message contains non-ASCII characters in headers"
	return p
}

// Courier follows Courier-IMAP 5.0: no LITERAL+, no UIDNEXT on SELECT, the
// prefix INBOX., and messages that are stored with the last byte of the
// literal, before the command has ended.
func Courier() Personality {
	caps := words("IMAP4rev1 UIDPLUS CHILDREN NAMESPACE IDLE")
	return Personality{
		Name: "Courier", Greeting: "OK $CAPABILITY Courier-IMAP ready.",
		Before: append(slices.Clone(caps), "STARTTLS", "AUTH=PLAIN"), After: caps,
		Names: NameRules{
			Delimiter: ".", Prefix: "INBOX.", Namespaces: `(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))`,
			Forbidden: "/", ParentsNoSelect: true, StrictUTF7: true,
		},
		Flags:       FlagRules{Permanent: systemFlags(`\*`)},
		Append:      AppendRules{CommitAtLiteral: true, Silent: true},
		Quirks:      Quirks{NoUIDNext: true},
		LoginFailed: "NO Login failed.",
		Limits:      Limits{Line: 16384, TooMany: "NO Maximum connection limit reached for %d connections."},
	}
}

// ExchangeOnline follows what Exchange Online shows: few extensions, no
// keywords, names without case, reserved names, a BYE after ten errors and
// throttling. It does not rewrite messages, and its sizes are estimates.
func ExchangeOnline() Personality {
	return Personality{
		Name:     "Microsoft.Exchange.Imap4.Imap4Server",
		Greeting: "OK The Microsoft Exchange IMAP4 service is ready.",
		Before:   words("IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"),
		After: words(`IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES
			CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+`),
		Names: NameRules{
			Delimiter: "/", Namespaces: `(("" "/")) NIL NIL`, CaseInsensitive: true,
			Folders: []FolderDefault{
				{Name: "Archive"}, {Name: "Calendar"}, {Name: "Contacts"}, {Name: "Conversation History"},
				{Name: "Deleted Items"}, {Name: "Drafts"}, {Name: "Journal"}, {Name: "Junk Email"},
				{Name: "Notes"}, {Name: "Outbox"}, {Name: "Sent Items"}, {Name: "Tasks"},
			},
			Reserved: []string{"Files", "Sync Issues"}, StrictUTF7: true, MaxLength: 250,
		},
		Flags: FlagRules{
			Permanent: []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`, `$MDNSent`},
			Refusal:   "BAD Command Argument Error. 11",
		},
		Append: AppendRules{
			Limit: 150 << 20, TooLarge: "NO Maximum size of appendable message has been exceeded",
			MaxLine: 10500, LongLine: "BAD Command Argument Error. 11",
			NUL: "BAD Command Argument Error. 11",
		},
		Quirks:      Quirks{SizePercent: 103},
		LoginFailed: "NO AUTHENTICATE failed.",
		Limits: Limits{
			Errors: 10, Bye: "Connection closed. 14",
			Throttle: &Throttle{
				Commands: []string{"APPEND"}, Burst: 200, PerSecond: 4, Backoff: 5 * time.Minute,
				Answer: "NO Request is throttled. Suggested Backoff Time: %d milliseconds", ByeAfter: 10,
			},
			TooMany: "NO AUTHENTICATE failed.",
		},
	}
}

// Gmail follows the outline of Gmail: LITERAL-, CONDSTORE without QRESYNC, an
// announced size limit, special folders below [Gmail], and identical messages
// merged after they got a UID. Labels are not modelled.
func Gmail() Personality {
	p := Generic()
	p.Name, p.Greeting = "GImap", "OK Gimap ready for requests"
	p.Before = words("IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID CHILDREN AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER SASL-IR")
	p.After = words(`IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID CHILDREN UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE
		ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT`)
	p.Names = NameRules{
		Delimiter: "/", Namespaces: `(("" "/")) NIL NIL`, StrictUTF7: true, CaseInsensitive: true, Forbidden: `^"\`,
		Folders: []FolderDefault{
			{Name: "[Gmail]", NoSelect: true}, {Name: "[Gmail]/All Mail", Use: `\All`},
			{Name: "[Gmail]/Drafts", Use: `\Drafts`}, {Name: "[Gmail]/Sent Mail", Use: `\Sent`},
			{Name: "[Gmail]/Spam", Use: `\Junk`}, {Name: "[Gmail]/Starred", Use: `\Flagged`},
			{Name: "[Gmail]/Trash", Use: `\Trash`},
		},
	}
	p.Append = AppendRules{Limit: 35651584, MergeDuplicates: true, NUL: "BYE Invalid character in literal"}
	p.LoginFailed = "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
	p.Limits.TooMany = "NO [ALERT] Too many simultaneous connections. (Failure)"
	return p
}

// Minimal is IMAP4rev1 of RFC 3501 and nothing else.
func Minimal() Personality {
	return Personality{
		Name: "minimal", Greeting: "OK ready", Before: words("IMAP4rev1 STARTTLS AUTH=PLAIN"), After: words("IMAP4rev1"),
		Names:       NameRules{Delimiter: "/"},
		Flags:       FlagRules{Permanent: systemFlags(`\*`)},
		LoginFailed: "NO Login failed",
		Limits:      Limits{TooMany: "NO Too many connections (%d)"},
	}
}
