package imapsync

import (
	"fmt"
	"slices"
	"strings"
)

// Fate is what becomes of an option.
type Fate string

// The fates of options.
const (
	// Becomes is an option with a counterpart.
	Becomes Fate = "becomes"
	// Always is what is done without being asked for.
	Always Fate = "always"
	// Unneeded is an option about something that there is not here.
	Unneeded Fate = "unneeded"
	// Without is an option whose effect is not to be had.
	Without Fate = "without"
)

// Option is one option of imapsync.
type Option struct {
	// Name has no dashes, and no 1 or 2 where Sided.
	Name string
	// Sided options are two, for host1 and host2.
	Sided bool
	// Value says that it takes one.
	Value bool
	Fate  Fate
	// Text says what it becomes, or why it is not needed, or what to do instead.
	Text string
}

// Options lists every option that is known, in the order of imapsync's own
// documentation.
func Options() []Option {
	return slices.Concat(accountOptions(), folderOptions(), messageOptions(), deletionOptions(), runOptions())
}

const (
	byRefusal = "mailhaul deletes nothing that it did not make twice itself; delete it with the server's own tools when the migration is over"
	byRegex   = "no message is altered on its way, which is what makes a copy provable"
	byPass    = "the answers of the servers tell; there is nothing to be set"
)

func accountOptions() []Option {
	return []Option{
		{"host", true, true, Becomes, "the host in the URL of --source and --target, or of endpoint create"},
		{"port", true, true, Becomes, "the port in the URL"},
		{"user", true, true, Becomes, "the user in the URL, or UserName and TargetUserName of a migration file"},
		{"password", true, true, Becomes, "--source-password-file and --target-password-file, MAILHAUL_SOURCE_PASSWORD and MAILHAUL_TARGET_PASSWORD, or columns of a migration file; never an argument"},
		{"passfile", true, true, Becomes, "--source-password-file and --target-password-file"},
		{"showpasswords", false, false, Without, "passwords are never shown"},
		{"ssl", true, false, Becomes, "imaps:// in the URL"},
		{"tls", true, false, Becomes, "imap:// in the URL; STARTTLS is then required"},
		{"nossl", true, false, Becomes, "imap:// in the URL; STARTTLS is then required"},
		{"notls", true, false, Becomes, "with nossl imap+plain:// and --allow-cleartext; else imaps://"},
		{"sslargs", true, true, Without, "certificates are always verified; trust your own authority with --source-ca and --target-ca, one key with --source-pin and --target-pin, and an old TLS with endpoint create --min-tls"},
		{"debugssl", false, true, Unneeded, "endpoint test says step by step what is wrong with TLS"},
		{"authmech", true, true, Unneeded, "the best way to sign in that the server offers is taken, CRAM-MD5, DIGEST-MD5 and NTLM not among them: over TLS they protect nothing more"},
		{"authuser", true, true, Becomes, "endpoint create --login authzid --admin-user; other forms fit other servers"},
		{"proxyauth", true, false, Becomes, "endpoint create --login proxyauth --admin-user"},
		{"authmd5", true, false, Unneeded, "the password goes over verified TLS only"},
		{"domain", true, true, Without, "NTLM is not spoken; sign in with a password over TLS"},
		{"oauthaccesstoken", true, true, Becomes, "endpoint create --type office365 or --type gmail, which get tokens for every mailbox and renew them"},
		{"oauthdirect", true, true, Becomes, "endpoint create --type office365 or --type gmail, which get tokens for every mailbox and renew them"},
		{"gmail", true, false, Becomes, "the host imap.gmail.com; labels and limits are known (docs/gmail.md)"},
		{"office", true, false, Becomes, "endpoint create --type office365 (docs/office365.md)"},
		{"exchange", true, false, Always, "Exchange is recognised, and what it refuses is repaired"},
		{"domino", true, false, Unneeded, "messages are told by their bytes; a target that alters them is calibrated with endpoint calibrate"},
	}
}

