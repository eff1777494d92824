package consoletest

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/rigs/mailhaulrig"
)

// patience bounds everything that is waited for.
const patience = 90 * time.Second

// TestMain takes the settings of whoever runs the tests out of the way.
func TestMain(m *testing.M) {
	for _, name := range []string{"MAILHAUL_DATABASE", "MAILHAUL_CONFIG", "MAILHAUL_TOKEN", "MAILHAUL_SERVER"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// person is who signs in.
type person struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// administrator is the first operator of every world.
var administrator = person{"maria.winter", "maria.winter@example.org", "correct horse battery"}

// world is a mailhaul server.
type world struct {
	*testing.T
	dir    string
	server *mailhaulrig.Server
	// ca signs the server's certificate where it speaks TLS.
	ca []byte
}

// newWorld starts a server with more flags, to which nobody has signed in yet.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	require(t)
	w := &world{T: t, dir: t.TempDir()}
	w.server = mailhaulrig.StartT(t, w.dir, append([]string{"--node", "mover-1"}, flags...)...)
	return w
}

// certified makes a certificate for the server, and gives the flags that use it and the
// authority that signed it.
func certified(t *testing.T) (flags []string, authority []byte) {
	t.Helper()
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for flag, block := range map[string]*pem.Block{"--tls-cert": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, "--tls-key": {Type: "PRIVATE KEY", Bytes: key}} {
		file := filepath.Join(dir, flag)
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, flag, file)
	}
	return flags, ca.PEM()
}

// setUp makes the administrator, and gives the API as them.
func (w *world) setUp() *api.Client {
	w.Helper()
	client := w.client(api.ClientOptions{})
	_, err := client.Setup(w.Context(), api.Setup{Token: control.Password(w.server.SetupToken(w)), Operator: control.OperatorSpec{
		Name: administrator.Name, Email: administrator.Email, Password: control.Password(administrator.Password), Role: "admin"}})
	w.must(err)
	created, err := client.CreateToken(w.Context(), control.TokenSpec{Name: "tests", Role: "admin"})
	w.must(err)
	return w.client(api.ClientOptions{Token: created.Secret.Text()})
}

// signedIn does something as the administrator in a session, as browsers have one.
func (w *world) signedIn(act func(*api.Client) error) error {
	w.Helper()
	client := w.client(api.ClientOptions{})
	_, err := client.SignIn(w.Context(), administrator.Name, control.Password(administrator.Password), "")
	w.must(err)
	return act(client)
}

// must ends the test with an error, and with all that the server said of it.
func (w *world) must(err error) {
	w.Helper()
	if err == nil {
		return
	}
	said, _ := json.Marshal(err)
	w.Fatalf("%v %s", err, said)
}

func (w *world) client(o api.ClientOptions) *api.Client {
	w.Helper()
	o.Server, o.CA = w.server.Address, w.ca
	client, err := api.NewClient(o)
	w.must(err)
	return client
}
