package crashtest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/courierrig"
	"github.com/mailhaul/mailhaul/rigs/cyrusrig"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// realServer is a kind of server that mail is copied to.
type realServer struct {
	name  string
	start func(*testing.T) *rig.Mail
	// raw is the name there of a folder of ours.
	raw func(string) string
	// takes tells whether it keeps a letter as it is.
	takes func(letter) bool
	// plain: it has neither LITERAL+ nor MULTIAPPEND.
	plain bool
	// makesLevels: the levels above a new folder become folders, too.
	makesLevels bool
}

var dovecot = realServer{
	name:  "Dovecot",
	start: func(t *testing.T) *rig.Mail { return dovecotrig.StartT(t, dovecotrig.Options{Password: password}).Mail },
	raw:   func(folder string) string { return folder },
	takes: func(letter) bool { return true },
}

var cyrus = realServer{
	name:        "Cyrus",
	start:       func(t *testing.T) *rig.Mail { return cyrusrig.StartT(t, cyrusrig.Options{Password: password}).Mail },
	raw:         func(folder string) string { return folder },
	takes:       func(l letter) bool { return bytes.Contains(l.raw, []byte("\n")) }, // "x" alone is no header
	makesLevels: true,
}

var courier = realServer{
	name:  "Courier",
	start: func(t *testing.T) *rig.Mail { return courierrig.StartT(t, courierrig.Options{Password: password}).Mail },
	raw: func(folder string) string {
		if folder == "INBOX" {
			return folder
		}
		return "INBOX." + strings.ReplaceAll(folder, "/", ".")
	},
	takes: func(l letter) bool { return bytes.HasSuffix(l.raw, []byte("\n")) }, // it adds a line end
	plain: true,
}