func folderOptions() []Option {
	return []Option{
		{"folder", false, true, Becomes, "--include, which also takes all below it"},
		{"folderrec", false, true, Becomes, "--include"},
		{"folderfirst", false, true, Unneeded, "folders are copied side by side"},
		{"folderlast", false, true, Unneeded, "folders are copied side by side"},
		{"nomixfolders", false, false, Always, "folders that the target cannot tell apart get a name of their own, which is a finding; none is left out"},
		{"skipemptyfolders", false, false, Without, "empty folders are made too"},
		{"include", false, true, Becomes, "--include, which takes names instead of regular expressions"},
		{"exclude", false, true, Becomes, "--exclude, which takes names instead of regular expressions"},
		{"automap", false, false, Always, "sent, draft, deleted, junk and archived mail finds the target's folders, by their marks or their names in 28 languages"},
		{"f1f2", false, true, Without, "folders keep their names, but for the default ones, which --source-default-folder and --target-default-folder name"},
		{"subfolder1", false, true, Becomes, "--source-root, or the column UserRoot"},
		{"subfolder2", false, true, Without, "folders keep their places; move them at the target afterwards"},
		{"subscribed", false, false, Without, "all folders are copied, subscribed or not; leave some out with --exclude"},
		{"subscribe", false, false, Always, "folders that are subscribed at the source are subscribed at the target"},
		{"subscribeall", false, false, Without, "only what is subscribed at the source is subscribed at the target"},
		{"prefix", true, true, Unneeded, "servers tell theirs (NAMESPACE), and the prefix is exchanged"},
		{"sep", true, true, Unneeded, "servers tell their delimiter"},
		{"regextrans2", false, true, Without, "folders keep their names, but for the default ones, which --source-default-folder and --target-default-folder name"},
		{"nofoldersizes", false, false, Unneeded, "nothing is counted beforehand"},
		{"nofoldersizesatend", false, false, Unneeded, "nothing is counted afterwards; verify compares"},
		{"justfoldersizes", false, false, Becomes, "copy --dry-run"},
		{"justfolders", false, false, Becomes, "copy --dry-run, which shows the folders and makes none"},
		{"checkselectable", false, false, Always, "folders that hold no messages are known as such"},
		{"checkfoldersexist", false, false, Always, "the target is asked for its folders once"},
	}
}

func messageOptions() []Option {
	return []Option{
		{"skipmess", false, true, Without, "each message is copied"},
		{"skipcrossduplicates", false, false, Becomes, "for Gmail --labels one, which is the default; elsewhere a message in two folders is two messages"},
		{"debugcrossduplicates", false, false, Unneeded, "verify lists what differs"},
		{"pipemess", false, true, Without, byRegex},
		{"disarmreadreceipts", false, false, Without, byRegex},
		{"regexmess", false, true, Without, byRegex},
		{"truncmess", false, true, Without, byRegex + "; what is too large for the target is left out and told"},
		{"addheader", false, false, Unneeded, "messages are told by their bytes, so one without a header is as good as any"},
		{"synclabels", false, false, Becomes, "--labels, for a source at Gmail (docs/gmail.md)"},
		{"resynclabels", false, false, Becomes, "--labels, for a source at Gmail (docs/gmail.md)"},
		{"regexflag", false, true, Without, "flags are carried over as they are; what a target does not take is a finding"},
		{"flagscase", false, false, Unneeded, "flags are compared without case"},
		{"resyncflags", false, false, Always, "flags that changed at the source since the last pass are carried over; those changed at the target stay"},
		{"noresyncflags", false, false, Without, "flags that changed at the source are carried over; those changed at the target stay"},
		{"filterbuggyflags", false, false, Always, "flags that no server takes are left out, which is a finding"},
		{"syncinternaldates", false, false, Always, "each message keeps its date of arrival"},
		{"idatefromheader", false, false, Without, "each message keeps its date of arrival"},
		{"maxsize", false, true, Without, "every size is copied; what the target refuses is left out and told"},
		{"minsize", false, true, Without, "every size is copied"},
		{"maxage", false, true, Becomes, "batch create --received-from; a moment, not a number of days"},
		{"minage", false, true, Becomes, "batch create --received-before; a moment, not a number of days"},
		{"search", false, true, Without, "messages are chosen by folder, and in batches by their date of arrival, alone"},
		{"search1", false, true, Without, "messages are chosen by folder, and in batches by their date of arrival, alone"},
		{"search2", false, true, Unneeded, "the target is not searched; the ledger knows what is there"},
		{"noabletosearch", false, false, Always, "--received-from and --received-before go by the date of arrival"},
		{"noabletosearch1", false, false, Always, "--received-from and --received-before go by the date of arrival"},
		{"noabletosearch2", false, false, Always, "--received-from and --received-before go by the date of arrival"},
		{"maxlinelength", false, true, Without, "lines of every length are copied; what the target refuses is repaired or told"},
		{"useheader", false, true, Unneeded, "messages are told by the ledger, and without it by their bytes and date"},
		{"skipheader", false, true, Unneeded, "messages are told by the ledger, and without it by their bytes and date"},
		{"skipsize", false, false, Unneeded, "messages are told by the ledger, and without it by their bytes and date"},
		{"allowsizemismatch", false, false, Always, "sizes that a server tells wrongly are noticed and not gone by"},
		{"syncduplicates", false, false, Always, "equal messages are each copied, as often as they are at the source"},
		{"usecache", false, false, Always, "the ledger remembers what was copied"},
		{"nousecache", false, false, Without, "the ledger is what keeps copies single"},
		{"useuid", false, false, Always, "the ledger goes by UIDVALIDITY and UID"},
		{"syncacls", false, false, Without, "rights are not copied; set them with the target's own tools"},
		{"nosyncacls", false, false, Always, "rights are not copied"},
	}
}

