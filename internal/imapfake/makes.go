package imapfake

import "slices"

// UWIMAP follows UW IMAP 2007e over mailboxes in one file each: "user*admin" in
// LOGIN, the authorisation identity in PLAIN.
func UWIMAP() Personality {
	p := Minimal()
	p.Name, p.Greeting = "UW IMAP", "OK $CAPABILITY IMAP4rev1 2007e.404 ready"
	p.Before = words("IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR LOGIN-REFERRALS STARTTLS AUTH=LOGIN AUTH=PLAIN")
	p.After = words(`IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR IDLE UIDPLUS NAMESPACE CHILDREN MAILBOX-REFERRALS BINARY UNSELECT
		ESEARCH WITHIN MULTIAPPEND`)
	p.CapabilityAtLogin = true
	p.Names.Namespaces = `(("" "/")("#mhinbox" NIL)("#mh/" "/")) (("~" "/")) (("#shared/" "/")("#public/" "/"))`
	p.LoginFailed = "NO $COMMAND failed"
	p.Admin = AdminRules{Names: []string{"{user}*{admin}"}, Authzid: true}
	return p
}

// Zimbra follows Zimbra 8.8: administrators by the authorisation identity of
// PLAIN, and one answer to whatever is wrong with it.
func Zimbra() Personality {
	p := Generic()
	p.Name, p.Greeting = "Zimbra", "OK mail.example.com Zimbra IMAP4rev1 server ready"
	p.Before = words(`IMAP4rev1 BINARY CHILDREN CONDSTORE ENABLE ESEARCH ID IDLE LIST-EXTENDED LITERAL+ LOGIN-REFERRALS MULTIAPPEND
		NAMESPACE QRESYNC QUOTA SASL-IR UIDPLUS UNSELECT WITHIN AUTH=PLAIN STARTTLS`)
	p.After = words(`IMAP4rev1 BINARY CHILDREN CONDSTORE ENABLE ESEARCH ID IDLE LIST-EXTENDED LITERAL+ LOGIN-REFERRALS MULTIAPPEND
		NAMESPACE QRESYNC QUOTA SASL-IR UIDPLUS UNSELECT WITHIN`)
	p.Names = NameRules{
		Delimiter: "/", Namespaces: `(("" "/")) (("/home/" "/")) NIL`, CaseInsensitive: true, StrictUTF7: true,
		Folders: []FolderDefault{
			{Name: "Chats"}, {Name: "Contacts"}, {Name: "Drafts"}, {Name: "Emailed Contacts"}, {Name: "Junk"}, {Name: "Sent"}, {Name: "Trash"},
		},
	}
	p.LoginFailed = "NO $COMMAND failed"
	p.Admin = AdminRules{Authzid: true, Aliases: true}
	return p
}

// Mirapoint follows Mirapoint's message servers: "#user@domain#admin#" in LOGIN
// and PLAIN. The texts of its refusals are not public; these are plain ones.
func Mirapoint() Personality {
	p := Minimal()
	p.Name, p.Greeting = "Mirapoint", "OK mail.example.com Mirapoint IMAP4 server ready"
	p.Before = words("IMAP4 IMAP4rev1 LITERAL+ NAMESPACE UIDPLUS CHILDREN IDLE STARTTLS AUTH=PLAIN")
	p.After = words("IMAP4 IMAP4rev1 LITERAL+ NAMESPACE UIDPLUS CHILDREN IDLE QUOTA")
	p.Names.Namespaces = `(("" "/")) (("user/" "/")) (("" "/"))`
	p.LoginFailed = "NO Login failed: authentication failure"
	p.Admin = AdminRules{
		Names:  []string{"#{user}#{admin}#"},
		NoUser: "NO Login failed: no such user", NoRight: "NO Login failed: permission denied",
	}
	return p
}

// OracleMessaging follows Sun's, iPlanet's and Oracle's messaging servers: an
// administrator signs in as himself, and goes on as someone else by PROXYAUTH,
// or reads the folders of others below user/. The texts of its refusals are not
// public; these are plain ones.
func OracleMessaging() Personality {
	p := Minimal()
	p.Name = "Oracle Communications Messaging Server"
	p.Greeting = "OK $CAPABILITY Messaging Server 8.0"
	p.After = words(`IMAP4 IMAP4rev1 ACL QUOTA LITERAL+ NAMESPACE UIDPLUS CHILDREN BINARY UNSELECT LANGUAGE IDLE XSENDER X-NETSCAPE
		XSERVERINFO X-SUN-SORT X-SUN-IMAP X-ANNOTATEMORE X-UNAUTHENTICATE XUM1`)
	p.Before = append(slices.Clone(p.After), "STARTTLS", "AUTH=PLAIN")
	p.Names.Namespaces = `(("" "/")) (("user/" "/")) (("Shared Folders/" "/"))`
	p.LoginFailed = "NO [AUTHENTICATIONFAILED] Authentication failed"
	p.Admin = AdminRules{
		ProxyAuth: true, Shared: "user/",
		NoUser: "NO [NONEXISTENT] No such user", NoRight: "NO [NOPERM] Permission denied",
	}
	return p
}

// Kerio follows Kerio Connect 8 and 9: X-MASTERAUTH with the master password of
// the server, then X-SETUSER. The texts of its refusals are not public; these
// are plain ones.
func Kerio() Personality {
	p := Minimal()
	p.Name, p.Greeting = "Kerio Connect", "OK Kerio Connect 9.2.1 IMAP4rev1 server ready"
	p.Before = words("IMAP4rev1 LITERAL+ NAMESPACE CHILDREN UIDPLUS IDLE UNSELECT STARTTLS AUTH=PLAIN AUTH=LOGIN")
	p.After = words("IMAP4rev1 LITERAL+ NAMESPACE CHILDREN UIDPLUS IDLE UNSELECT QUOTA")
	p.Names.Namespaces = `(("" "/")) (("~" "/")) (("#public/" "/"))`
	p.LoginFailed = "NO $COMMAND failed"
	p.Admin = AdminRules{
		MasterAuth: true, Aliases: true, WrongAdmin: "NO X-MASTERAUTH Authentication failed",
		NoUser: "NO X-SETUSER User doesn't exist", NoRight: "NO X-SETUSER Access denied",
	}
	return p
}
