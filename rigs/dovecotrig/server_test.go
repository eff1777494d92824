package dovecotrig

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

func TestDefaultServer(t *testing.T) {
	s := StartT(t, Options{})
	t.Run("lets any user in and has every extension", func(t *testing.T) {
		out := s.Talk(t, "LOGIN a@example.org "+s.Password, "CAPABILITY", `LIST "" ""`)
		rig.Want(t, out, strings.Fields(capabilities)...)
		rig.Want(t, out, `(\Noselect) "/"`)
	})
	t.Run("lets the master user in as anybody", func(t *testing.T) {
		rig.Want(t, s.Talk(t, "LOGIN b*"+MasterUser+" "+MasterPassword), "t1 OK")
	})
	t.Run("refuses a wrong password", func(t *testing.T) {
		rig.Want(t, s.Talk(t, "LOGIN a wrong"), "AUTHENTICATIONFAILED")
	})
	t.Run("speaks TLS with a certificate of its authority and the pinned key", func(t *testing.T) {
		rig.Want(t, s.TalkTLS(t, "LOGIN a "+s.Password), "t1 OK")
	})
	t.Run("begins TLS by STARTTLS", func(t *testing.T) {
		rig.Want(t, s.Talk(t, "CAPABILITY", "STARTTLS", "LOGIN a "+s.Password), "STARTTLS", "t3 OK")
	})
	t.Run("answers doveadm", func(t *testing.T) {
		out, err := s.Doveadm(t.Context(), "mailbox", "status", "-u", "c", "messages", "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		rig.Want(t, out, "messages=0")
	})
}

func TestOptions(t *testing.T) {
	s := StartT(t, Options{
		Format: Maildir, Separator: ".", Prefix: "INBOX.", SpecialUse: "create",
		Hide: []string{"multiappend", "LIST-STATUS"}, QuotaBytes: 1 << 20, MaxUserIPConnections: 2,
	})
	out := s.Talk(t, "LOGIN a "+s.Password, "CAPABILITY", "NAMESPACE", `LIST "" * RETURN (SPECIAL-USE)`, "GETQUOTAROOT INBOX")
	rig.Want(t, out, `(("INBOX." "."))`, `\Sent) "." INBOX.Sent`, "(STORAGE 0 1024)")
	for _, name := range []string{"MULTIAPPEND", "LIST-STATUS"} {
		if strings.Contains(out, name) {
			t.Errorf("%s is announced in\n%s", name, out)
		}
	}
	s.Talk(t, "LOGIN a "+s.Password)
	rig.Want(t, s.Talk(t, "LOGIN a "+s.Password), "t1 NO [LIMIT]")
}

func TestDetachedServerIsFoundAndStopped(t *testing.T) {
	rig.Require(t, Missing)
	dir := filepath.Join(t.TempDir(), "rig")
	started, err := StartDetached(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rig.StopDetached(context.Background(), dir) })
	st, err := rig.Status(dir)
	if err != nil || !st.Running || st.Port != started.Port {
		t.Fatalf("status is %+v, %v", st, err)
	}
	if err := rig.StopDetached(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := rig.Status(dir); err == nil {
		t.Error("the stopped server still has a status")
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Format: "mbox"}, {Separator: "|"}, {Prefix: "INBOX"}, {Password: "with space"},
	} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