func deletionOptions() []Option {
	return []Option{
		{"delete", false, false, Without, byRefusal},
		{"delete1", false, false, Without, byRefusal},
		{"delete1emptyfolders", false, false, Without, byRefusal},
		{"delete2", false, false, Without, byRefusal},
		{"delete2duplicates", false, false, Without, byRefusal + "; verify names messages that the target has twice"},
		{"delete2folders", false, false, Without, byRefusal},
		{"delete2foldersonly", false, true, Without, byRefusal},
		{"delete2foldersbutnot", false, true, Without, byRefusal},
		{"expunge", false, false, Without, byRefusal},
		{"expunge1", false, false, Without, byRefusal},
		{"expunge2", false, false, Without, byRefusal},
		{"uidexpunge2", false, false, Without, byRefusal},
		{"noexpunge", false, false, Always, "nothing is expunged"},
		{"noexpunge1", false, false, Always, "nothing is expunged"},
		{"noexpunge2", false, false, Always, "nothing is expunged"},
		{"noexpungeaftereach", false, false, Always, "nothing is expunged"},
		{"nouidexpunge2", false, false, Always, "nothing is expunged"},
	}
}

func runOptions() []Option {
	return []Option{
		{"dry", false, false, Becomes, "copy --dry-run; of a batch, batch preflight"},
		{"justconnect", false, false, Becomes, "endpoint test"},
		{"justbanner", false, false, Becomes, "endpoint test"},
		{"justlogin", false, false, Becomes, "endpoint test"},
		{"tmpdir", false, true, Unneeded, "nothing is put down but the ledger (--ledger)"},
		{"pidfile", false, true, Unneeded, "the ledger keeps a second run out"},
		{"pidfilelocking", false, false, Always, "the ledger keeps a second run out"},
		{"abort", false, false, Unneeded, "Ctrl-C or SIGTERM ends a run, and the next one goes on where it was"},
		{"nolog", false, false, Unneeded, "there is no log file unless --trace or --report names one"},
		{"logfile", false, true, Becomes, "--report DIR for what was done, --trace FILE for what was said on the line"},
		{"logdir", false, true, Becomes, "--report DIR for what was done"},
		{"debug", false, false, Becomes, "--trace FILE"},
		{"debugfolders", false, false, Becomes, "--trace FILE"},
		{"debugcontent", false, false, Without, "a trace holds no messages"},
		{"debugflags", false, false, Becomes, "--trace FILE"},
		{"debugimap", false, false, Becomes, "--trace FILE"},
		{"debugimap1", false, false, Becomes, "--trace FILE"},
		{"debugimap2", false, false, Becomes, "--trace FILE"},
		{"debugmemory", false, false, Unneeded, "memory is bounded"},
		{"errorsmax", false, true, Unneeded, "a message that cannot be copied is told and the others go on"},
		{"noerrorsdump", false, false, Unneeded, "each error is told once"},
		{"errorsdump", false, false, Unneeded, "each error is told once"},
		{"timeout", true, true, Unneeded, byPass},
		{"keepalive", true, false, Always, "idle lines are kept alive"},
		{"nokeepalive", true, false, Unneeded, byPass},
		{"reconnectretry", true, true, Always, "a lost line is made again, and what was in doubt is looked for before it is sent again"},
		{"split", true, true, Unneeded, byPass},
		{"buffersize", false, true, Unneeded, byPass},
		{"fast", false, false, Always, "messages are pipelined"},
		{"fastio", true, false, Always, "messages are pipelined"},
		{"nofastio", true, false, Unneeded, byPass},
		{"compress", true, false, Becomes, "--source-compress and --target-compress"},
		{"maxmessagespersecond", false, true, Becomes, "endpoint create --messages-per-second"},
		{"maxbytespersecond", false, true, Becomes, "endpoint create --bytes-per-second"},
		{"maxbytesafter", false, true, Without, "a ceiling counts from the first byte"},
		{"maxsleep", false, true, Unneeded, "pauses are as long as servers ask for"},
		{"exitwhenover", false, true, Becomes, "--source-day-budget, which ends a run at so many bytes in 24 hours and goes on by itself later"},
		{"noid", false, false, Without, "ID is sent where the server offers it, with the name of this program only"},
		{"id", false, false, Unneeded, byPass},
		{"inet4", false, false, Unneeded, "both kinds of addresses are tried"},
		{"inet6", false, false, Unneeded, "both kinds of addresses are tried"},
		{"emailreport", true, false, Becomes, "batch create --notify ADDRESS, and --report DIR"},
		{"noemailreport", true, false, Always, "no report is put into anybody's INBOX"},
		{"releasecheck", false, false, Unneeded, "nobody is asked for releases"},
		{"noreleasecheck", false, false, Always, "nobody is asked for releases"},
		{"modulesversion", false, false, Unneeded, "version tells"},
		{"nomodulesversion", false, false, Unneeded, "version tells"},
		{"version", false, false, Becomes, "version"},
		{"help", false, false, Becomes, "--help"},
		{"simulong", false, true, Unneeded, "it is a test of imapsync itself"},
		{"tests", false, false, Unneeded, "it is a test of imapsync itself"},
		{"testslive", false, false, Unneeded, "it is a test of imapsync itself; mailhaul demo shows the like without a network"},
		{"testslive6", false, false, Unneeded, "it is a test of imapsync itself; mailhaul demo shows the like without a network"},
	}
}

