package imap_test

import (
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

const signsIn = "C AUTHENTICATE PLAIN AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS $T OK in\n"

// A server that has told before the sign-in what is of use only afterwards is asked
// beside the first command; one that keeps it to itself, before that.
func TestCapabilitiesAreAskedForBesideTheFirstCommand(t *testing.T) {
	for before, script := range map[string]string{
		"UIDPLUS": "C CAPABILITY\nC ID (\"name\" \"mailhaul\")\nC LIST \"\" \"*\"\nC LSUB \"\" \"*\"\n" +
			"S * CAPABILITY IMAP4rev1 MOVE\nS $2 OK\nS * ID NIL\nS $3 OK\nS * LIST () \"/\" A\nS $4 OK\nS $5 OK",
		"": "C CAPABILITY\nS * CAPABILITY IMAP4rev1 MOVE ID\nS $T OK\nC ID (\"name\" \"mailhaul\")\nC LIST \"\" \"*\"\nC LSUB \"\" \"*\"\n" +
			"S * ID NIL\nS $3 OK\nS * LIST () \"/\" A\nS $4 OK\nS $5 OK",
	} {
		t.Run("before: "+before, func(t *testing.T) {
			s := connect(t, "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID "+before+"] hello\n"+signsIn+script, nil)
			if folders, err := s.Folders(t.Context()); err != nil || len(folders) != 1 {
				t.Errorf("%v %v", folders, err)
			}
			if got := strings.Join(s.Profile().Capabilities, " "); !strings.Contains(got, "MOVE") {
				t.Errorf("the session knows %s", got)
			}
		})
	}
}

func TestTheNextSessionAsksNothingThatIsKnown(t *testing.T) {
	known := &imap.Known{}
	share := func(o *imap.Options) { o.Known = known }
	asked := "S * OK hello\nC CAPABILITY\nS * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\nS $T OK\n" + signsIn +
		"C CAPABILITY\nS * CAPABILITY IMAP4rev1 UIDPLUS MOVE\nS $T OK\n"
	connect(t, asked, share)
	s := connect(t, "S * OK hello\n"+signsIn+"C EXAMINE A\nS * OK [UIDNEXT 2] x\nS $T OK", share)
	if got := strings.Join(s.Profile().Capabilities, " "); !strings.Contains(got, "MOVE") {
		t.Errorf("the second session knows %s", got)
	}
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A", ReadOnly: true}); err != nil {
		t.Error(err)
	}
}

// A folder can be looked at while another one is open.
func TestAFolderIsLookedAtWithoutBeingOpened(t *testing.T) {
	s := connect(t, greeted("")+"C SELECT A\nS * OK [UIDNEXT 2] x\nS * OK [UIDVALIDITY 5] x\nS $T OK\n"+
		"C CREATE B\nC SUBSCRIBE B\nC STATUS B (MESSAGES UIDNEXT UIDVALIDITY)\nS $3 NO there\nS $4 OK\nS * STATUS B (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7)\nS $T OK\n"+
		"C STATUS C (MESSAGES UIDNEXT UIDVALIDITY)\nS $T OK\n"+
		"C CREATE D\nC STATUS D (MESSAGES UIDNEXT UIDVALIDITY)\nS $7 NO [NOPERM] not here\nS $T NO [NONEXISTENT] none", nil)
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A"}); err != nil {
		t.Fatal(err)
	}
	status, err := s.Open(t.Context(), migration.Open{Folder: "B", Create: true, Subscribe: true, Unselected: true})
	if err != nil || status.UIDNext != 9 || status.UIDValidity != 7 || status.Messages != 3 {
		t.Errorf("%+v %v", status, err)
	}
	if _, err := s.Open(t.Context(), migration.Open{Folder: "C", Unselected: true}); migration.CodeOf(err) != migration.CodeServerBug {
		t.Errorf("an answer without a number is %v", err)
	}
	if _, err := s.Open(t.Context(), migration.Open{Folder: "D", Create: true, Unselected: true}); err == nil || !strings.Contains(err.Error(), "not here") {
		t.Errorf("the reason is %v", err)
	}
}
