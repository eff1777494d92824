package hostiletest

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const mebi = 1 << 20

// attacks are all of them.
func attacks() []attack {
	var all []attack
	all = append(all, literals()...)
	all = append(all, lines()...)
	all = append(all, floods()...)
	all = append(all, sets()...)
	all = append(all, lists()...)
	all = append(all, bodies()...)
	all = append(all, waits()...)
	for i := range all {
		a := &all[i]
		if a.bar == 0 {
			a.bar = wide
		}
		if a.class == "" && a.code == "bug" {
			a.class, a.code = migration.Again, migration.CodeServerBug
		}
	}
	return all
}

// bug stands for class Again and CodeServerBug.
const bug = "bug"

func literals() []attack {
	huge := func(a *attacker, before string) {
		a.say(before)
		a.bytes("x", a.n(1<<30, 8*mebi))
		a.say("\r\n")
	}
	announced := func(size string) func(*attacker) {
		return func(a *attacker) {
			a.say("* 1 FETCH (UID 1 BODY[] {" + size + "}\r\n")
			a.bytes("x", 8*mebi)
			a.flush()
			a.cut()
		}
	}
	return []attack{
		{name: "1 GiB literal for a folder name", operation: listing, code: bug, do: func(a *attacker) { huge(a, "* LIST () \"/\" {1073741824}\r\n") }},
		{name: "1 GiB literal for a flag", operation: cataloguing, code: bug, do: func(a *attacker) { huge(a, "* 1 FETCH (UID 1 FLAGS ({1073741824}\r\n") }},
		{name: "5 GiB literal in an unknown response", operation: searching, code: bug, do: func(a *attacker) { huge(a, "* WHAT {5368709120}\r\n") }},
		{name: "1 GiB literal for a label", operation: describing, code: bug, do: func(a *attacker) { huge(a, "* 1 FETCH (UID 1 X-GM-LABELS ({1073741824}\r\n") }},
		{name: "literals of 60 kB without end in ID", operation: listing, code: bug, do: func(a *attacker) {
			a.write("* ID (")
			a.repeat(" {60000}\r\n"+strings.Repeat("x", 60000), a.n(10000, 500))
		}},
		{name: "200,000 empty literals in one response", operation: searching, code: bug, do: func(a *attacker) { a.repeat("* WHAT "+strings.Repeat("{0}\r\n", 200_000)+"\r\n", a.n(20, 1)) }},
		{name: "200,000 empty literals in one list", operation: cataloguing, code: bug, do: func(a *attacker) {
			a.repeat("* 1 FETCH (UID 1 X ("+strings.Repeat(" {0}\r\n", 200_000)+"))\r\n", a.n(20, 1))
		}},
		{name: "body of 2^31 bytes that breaks off", operation: fetching, class: migration.Again, code: migration.CodeLost, do: announced("2147483648")},
		{name: "body of 2^32 bytes", operation: fetching, code: bug, do: announced("4294967296")},
		{name: "body of 2^63-1 bytes", operation: fetching, code: bug, do: announced("9223372036854775807")},
		{name: "body of 2^64 bytes", operation: fetching, code: bug, do: announced("18446744073709551616")},
		{name: "body of a negative size", operation: fetching, do: func(a *attacker) { a.say("* 1 FETCH (UID 1 BODY[] {-5}\r\n* 1 FETCH (UID 1 BODY[] atom)\r\n") }},
	}
}