// spelling is an option as it is written, with its side.
type spelling struct {
	option Option
	// side is 1 or 2, 0 for what is not of a side.
	side int
}

func (s spelling) name() string {
	if s.side == 0 {
		return s.option.Name
	}
	return fmt.Sprintf("%s%d", s.option.Name, s.side)
}

// spellings are all names of options. An option of both sides without its number means
// both where imapsync takes it so, as with --timeout.
func spellings() map[string]spelling {
	known := map[string]spelling{}
	for _, o := range Options() {
		if !o.Sided {
			known[o.Name] = spelling{o, 0}
			continue
		}
		known[o.Name+"1"], known[o.Name+"2"] = spelling{o, 1}, spelling{o, 2}
	}
	for _, both := range []string{"timeout", "split", "authmd5", "sep", "compress"} {
		if s, found := known[both+"1"]; found {
			known[both] = spelling{s.option, 0}
		}
	}
	return known
}

// find is an option by its name: as Perl's Getopt::Long takes it, without case, with "no-"
// for "no", and cut short where that is enough.
func find(known map[string]spelling, name string) (spelling, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	if negated, found := strings.CutPrefix(name, "no-"); found {
		name = "no" + negated
	}
	if s, found := known[name]; found {
		return s, true
	}
	var meant []string
	for candidate := range known {
		if name != "" && strings.HasPrefix(candidate, name) {
			meant = append(meant, candidate)
		}
	}
	if len(meant) != 1 {
		return spelling{}, false
	}
	return known[meant[0]], true
}

// OptionsTable is the list of options as a Markdown table.
func OptionsTable() string {
	var b strings.Builder
	b.WriteString("| imapsync | mailhaul |\n|---|---|\n")
	for _, o := range Options() {
		name := "`--" + o.Name + "`"
		if o.Sided {
			name = "`--" + o.Name + "1`, `--" + o.Name + "2`"
		}
		fmt.Fprintf(&b, "| %s | %s%s |\n", name, fateWords[o.Fate], o.Text)
	}
	return b.String()
}

var fateWords = map[Fate]string{Becomes: "", Always: "always so: ", Unneeded: "not needed: ", Without: "**no counterpart**: "}
