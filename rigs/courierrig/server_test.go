package courierrig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

func TestDefaultServer(t *testing.T) {
	s := StartT(t, Options{})
	t.Run("lets any user in, who has folders below INBOX", func(t *testing.T) {
		out := s.Talk(t, "LOGIN a@example.org "+s.Password, "NAMESPACE", "SELECT INBOX", "CREATE INBOX.b.c", "CREATE b", `LIST "" *`)
		rig.Want(t, out, `(("INBOX." "."))`, "t3 OK", "t4 OK", "t5 NO", `"." "INBOX.b.c"`)
	})
	t.Run("shows the administrator everybody's folders, and nobody else", func(t *testing.T) {
		s.Talk(t, "LOGIN anna "+s.Password, "CREATE INBOX.Work")
		rig.Want(t, s.Talk(t, "LOGIN "+rig.Admin+" "+rig.AdminPassword, `LIST "" #shared.*`, "SELECT #shared.anna.Work"),
			`"#shared.anna.Work"`, "t3 OK")
		rig.Want(t, s.Talk(t, "LOGIN bert "+s.Password, "SELECT #shared.anna.Work"), "t2 NO")
	})
	t.Run("refuses a wrong password and a name that is a path", func(t *testing.T) {
		for _, who := range []string{"a wrong", rig.Admin + " " + s.Password, "../a " + s.Password} {
			t.Run("", func(t *testing.T) {
				t.Parallel() // each takes five seconds
				rig.Want(t, s.Talk(t, "LOGIN "+who), "t1 NO")
			})
		}
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

func TestServersDoNotMeet(t *testing.T) {
	a, b := StartT(t, Options{Password: "one"}), StartT(t, Options{Password: "two"})
	rig.Want(t, a.Talk(t, "LOGIN a one", "CREATE INBOX.here"), "t2 OK")
	rig.Want(t, b.Talk(t, "LOGIN a two", "SELECT INBOX.here"), "t2 NO")
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	rig.Want(t, b.Talk(t, "LOGIN a two", "SELECT INBOX", "CREATE INBOX.there"), "t3 OK")
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

func TestFirstSignInsMayComeAtOnce(t *testing.T) {
	s := StartT(t, Options{})
	for n := range 12 {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				rig.Want(t, s.Talk(t, fmt.Sprintf("LOGIN user%d %s", n, s.Password), "SELECT INBOX"), "t2 OK")
			})
		}
		both.Wait()
	}
}