func lines() []attack {
	line := func(before, text string) func(*attacker) {
		return func(a *attacker) {
			a.say(before)
			a.bytes(text, a.n(1<<30, 8*mebi))
			a.say("\r\n")
		}
	}
	parens := func(before string) func(*attacker) {
		return func(a *attacker) {
			a.say(before)
			a.bytes("(", a.n(5_000_000, mebi))
			a.say("\r\n")
		}
	}
	return []attack{
		{name: "1 GiB line of text", operation: searching, bar: tight, code: bug, do: line("* OK ", "x")},
		{name: "1 GiB line, unknown", operation: searching, bar: tight, code: bug, do: line("* WHAT ", "x")},
		{name: "1 GiB line without a space", operation: searching, bar: tight, code: bug, do: line("", "x")},
		{name: "1 GiB tag", operation: searching, bar: tight, code: bug, do: line("a", "b")},
		{name: "1 GiB quoted folder name", operation: listing, bar: tight, code: bug, do: line("* LIST () \"/\" \"", "x")},
		{name: "1 GiB section", operation: fetching, bar: tight, code: bug, do: line("* 1 FETCH (UID 1 BODY[", "x")},
		{name: "1 GiB number", operation: fetching, bar: tight, class: migration.Again, code: migration.CodeServerBug, do: line("* 1 FETCH (UID ", "0")},
		{name: "1 GiB of spaces", operation: listing, bar: tight, code: bug, do: line("* LIST", " ")},
		{name: "5 M parentheses in BODYSTRUCTURE", operation: fetching, bar: tight, code: bug, do: parens("* 1 FETCH (BODYSTRUCTURE ")},
		{name: "5 M parentheses in ENVELOPE", operation: cataloguing, bar: tight, code: bug, do: parens("* 1 FETCH (ENVELOPE ")},
		{name: "5 M parentheses for flags", operation: cataloguing, bar: tight, code: bug, do: parens("* 1 FETCH (FLAGS ")},
		{name: "5 M parentheses for a folder's attributes", operation: listing, bar: tight, code: bug, do: parens("* LIST ")},
		{name: "5 M parentheses in an unknown response", operation: searching, bar: tight, code: bug, do: parens("* WHAT ")},
		{name: "capability line without end", operation: dialing, bare: true, bar: tight, code: bug, do: func(a *attacker) {
			a.say("* OK hello\r\n")
			a.hear()
			line("* CAPABILITY", " X")(a)
		}},
		{name: "greeting without end", operation: dialing, bare: true, class: migration.Again, code: migration.CodeGreeting, bar: tight, do: line("* OK ", "x")},
		{name: "capabilities of 256 kB, again and again", operation: searching, do: func(a *attacker) {
			a.repeat("* CAPABILITY"+strings.Repeat(" X", mebi/8-100)+"\r\n", a.n(500, 20))
		}},
		{name: "refusals of 256 kB, again and again", heavy: true, operation: searching, do: func(a *attacker) {
			a.repeat("* NO "+strings.Repeat("quota ", mebi/24-100)+"\r\n", a.n(500, 20))
		}},
	}
}

func floods() []attack {
	flood := func(lines string) func(*attacker) {
		return func(a *attacker) { a.repeat(strings.Repeat(lines, 1000), a.n(10_000, 300)) }
	}
	named := map[string]string{
		"OK": "* OK still here\r\n", "NO": "* NO [ALERT] x\r\n", "BYE": "* BYE and again\r\n", "CAPABILITY": "* CAPABILITY IMAP4rev1\r\n", "EXPUNGE": "* 1 EXPUNGE\r\n",
		"RECENT": "* 1 RECENT\r\n", "EXISTS": "* 5 EXISTS\r\n", "FLAGS": "* FLAGS (a)\r\n", "FETCH": "* 1 FETCH (FLAGS (a))\r\n", "VANISHED": "* VANISHED 1:9\r\n",
		"SEARCH": "* SEARCH 1 3 5\r\n", "STATUS": "* STATUS a (MESSAGES 1)\r\n", "LIST": "* LIST () \"/\" a\r\n", "NAMESPACE": "* NAMESPACE NIL NIL NIL\r\n", "ID": "* ID NIL\r\n",
		"ENABLED": "* ENABLED X\r\n", "unknown": "* WHAT\r\n", "malformed": "* LIST (\r\n", "go-ahead": "+ go on\r\n", "foreign tag": "zz OK done\r\n", "empty": "\r\n",
	}
	var all []attack
	for name, lines := range named {
		all = append(all, attack{name: "10 M lines: " + name, operation: searching, code: bug, do: flood(lines)})
	}
	return append(all,
		attack{name: "10 M lines: LIST of one folder", operation: listing, code: bug, do: flood("* LIST () \"/\" a\r\n")},
		attack{name: "10 M lines: STATUS while it is asked for", operation: asking, code: bug, do: flood("* STATUS INBOX (MESSAGES 1)\r\n")},
		attack{name: "10 M lines: FETCH of one message", operation: cataloguing, code: bug, do: flood("* 1 FETCH (UID 1 FLAGS (a) RFC822.SIZE 1)\r\n")},
		attack{name: "10 M lines: EXISTS while a folder is opened", operation: opening, code: bug, do: flood("* 5 EXISTS\r\n")},
		attack{name: "1,000 flags of 60 kB", heavy: true, operation: cataloguing, do: func(a *attacker) {
			a.say("* 100 EXISTS\r\n")
			for i := range a.n(1000, 200) {
				a.write(fmt.Sprintf("* 1 FETCH (UID %d FLAGS (%d%s) RFC822.SIZE 1)\r\n", i+1, i, strings.Repeat("f", 60_000)))
			}
		}},
		attack{name: "headers of 100 MB", operation: cataloguing, do: func(a *attacker) {
			a.write(fmt.Sprintf("* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n", a.n(100, 4)*mebi))
			a.repeat(strings.Repeat("h", mebi), a.n(100, 4))
			a.say(")\r\n")
		}},
	)
}

