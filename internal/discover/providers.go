package discover

import "github.com/mailhaul/mailhaul/internal/migration"

// asOf is when the table of providers was last gone through.
const asOf = "2026-11"

// What several providers have in common.
const (
	noteApp       = "It wants an app password, which each person makes in the account's security settings."
	noteSwitchOn  = "Each person must switch IMAP on in the settings of the account first."
	noteBoth      = "Each person must switch IMAP on in the settings of the account, and make an app password."
	noteOffice365 = "Passwords are refused. Register an app in the tenant's directory with the permission IMAP.AccessAsApp, and give it access to the mailboxes."
	noteGoogle    = "IMAP gives at most 2,500 MB a day for each mailbox."
)

var (
	own       = []migration.LoginForm{migration.LoginUser}
	workspace = []migration.LoginForm{migration.LoginGoogle, migration.LoginUser}
	app       = []migration.LoginForm{migration.LoginOffice365}
)

// providers are the known providers. The first that fits counts; of one server that
// serves companies and persons, the companies come first.
var providers = []provider{
	{name: "Google Workspace", mx: []string{"google.com", "googlemail.com", "psmtp.com"}, host: "imap.gmail.com", logins: workspace,
		note: "With single passwords, each person needs an app password. " + noteGoogle},
	{name: "Gmail", domains: []string{"gmail.com", "googlemail.com"}, host: "imap.gmail.com", logins: own, note: noteApp + " " + noteGoogle},

	{name: "Microsoft 365 of the US Department of Defense", alias: []string{"autodiscover-dod.office365.us"}, host: "outlook-dod.office365.us", logins: app, note: noteOffice365},
	{name: "Microsoft 365 GCC High", mx: []string{"mail.protection.office365.us"}, alias: []string{"autodiscover.office365.us"}, tenants: []string{"onmicrosoft.us"}, host: "outlook.office365.us", logins: app,
		note: noteOffice365 + " A tenant of the Department of Defense is at outlook-dod.office365.us."},
	{name: "Microsoft 365 operated by 21Vianet", mx: []string{"mail.protection.partner.outlook.cn"}, alias: []string{"partner.outlook.cn"}, tenants: []string{"partner.onmschina.cn"}, host: "partner.outlook.cn", logins: app, note: noteOffice365},
	{name: "Microsoft 365", mx: []string{"mail.protection.outlook.com", "mx.microsoft"}, alias: []string{"outlook.com", "office.com", "office365.com"}, tenants: []string{"onmicrosoft.com"}, host: "outlook.office365.com", logins: app, note: noteOffice365},
	{name: "Outlook.com", domains: []string{"outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "outlook.fr", "outlook.es", "outlook.it", "hotmail.co.uk", "hotmail.de",
		"hotmail.fr", "hotmail.it", "hotmail.es", "live.co.uk", "live.de", "live.fr", "live.it", "live.nl"}, mx: []string{"olc.protection.outlook.com"},
		host: "outlook.office365.com", note: "Since September 2024 personal accounts sign in by OAuth of the person only, which mailhaul does not have."},

	{name: "iCloud Mail", domains: []string{"icloud.com", "me.com", "mac.com"}, mx: []string{"mail.icloud.com"}, host: "imap.mail.me.com", logins: own,
		note: noteApp + " With a domain of one's own, the user name is that of the iCloud address."},
	{name: "AOL Mail", domains: []string{"aol.com", "aim.com"}, mx: []string{"mx-aol.mail.gm0.yahoodns.net"}, host: "imap.aol.com", logins: own, note: noteApp},
	{name: "Yahoo Mail", domains: []string{"yahoo.com", "ymail.com", "rocketmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.com.br", "yahoo.co.in"},
		mx: []string{"yahoodns.net"}, host: "imap.mail.yahoo.com", logins: own, note: noteApp},

	{name: "GMX", domains: []string{"gmx.de", "gmx.net", "gmx.at", "gmx.ch"}, mx: []string{"gmx.net"}, host: "imap.gmx.net", logins: own, note: noteSwitchOn},
	{name: "GMX", domains: []string{"gmx.com", "gmx.us", "gmx.co.uk"}, host: "imap.gmx.com", logins: own, note: noteSwitchOn},
	{name: "mail.com", domains: []string{"mail.com"}, host: "imap.mail.com", logins: own, note: noteSwitchOn},
	{name: "WEB.DE", domains: []string{"web.de"}, mx: []string{"web.de"}, host: "imap.web.de", logins: own, note: noteSwitchOn},
	{name: "T-Online", domains: []string{"t-online.de", "magenta.de"}, host: "secureimap.t-online.de", logins: own, note: "It wants the password for e-mail programs, not that of the account."},
	{name: "freenet", domains: []string{"freenet.de"}, host: "mx.freenet.de", logins: own, note: noteSwitchOn},
	{name: "Posteo", domains: []string{"posteo.de", "posteo.net", "posteo.eu"}, mx: []string{"posteo.de"}, host: "posteo.de", logins: own},
	{name: "mailbox.org", domains: []string{"mailbox.org"}, mx: []string{"mailbox.org"}, host: "imap.mailbox.org", logins: own},
	{name: "IONOS", mx: []string{"kundenserver.de", "ionos.de"}, host: "imap.ionos.de", logins: own},
	{name: "IONOS", mx: []string{"ionos.com", "perfora.net", "1and1.com"}, host: "imap.ionos.com", logins: own},
	{name: "IONOS", mx: []string{"ionos.co.uk", "1and1.co.uk"}, host: "imap.ionos.co.uk", logins: own},
	{name: "IONOS", mx: []string{"ionos.fr", "1and1.fr"}, host: "imap.ionos.fr", logins: own},
	{name: "IONOS", mx: []string{"ionos.es", "1and1.es"}, host: "imap.ionos.es", logins: own},
	{name: "IONOS", mx: []string{"ionos.it"}, host: "imap.ionos.it", logins: own},
	{name: "Strato", mx: []string{"rzone.de"}, host: "imap.strato.de", logins: own},
	{name: "Hetzner", mx: []string{"your-server.de"}, host: "mail.your-server.de", logins: own},

	{name: "OVHcloud", mx: []string{"mail.ovh.net", "mail.ovh.ca"}, host: "ssl0.ovh.net", logins: own,
		note: "That is the server of MX Plan; Email Pro and hosted Exchange have others, such as pro1.mail.ovh.net and ex1.mail.ovh.net, which the customer's panel names."},
	{name: "Gandi", mx: []string{"mail.gandi.net"}, host: "mail.gandi.net", logins: own},
	{name: "Infomaniak", mx: []string{"infomaniak.ch"}, host: "mail.infomaniak.com", logins: own},
	{name: "Orange", domains: []string{"orange.fr", "wanadoo.fr"}, host: "imap.orange.fr", logins: own},
	{name: "Free", domains: []string{"free.fr"}, host: "imap.free.fr", logins: own},
	{name: "Fastmail", domains: []string{"fastmail.com", "fastmail.fm"}, mx: []string{"messagingengine.com"}, host: "imap.fastmail.com", logins: own, note: noteApp},
	{name: "Zoho Mail", domains: []string{"zoho.com", "zohomail.com"}, host: "imap.zoho.com", logins: own, note: noteSwitchOn},
	{name: "Zoho Mail", domains: []string{"zoho.eu", "zohomail.eu"}, host: "imap.zoho.eu", logins: own, note: noteSwitchOn},
	{name: "Zoho Mail", mx: []string{"zoho.com"}, host: "imappro.zoho.com", logins: own, note: noteSwitchOn},
	{name: "Zoho Mail", mx: []string{"zoho.eu"}, host: "imappro.zoho.eu", logins: own, note: noteSwitchOn},
	{name: "Zoho Mail", mx: []string{"zoho.in"}, host: "imappro.zoho.in", logins: own, note: noteSwitchOn},
	{name: "Yandex", domains: []string{"yandex.ru", "yandex.com", "ya.ru"}, mx: []string{"yandex.ru", "yandex.net"}, host: "imap.yandex.com", logins: own, note: noteBoth},
	{name: "Mail.ru", domains: []string{"mail.ru", "inbox.ru", "list.ru", "bk.ru"}, mx: []string{"mail.ru"}, host: "imap.mail.ru", logins: own, note: noteApp},
	{name: "Seznam", domains: []string{"seznam.cz", "email.cz"}, mx: []string{"seznam.cz"}, host: "imap.seznam.cz", logins: own},
	{name: "Tencent QQ Mail", domains: []string{"qq.com", "foxmail.com"}, host: "imap.qq.com", logins: own, note: "It wants an authorisation code instead of the password."},
	{name: "Rackspace Email", mx: []string{"emailsrvr.com"}, host: "secure.emailsrvr.com", logins: own},
	{name: "GoDaddy", mx: []string{"secureserver.net"}, host: "imap.secureserver.net", logins: own},
	{name: "Namecheap Private Email", mx: []string{"privateemail.com"}, host: "mail.privateemail.com", logins: own},
	{name: "Hostinger", mx: []string{"hostinger.com"}, host: "imap.hostinger.com", logins: own},
	{name: "Titan", mx: []string{"titan.email"}, host: "imap.titan.email", logins: own},
	{name: "Migadu", mx: []string{"migadu.com"}, host: "imap.migadu.com", logins: own},

	{name: "Proton Mail", domains: []string{"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}, mx: []string{"protonmail.ch"},
		note: "Proton Mail has no IMAP server: only Proton Mail Bridge, on the person's own computer, speaks IMAP, with a password that it shows. Run mailhaul copy there."},
	{name: "Tuta", domains: []string{"tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de", "keemail.me"}, mx: []string{"tutanota.de"},
		note: "Tuta has no IMAP: its own program can export messages, and that is the only way out."},
	{name: "HEY", domains: []string{"hey.com"}, note: "HEY has no IMAP: it lets people export their mail as a file."},
}
