package cyrusrig

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// plain is a SASL PLAIN sign-in (RFC 4616) in one line (RFC 4959).
func plain(as, who, password string) string {
	return "AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte(as+"\x00"+who+"\x00"+password))
}

func TestDefaultServer(t *testing.T) {
	s := StartT(t, Options{})
	t.Run("lets any user in, who has an INBOX then", func(t *testing.T) {
		out := s.Talk(t, "LOGIN a@example.org "+s.Password, "CAPABILITY", "SELECT INBOX", "CREATE a.b/c", `LIST "" *`)
		rig.Want(t, out, "MULTIAPPEND", "CONDSTORE", "t3 OK", "t4 OK", `"/" a.b/c`)
	})
	t.Run("lets the administrator act for anybody", func(t *testing.T) {
		out := s.Talk(t, plain("b@example.org", rig.Admin, rig.AdminPassword), "CREATE made", `LIST "" *`)
		rig.Want(t, out, "t1 OK", `"/" INBOX`)
		rig.Want(t, s.Talk(t, "LOGIN b@example.org "+s.Password, `LIST "" *`), "made")
	})
	t.Run("lets nobody else act for another", func(t *testing.T) {
		rig.Want(t, s.Talk(t, plain("b@example.org", "c", s.Password)), "t1 NO")
	})
	t.Run("refuses a wrong password", func(t *testing.T) {
		rig.Want(t, s.Talk(t, "LOGIN a wrong", "LOGIN "+rig.Admin+" "+s.Password), "t1 NO", "t2 NO")
	})
	t.Run("speaks TLS with a certificate of its authority and the pinned key", func(t *testing.T) {
		rig.Want(t, s.TalkTLS(t, "LOGIN a "+s.Password), "t1 OK")
	})
	t.Run("begins TLS by STARTTLS", func(t *testing.T) {
		rig.Want(t, s.Talk(t, "CAPABILITY", "STARTTLS", "LOGIN a "+s.Password), "STARTTLS", "t3 OK")
	})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.File("")); !os.IsNotExist(err) || s.Running() {
		t.Errorf("the server is still there: %v", err)
	}
}

func TestOptions(t *testing.T) {
	s := StartT(t, Options{Separator: ".", BelowINBOX: true, Password: "other", Extra: "maxmessagesize: 1000"})
	out := s.Talk(t, "LOGIN a other", "NAMESPACE", "CREATE INBOX.b", `LIST "" *`, "CREATE b", "CAPABILITY")
	rig.Want(t, out, `(("INBOX." "."))`, `"." INBOX.b`, "t5 NO", "APPENDLIMIT=1000")
}

func TestDetachedServerIsFoundAndStopped(t *testing.T) {
	rig.Require(t, Missing)
	dir := filepath.Join(rig.TempDir(t), "rig")
	if _, err := StartDetached(t.Context(), Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.StopDetached(context.Background(), dir) })
	if st, err := rig.Status(dir); err != nil || !st.Running {
		t.Fatalf("status is %+v, %v", st, err)
	}
	if err := rig.StopDetached(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{Separator: "|"}, {Password: "with'quote"}} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
