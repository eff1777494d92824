package imapfake

import (
	"slices"
	"strings"
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
		Admin:       AdminRules{Names: []string{"{user}*{admin}"}, Authzid: true},
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
	denied := "NO [AUTHORIZATIONFAILED] Authorization failed"
	p.Admin.NoUser, p.Admin.NoRight = denied, denied
	return p
}

// Cyrus follows Cyrus IMAP 3.6 with unixhierarchysep. It refuses NUL, bare LF
// and 8-bit bytes in headers. It does not look whether there is the user whom an
// administrator names: who is not there has no folders.
func Cyrus() Personality {
	p := Generic()
	p.Name, p.Greeting = "Cyrus IMAP", "OK $CAPABILITY server ready"
	p.Before = words("IMAP4rev1 LITERAL+ ID ENABLE STARTTLS AUTH=PLAIN AUTH=LOGIN SASL-IR")
	p.After = words(`IMAP4rev1 LITERAL+ ID ENABLE CHILDREN NAMESPACE UIDPLUS UNSELECT MULTIAPPEND BINARY WITHIN QRESYNC
		CONDSTORE ESEARCH STATUS=SIZE LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE MOVE IDLE
		SASL-IR COMPRESS=DEFLATE QUOTA`)
	p.LoginFailed = "NO authentication failure"
	p.Admin = AdminRules{Authzid: true, NoRight: "NO authorization failure", NobodySignsIn: true}
	p.Names.MaxLength = 490
	p.Append.NUL = "NO Message contains NUL characters"
	p.Append.BareLF = "NO Message contains bare newlines"
	p.Append.EightBitHeader = "NO Message contains non-ASCII characters in headers"
	return p
}

// Courier follows Courier-IMAP 5.0: no LITERAL+, no UIDNEXT on SELECT, the
// prefix INBOX., and messages that are stored with the last byte of the
// literal, before the command has ended. An administrator sees the folders of
// others below #shared.
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
		Admin:       AdminRules{Shared: "#shared.", SharedAlone: true},
		Limits:      Limits{Line: 16384, TooMany: "NO Maximum connection limit reached for %d connections."},
	}
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