func sets() []attack {
	ranges := func(before string, full, step int, after string) func(*attacker) {
		return func(a *attacker) {
			start := 1
			if step < 0 {
				start -= step * full
			}
			a.write(before)
			for i := range a.n(full, 20_000) {
				if a.err != nil {
					return
				}
				if i > 0 {
					a.write(",")
				}
				a.write(fmt.Sprintf("%d:%d", start+i*step, start+i*step+1))
			}
			a.say(after)
		}
	}
	everything := strings.Repeat("1:4294967295,", 80_000) + "1:4294967295"
	return []attack{
		{name: "COPYUID of everything, tagged", operation: searching, do: func(a *attacker) { a.say("$T OK [COPYUID 1 1:4294967295 1:4294967295] x\r\n") }},
		{name: "COPYUID of everything, 15,000 times", operation: searching, do: func(a *attacker) { a.say("* OK [COPYUID 1 " + everything[:240<<10] + "] x\r\n") }},
		{name: "ESEARCH of everything", operation: searching, capabilities: "ESEARCH", do: func(a *attacker) { a.say("* ESEARCH (TAG \"$T\") UID ALL 1:4294967295\r\n") }},
		{name: "ESEARCH of everything, 80,000 times", operation: searching, capabilities: "ESEARCH", do: func(a *attacker) { a.say("* ESEARCH (TAG \"$T\") UID ALL " + everything + "\r\n") }},
		{name: "ESEARCH of too many ranges", operation: searching, capabilities: "ESEARCH", class: migration.Again, code: migration.CodeServerBug,
			do: func(a *attacker) { tooMany(a, ranges("* ESEARCH (TAG \"x\") UID ALL ", 1_500_000, 3, "\r\n")) }},
		{name: "VANISHED of everything", operation: opening, capabilities: "ENABLE QRESYNC CONDSTORE", do: func(a *attacker) {
			a.say("* ENABLED QRESYNC\r\n* VANISHED (EARLIER) 1:4294967295\r\n$T OK\r\n")
			a.hear()
			a.say("* OK [UIDNEXT 1] x\r\n$T OK\r\n")
			a.hear()
			a.say("* VANISHED (EARLIER) 1:4294967295\r\n")
		}},
		{name: "VANISHED of too many ranges", operation: searching, class: migration.Again, code: migration.CodeServerBug,
			do: func(a *attacker) { tooMany(a, ranges("* VANISHED (EARLIER) ", 1_500_000, 3, "\r\n")) }},
		{name: "VANISHED of as many ranges as may be", operation: searching, do: ranges("* VANISHED (EARLIER) ", 750_000, 3, "\r\n")},
		{name: "VANISHED in descending order", operation: searching, do: ranges("* VANISHED (EARLIER) ", 399_000, -3, "\r\n")},
		{name: "VANISHED of too many ranges in descending order", operation: searching, class: migration.Again, code: migration.CodeServerBug,
			do: func(a *attacker) { tooMany(a, ranges("* VANISHED (EARLIER) ", 900_000, -3, "\r\n")) }},
		{name: "ESEARCH of as many ranges as may be", operation: searching, capabilities: "ESEARCH", do: ranges("* ESEARCH UID ALL ", 750_000, 3, "\r\n")},
		{name: "SEARCH that grows with every answer", heavy: true, operation: searching, class: migration.Again, code: migration.CodeServerBug, do: func(a *attacker) {
			for i := 0; a.err == nil && i < a.n(20_000, 12_000); i++ {
				var line strings.Builder
				for j := range a.n(200, 20) {
					fmt.Fprint(&line, " ", 1+i+j*40_000)
				}
				a.write("* SEARCH" + line.String() + "\r\n")
			}
		}},
		{name: "catalogue of every second UID", operation: cataloguing, class: migration.Again, code: migration.CodeServerBug, do: func(a *attacker) {
			if !a.full {
				a.err = nil
				tooMany(a, func(*attacker) {})
				return
			}
			a.say("* 4294967295 EXISTS\r\n")
			for i := 1; a.err == nil && i < 3_000_000; i++ {
				a.write(fmt.Sprintf("* %d FETCH (UID %d FLAGS () RFC822.SIZE 1)\r\n", i, 2*i))
			}
		}},
		{name: "APPENDUID in answer to other commands", operation: searching, do: func(a *attacker) { a.say("* OK [APPENDUID 1 1:4294967295] x\r\n$T OK [APPENDUID 1 7] x\r\n") }},
		{name: "APPENDUID untagged, before the APPEND is answered", operation: appending, capabilities: "LITERAL+", do: func(a *attacker) { a.say("* OK [APPENDUID 1 7] x\r\n") }},
		{name: "APPENDUID of everything", operation: appending, capabilities: "LITERAL+", do: func(a *attacker) { a.say("$T OK [APPENDUID 1 1:4294967295] x\r\n") }},
		{name: "APPENDUID of a million numbers", operation: appending, capabilities: "LITERAL+", do: func(a *attacker) {
			a.say("$T OK [APPENDUID 1 " + strings.Repeat("7,", mebi/8-100) + "7] x\r\n")
		}},
	}
}

