package discover

import (
	"regexp"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// software is a make of server: how it shows, and how one signs in there. Each
// pattern may be missing.
type software struct {
	name string
	// id is looked for in the name and vendor that ID tells, greeting in the first
	// line; capability is announced by this make only.
	id, greeting *regexp.Regexp
	capability   string
	logins       []migration.LoginForm
	note         string
}

func like(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

func forms(more ...migration.LoginForm) []migration.LoginForm {
	return append([]migration.LoginForm{migration.LoginUser}, more...)
}

// What one must know about some makes.
const (
	noteDovecot  = "A master user must be set up in Dovecot first (auth_master_user_separator, often *)."
	noteCyrus    = "The administrator must be among admins or proxyservers of imapd.conf."
	noteKerio    = "The master password must be switched on in Kerio's administration."
	noteExchange = "The administrator needs full access to each mailbox (Add-MailboxPermission)."
)

// makes are the makes of servers, as greetings, ID and capabilities show them
// (2026-11). The first that fits counts, so a make that holds another's name comes
// before that other one.
var makes = []software{
	{"Gmail", like(`gimap|google`), like(`^gimap ready`), "X-GM-EXT-1", forms(migration.LoginGoogle), ""},
	{"Exchange", like(`microsoft\.exchange|microsoft exchange`), like(`microsoft exchange`), "", forms(migration.LoginExchange), noteExchange},
	{"Zimbra", like(`zimbra`), like(`zimbra`), "", forms(migration.LoginAuthzid), ""},
	{"Kerio Connect", like(`kerio`), like(`kerio`), "", forms(migration.LoginKerio), noteKerio},
	{"Mirapoint", like(`mirapoint`), like(`mirapoint`), "", forms(migration.LoginMirapoint), ""},
	{"Oracle Messaging Server", like(`oracle|sun java|sun microsystems|iplanet`), like(`oracle communications|sun (java|one|internet)|iplanet messaging|netscape messaging|messaging multiplexor`), "X-SUN-IMAP", forms(migration.LoginProxyAuth, migration.LoginUserRoot), ""},
	{"Domino", like(`domino`), like(`domino imap4`), "", forms(), "Domino has no sign-in for an administrator: each mailbox needs its own password."},
	{"MDaemon", like(`mdaemon`), like(`\bmdaemon\b`), "", forms(), ""},
	{"hMailServer", like(`hmailserver`), like(`hmailserver|^imaprev1$`), "", forms(), ""},
	{"iCloud", like(`icloud|apple`), like(`icloud`), "XAPPLELITERAL", forms(), ""},
	{"Yahoo", like(`yahoo`), like(`yahoo|imapgate-`), "XYMHIGHESTMODSEQ", forms(), ""},
	{"Zoho Mail", like(`zoho`), like(`zoho mail`), "", forms(), ""},
	{"Yandex", like(`yandex`), like(`yandex imap`), "", forms(), ""},
	{"Proton Mail Bridge", like(`proton ?mail|gluon`), like(`proton ?mail`), "XSTOP", forms(), ""},
	{"DavMail", like(`davmail`), like(`davmail`), "", forms(), "DavMail is a gateway to Exchange: the mail is better fetched from Exchange itself."},
	{"GroupWise", like(`groupwise`), like(`groupwise`), "", forms(), ""},
	{"CommuniGate Pro", like(`communigate`), like(`communigate pro`), "", forms(), ""},
	{"MailEnable", like(`mailenable`), like(`mailenable`), "", forms(), ""},
	{"SmarterMail", like(`smartermail`), like(`smartermail`), "", forms(), ""},
	{"IceWarp", like(`icewarp|merak`), like(`icewarp`), "", forms(), ""},
	{"Axigen", like(`axigen`), like(`axigen`), "", forms(), ""},
	{"SurgeMail", like(`surgemail`), like(`surgemail`), "SURGEMAIL", forms(), ""},
	{"FirstClass", nil, like(`firstclass imap`), "", forms(), ""},
	{"Apache James", like(`james`), like(`james imap4rev1`), "", forms(migration.LoginAuthzid), ""},
	{"Stalwart", like(`stalwart`), like(`stalwart`), "", forms(), ""},
	{"Courier", like(`courier`), like(`courier-imap`), "", forms(migration.LoginUserRoot), ""},
	{"Cyrus IMAP", like(`cyrus`), like(`cyrus imap`), "", forms(migration.LoginAuthzid), noteCyrus},
	{"Dovecot", like(`dovecot`), like(`\bdovecot\b`), "", forms(migration.LoginMaster), noteDovecot},
	{"UW IMAP", like(`uw-?imap|university of washington`), like(`imap4rev1 (19|20)\d\d[a-z]?\.\d+ at `), "", forms(migration.LoginMaster), ""},
}

// recognise finds the make of a server, nil when it is not known. What the server
// says by ID counts more than its greeting, which administrators change, and that
// more than its capabilities, which makes share.
func recognise(seen Seen) *software {
	id := strings.TrimSpace(seen.ID["name"] + " " + seen.ID["vendor"])
	for i := range makes {
		if id != "" && makes[i].id != nil && makes[i].id.MatchString(id) {
			return &makes[i]
		}
	}
	for i := range makes {
		if makes[i].greeting != nil && makes[i].greeting.MatchString(seen.Greeting) {
			return &makes[i]
		}
	}
	for i := range makes {
		for _, word := range seen.Capabilities {
			if makes[i].capability != "" && strings.EqualFold(makes[i].capability, word) {
				return &makes[i]
			}
		}
	}
	return nil
}
