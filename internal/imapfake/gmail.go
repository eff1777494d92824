package imapfake

import (
	"cmp"
	"slices"
	"time"
)

// Gmail follows Gmail in American English: labels (X-GM-EXT-1), LITERAL-,
// CONDSTORE without QRESYNC, an announced size limit, and identical messages merged
// after they got a UID.
func Gmail() Personality { return GmailIn("en") }

// gmailNames are the folders of Gmail on the wire, by language: the root, then All
// Mail, Drafts, Sent Mail, Spam, Starred, Trash, Important and Chats.
var gmailNames = map[string][9]string{
	"en":    {"[Gmail]", "All Mail", "Drafts", "Sent Mail", "Spam", "Starred", "Trash", "Important", "Chats"},
	"en-GB": {"[Google Mail]", "All Mail", "Drafts", "Sent Mail", "Spam", "Starred", "Bin", "Important", "Chats"},
	"de":    {"[Google Mail]", "Alle Nachrichten", "Entw&APw-rfe", "Gesendet", "Spam", "Markiert", "Papierkorb", "Wichtig", "Chats"},
	"fr":    {"[Gmail]", "Tous les messages", "Brouillons", "Messages envoy&AOk-s", "Spam", "Suivis", "Corbeille", "Important", "Chats"},
}

// GmailIn is Gmail with its folders in a language: en, en-GB, de or fr.
func GmailIn(language string) Personality {
	p := Generic()
	p.Name, p.Greeting = "GImap", "OK Gimap ready for requests"
	p.Before = words("IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID X-GM-EXT-1 CHILDREN AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER SASL-IR")
	p.After = words(`IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID X-GM-EXT-1 CHILDREN UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE
		ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT`)
	names := gmailNames[language]
	p.Names = NameRules{
		Delimiter: "/", Namespaces: `(("" "/")) NIL NIL`, StrictUTF7: true, CaseInsensitive: true, Forbidden: `^"\`,
		Folders: []FolderDefault{{Name: names[0], NoSelect: true}},
	}
	for i, use := range []string{`\All`, `\Drafts`, `\Sent`, `\Junk`, `\Flagged`, `\Trash`, `\Important`} {
		p.Names.Folders = append(p.Names.Folders, FolderDefault{Name: names[0] + "/" + names[i+1], Use: use})
	}
	p.Names.Folders = append(p.Names.Folders, FolderDefault{Name: names[0] + "/" + names[8], Label: LabelChat})
	slices.SortFunc(p.Names.Folders, func(a, b FolderDefault) int { return cmp.Compare(a.Name, b.Name) })
	p.Append = AppendRules{Limit: 35651584, MergeDuplicates: true, NUL: "BYE Invalid character in literal"}
	p.Admin = AdminRules{} // a token for the user is the only way
	p.LoginFailed = "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"
	p.Limits.TooMany = "NO [ALERT] Too many simultaneous connections. (Failure)"
	return p
}

// Daily is what an account may move in 24 hours, counted from its first byte.
// Above it, commands and sign-ins are refused.
type Daily struct {
	// Down and Up are bytes on the wire, zero for any amount.
	Down, Up int64
	// Answer is the text of the refusal, Gmail's by default.
	Answer string
}

func (d *Daily) answer() string {
	return cmp.Or(d.Answer, "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)")
}

// day24 is what an account has moved since a moment.
type day24 struct {
	since    time.Time
	down, up int64
}

// spent reports whether the day's bytes are.
func (d *day24) spent(of *Daily, now time.Time) bool {
	const day = 24 * time.Hour
	if now.Sub(d.since) >= day {
		*d = day24{since: now}
	}
	return of.Down > 0 && d.down >= of.Down || of.Up > 0 && d.up >= of.Up
}

// daily counts what the line has moved, and ends a session whose account has
// nothing left of the day.
func (s *session) daily() error {
	limit := s.p.Limits.Daily
	if limit == nil || s.user == nil {
		return nil
	}
	in, out := s.line.tap.in.Load(), s.line.tap.out.Load()
	s.user.mu.Lock()
	s.user.day.up += in - s.countedIn
	s.user.day.down += out - s.countedOut
	spent := s.user.day.spent(limit, time.Now())
	s.user.mu.Unlock()
	s.countedIn, s.countedOut = in, out
	if !spent {
		return nil
	}
	s.then = func() error {
		s.write("* BYE ", limit.answer(), "\r\n")
		return errEnd
	}
	return no("%s", limit.answer())
}