// tooMany does the attack, and at small sizes, which are within the limits, ends
// with a flood.
func tooMany(a *attacker, attack func(*attacker)) {
	attack(a)
	if !a.full {
		a.repeat(strings.Repeat("* OK still here\r\n", 1000), 100)
	}
}

func lists() []attack {
	numbered := func(n int, name string) func(*attacker) {
		return func(a *attacker) {
			for i := 0; a.err == nil && i < n; i++ {
				a.write(fmt.Sprintf("* LIST (\\HasNoChildren) \"/\" \"%s%d\"\r\n", name, i))
			}
		}
	}
	full := migration.OneMailbox
	return []attack{
		{name: "6 M folders", heavy: true, operation: listing, class: full, code: migration.CodeServerBug, do: func(a *attacker) { numbered(a.n(6_000_000, 30_000), "folder ")(a) }},
		{name: "100,000 folders", operation: listing, class: full, code: migration.CodeServerBug, do: func(a *attacker) { numbered(a.n(100_000, 8000), "folder ")(a) }},
		{name: "45,000 folders with names of 900 bytes", heavy: true, operation: listing, class: full, code: migration.CodeServerBug, do: func(a *attacker) { numbered(a.n(45_000, 7500), strings.Repeat("n", 900))(a) }},
		{name: "folders with names of 30 kB", heavy: true, operation: listing, do: func(a *attacker) { numbered(a.n(1000, 50), strings.Repeat("n", 30_000))(a) }},
		{name: "folder name of 10 MB in quotes", operation: listing, bar: tight, code: bug, do: numbered(1, strings.Repeat("n", 10*mebi))},
		{name: "folder name of 10 MB in a literal", operation: listing, code: bug, do: func(a *attacker) {
			a.say(fmt.Sprintf("* LIST () \"/\" {%d}\r\n", 10*mebi))
			a.bytes("n", 10*mebi)
			a.say("\r\n")
		}},
		{name: "folder names of all kinds", operation: listing, do: func(a *attacker) {
			for _, name := range []string{`".."`, `"../../etc/passwd"`, `"/"`, `"//"`, `""`, "\"\x1b[31m\x07\"", `"&"`, `"&AAA-"`, `"&2D0-"`, "\"\xff\xfe\"", "\"\u202egnp.exe\"", `"a\\b\"c"`, "{4}\r\na\r\nb", "{3}\r\n\x00\x00\x00", "NIL", "INBOX", "inbox"} {
				a.write("* LIST () \"/\" " + name + "\r\n")
			}
			a.write("* LIST (\\Noselect \\Noselect) {2}\r\n\r\n x\r\n* LIST () \"ab\" y\r\n* LIST NIL NIL NIL\r\n")
		}},
		{name: "namespaces without end", operation: listing, capabilities: "NAMESPACE", do: func(a *attacker) {
			numbered(a.n(20_000, 2000), "folder ")(a)
			a.say("* NAMESPACE (" + strings.Repeat(`("a" "/")`, 6000) + ") NIL NIL\r\n")
		}},
	}
}

