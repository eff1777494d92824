package dovecotrig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// capabilities is what Dovecot 2.3 announces after login with the plugins this
// rig loads. It is written out only to take names away from it: Dovecot can add
// to its own list but not remove.
const capabilities = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY " +
	"THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE " +
	"UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH " +
	"ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY " +
	"PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE"

// visible returns the announced capabilities without the hidden ones.
func visible(hidden []string) string {
	left := slices.DeleteFunc(strings.Fields(capabilities), func(name string) bool {
		return slices.ContainsFunc(hidden, func(h string) bool { return strings.EqualFold(h, name) })
	})
	return strings.Join(left, " ")
}

// config returns the configuration file of a server.
func config(m *rig.Mail, o Options, port, tlsPort int) string {
	var b strings.Builder
	dir := m.File("")
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("base_dir = %s/run", dir)
	line("state_dir = %s/state", dir)
	line("log_path = %s/dovecot.log", dir)
	line("instance_name = %s", instance(m))
	line("login_greeting = Dovecot ready (%s).", m.Token)
	line("protocols = imap")
	line("listen = 127.0.0.1")
	writeAuth(line, dir, o)
	writeServices(line, port, tlsPort)
	writeMail(line, o)
	line("ssl = yes\nssl_cert = <%s/server.pem\nssl_key = <%s/server.key", dir, dir)
	if len(o.Hide) > 0 {
		line("imap_capability = %s", visible(o.Hide))
	}
	b.WriteString(o.Extra)
	return b.String()
}

// instance is the name that a server's processes carry.
func instance(m *rig.Mail) string { return "rig-" + m.Token }

// writeAuth lets everybody in with one password and the master user as anybody.
func writeAuth(line func(string, ...any), dir string, o Options) {
	line("disable_plaintext_auth = no")
	line("auth_mechanisms = plain login")
	line("auth_username_chars =")
	line("auth_username_format = %%Lu")
	line("auth_failure_delay = 0")
	line("auth_master_user_separator = *")
	line("passdb {\n driver = passwd-file\n master = yes\n args = %s/master-users\n}", dir)
	line("passdb {\n driver = static\n args = password=%s\n}", o.Password)
	line("userdb {\n driver = static\n args = uid=mail gid=mail home=%s/mail/%%u\n}", dir)
	line("first_valid_uid = 1\nfirst_valid_gid = 1\nmail_access_groups =")
}

// writeServices opens the ports and lifts the limits that hurt a crowd of clients.
func writeServices(line func(string, ...any), port, tlsPort int) {
	line("default_process_limit = 2000\ndefault_client_limit = 4000\ndefault_vsz_limit = 2G")
	line("service imap-login {\n service_count = 0\n process_min_avail = 1\n process_limit = 4")
	line(" inet_listener imap {\n  port = %d\n }", port)
	line(" inet_listener imaps {\n  port = %d\n  ssl = yes\n }\n}", tlsPort)
	line("service imap {\n process_min_avail = 2\n}")
	line("service anvil {\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}")
}

// writeMail describes the storage, the namespace, the quota and the extensions.
func writeMail(line func(string, ...any), o Options) {
	line("mail_location = %s:~/%s", o.Format, o.Format)
	if o.Durable {
		line("mail_fsync = optimized")
	} else {
		line("mail_fsync = never")
	}
	plugins, imapPlugins := "", "imap_zlib"
	if o.QuotaBytes > 0 {
		plugins, imapPlugins = "quota", "imap_zlib imap_quota"
		line("plugin {\n quota = count:User quota\n quota_vsizes = yes")
		line(" quota_rule = *:bytes=%d\n quota_grace = 0\n}", o.QuotaBytes)
	}
	line("mail_plugins = %s", plugins)
	line("protocol imap {\n mail_plugins = $mail_plugins %s", imapPlugins)
	line(" mail_max_userip_connections = %d\n}", o.MaxUserIPConnections)
	line("namespace inbox {\n inbox = yes\n separator = %s\n prefix = %s", o.Separator, o.Prefix)
	for _, use := range []string{"Drafts", "Sent", "Junk", "Trash", "Archive"} {
		line(" mailbox %s {\n  special_use = \\%s\n  auto = %s\n }", use, use, o.SpecialUse)
	}
	line("}")
}