func bodies() []attack {
	return []attack{
		{name: "bodies nobody asked for", heavy: true, operation: fetching, code: bug, do: func(a *attacker) {
			for i := 0; a.err == nil && i < 20_000; i++ {
				a.write(fmt.Sprintf("* 9 FETCH (UID %d BODY[] {1024}\r\n%s)\r\n", 1000+i, strings.Repeat("x", 1024)))
			}
		}},
		{name: "bodies of 8 MiB nobody asked for", operation: fetching, do: func(a *attacker) {
			for i := range a.n(64, 4) {
				a.write(fmt.Sprintf("* 9 FETCH (UID %d BODY[] {%d}\r\n", 1000+i, 8*mebi))
				a.repeat(strings.Repeat("x", mebi), 8)
				a.write(")\r\n")
			}
		}},
		{name: "bodies of 1 MiB before their UIDs", operation: fetching, do: func(a *attacker) {
			for i := range a.n(500, 20) {
				a.write(fmt.Sprintf("* 9 FETCH (BODY[] {%d}\r\n", mebi))
				a.bytes("x", mebi)
				a.write(fmt.Sprintf(" UID %d)\r\n", 1000+i))
			}
		}},
		{name: "the body asked for, again and again", heavy: true, operation: fetching, code: bug, do: func(a *attacker) {
			a.repeat("* 1 FETCH (UID 1 BODY[] {1024}\r\n"+strings.Repeat("x", 1024)+")\r\n", 20_000)
		}},
		{name: "two thousand bodies in one response", operation: fetching, do: func(a *attacker) {
			a.write("* 1 FETCH (UID 1")
			a.repeat(" BODY[] {1024}\r\n"+strings.Repeat("x", 1024), 2000)
			a.write(")\r\n")
		}},
		{name: "body of 5 GiB, above the limit", operation: fetching, code: bug, do: func(a *attacker) {
			a.write(fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n", int64(5<<30)))
			a.repeat(strings.Repeat("x", mebi), a.n(5<<10, 160))
		}},
		{name: "body of 1 GiB", heavy: true, operation: fetching, do: func(a *attacker) {
			size := a.n(1<<30, 160*mebi)
			a.write(fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n", size))
			a.repeat(strings.Repeat("x", mebi), size/mebi)
			a.write(")\r\n")
		}},
		{name: "bomb of compressed lines", operation: searching, compress: true, bare: true, code: bug, do: bomb(func(a *attacker) {
			a.repeat(strings.Repeat("* OK still here, and still, and still\r\n", 10_000), a.n(1000, 20))
		})},
		{name: "bomb of one compressed line", operation: searching, compress: true, bare: true, code: bug, do: bomb(func(a *attacker) {
			a.write("* OK ")
			a.bytes("x", a.n(1<<30, 32*mebi))
		})},
		{name: "bomb of a compressed body", heavy: true, operation: fetching, compress: true, bare: true, do: bomb(func(a *attacker) {
			size := a.n(140, 16) * mebi
			a.write(fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n", size))
			a.repeat(strings.Repeat("\x00", mebi), size/mebi)
			a.write(")\r\n")
		})},
		{name: "compressed rubbish", operation: searching, compress: true, bare: true, class: migration.Again, code: migration.CodeLost, do: func(a *attacker) {
			bomb(func(*attacker) {})(a)
			_, a.err = a.conn.Write([]byte(strings.Repeat("\xff", 1000)))
		}},
	}
}

// bomb signs the client in and starts compression before the attack.
func bomb(attack func(*attacker)) func(*attacker) {
	return func(a *attacker) {
		a.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n")
		a.hear()
		a.compress()
		attack(a)
		a.flush()
	}
}

func waits() []attack {
	const patience = 2 * time.Second
	drip := func(before, text string) func(*attacker) {
		return func(a *attacker) {
			a.say(before)
			a.drip(text, time.Second)
		}
	}
	return []attack{
		{name: "a body at a byte a second", operation: fetching, patience: patience, class: migration.Again, code: migration.CodeTimeout, do: drip("* 1 FETCH (UID 1 BODY[] {100000}\r\n", "x")},
		{name: "a line at a byte a second", operation: searching, patience: patience, class: migration.Again, code: migration.CodeTimeout, do: drip("* OK ", "x")},
		{name: "lines at a byte a second", operation: searching, patience: patience, class: migration.Again, code: migration.CodeTimeout, do: drip("", "* OK x\r\n")},
		{name: "silence", operation: searching, patience: patience, class: migration.Again, code: migration.CodeTimeout, do: func(a *attacker) {
			_, a.err = a.in.ReadByte()
		}},
	}
}
