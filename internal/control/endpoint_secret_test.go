package control

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// certified is a certificate with its key in PEM form.
func certified(t *testing.T) Password {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mover"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Date(2049, 5, 6, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return Password(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})) + Password(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const someGUID = "11111111-2222-3333-4444-555555555555"

// application is the specification of an endpoint of Office 365 without its secret.
func application(name string) EndpointSpec {
	return EndpointSpec{Name: name, Type: "office365", Tenant: "contoso.example", ClientID: someGUID}
}

// stored is an endpoint as it is in the database.
func (w *world) stored(name string) (e migration.EndpointRecord) {
	w.t.Helper()
	err := w.store.View(w.ctx(), "looking", func(tx Tx) (err error) {
		e, err = tx.Endpoint(name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func TestTheSecretOfAnApplicationIsWhatItsFieldSays(t *testing.T) {
	w := newWorld(t)
	pem := certified(t)
	spec := application("cloud")
	spec.ClientSecret = adminCanary
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		certificate bool
		value       Password
		says        string
	}{
		{true, adminCanary, "certificate the file holds no PEM block: it is plain text"},
		{true, "0\x82\x04\xa4" + adminCanary, "it is binary, as .pfx"},
		{true, "0\ufffd\u0004" + adminCanary, "openssl pkcs12 -in app.pfx -out app.pem -nodes"},
		{false, pem, "clientSecret the client secret is a PEM file"},
		{false, "0\ufffd\u0004" + adminCanary, "is binary"},
		{false, adminCanary + "\nmore", "has several lines"},
		{false, someGUID, "the secret's ID and not its value"},
	} {
		made, patch := application("other"), EndpointPatch{}
		if c.certificate {
			made.Certificate, patch.Certificate = c.value, &c.value
		} else {
			made.ClientSecret, patch.ClientSecret = c.value, &c.value
		}
		_, err := w.CreateEndpoint(w.ctx(), w.admin, made, true)
		wants(t, err, Invalid, "invalid", c.says)
		_, err = w.SetEndpoint(w.ctx(), w.admin, "cloud", patch, 0, true)
		wants(t, err, Invalid, "invalid", c.says)
		_, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{Endpoint: &made})
		wants(t, err, Invalid, "invalid", c.says)
	}
	if len(w.prober.asked) > 0 {
		t.Error("what is no secret was tried")
	}
	for _, patch := range []EndpointPatch{{Certificate: &pem}, {ClientSecret: ptr(Password(adminCanary))}} {
		if _, err := w.SetEndpoint(w.ctx(), w.admin, "cloud", patch, 0, true); err != nil {
			t.Fatal(err)
		}
		e := w.stored("cloud")
		value, err := adminOf(w.keys, e)
		if err != nil {
			t.Fatal(err)
		}
		app := TokenApp(e.Login.App, value)
		if certificate := patch.Certificate != nil; app.Certificate.Empty() == certificate || app.Secret.Empty() != certificate {
			t.Errorf("the certificate is sent: %v", app.Certificate.Empty())
		}
		if err := app.Check(nil); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSecretOfAnApplicationStaysWithItsAuthority(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		patch EndpointPatch
		kept  bool
		host  string
	}{
		"tenant":    {EndpointPatch{Tenant: ptr("fabrikam.example")}, false, ""},
		"client":    {EndpointPatch{ClientID: ptr("aaaaaaaa-2222-3333-4444-555555555555")}, false, ""},
		"cloud":     {EndpointPatch{Cloud: ptr("gcc-high")}, false, "outlook.office365.us"},
		"authority": {EndpointPatch{Authority: ptr("https://login.microsoftonline.us")}, false, ""},
		"scope":     {EndpointPatch{Scope: ptr("https://outlook.office365.us/.default")}, true, ""},
		"graph":     {EndpointPatch{Graph: ptr("https://graph.microsoft.us")}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := application(name)
			spec.ClientSecret = adminCanary
			if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
				t.Fatal(err)
			}
			e, err := w.SetEndpoint(w.ctx(), w.admin, name, c.patch, 0, true)
			if err != nil || e.HasAdminPassword != c.kept {
				t.Errorf("has its secret: %v, %v", e.HasAdminPassword, err)
			}
			if want := cmp.Or(c.host, "outlook.office365.com"); e.Host != want {
				t.Errorf("it is at %s, want %s", e.Host, want)
			}
			c.patch.ClientSecret = ptr(Password(adminCanary))
			if e, err = w.SetEndpoint(w.ctx(), w.admin, name, c.patch, 0, true); err != nil || !e.HasAdminPassword {
				t.Errorf("with the secret anew: %v, %v", e.HasAdminPassword, err)
			}
		})
	}
	for says, patch := range map[string]EndpointPatch{
		"tenant tenant \"nonsense\" is neither":      {Tenant: ptr("nonsense")},
		"clientId client ID \"abc\" is not one":      {ClientID: ptr("abc")},
		"cloud cloud \"mars\" is not known":          {Cloud: ptr("mars")},
		"authority authority \"login.evil.example\"": {Authority: ptr("https://login.evil.example")},
		"scope scope \"x\" must end":                 {Scope: ptr("x")},
		"userRoot has no use":                        {UserRoot: ptr("/users/{user}")},
	} {
		_, err := w.SetEndpoint(w.ctx(), w.admin, "tenant", patch, 0, true)
		wants(t, err, Invalid, "invalid", says)
		if strings.Contains(err.Error(), "; ") {
			t.Errorf("more is told than is wrong: %v", err)
		}
	}
	root := EndpointSpec{Name: "courier", Host: "h", Login: "userroot", AdminUser: "root", AdminPassword: adminCanary}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, root, true); err != nil {
		t.Fatal(err)
	}
	e, err := w.SetEndpoint(w.ctx(), w.admin, "courier", EndpointPatch{UserRoot: ptr("#shared/{user}")}, 0, true)
	if err != nil || e.UserRoot != "#shared/{user}" || !e.HasAdminPassword {
		t.Errorf("%+v %v", e, err)
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	w := newWorld(t)
	admin := func(login string, more func(*EndpointSpec)) EndpointSpec {
		spec := EndpointSpec{Name: "other", Host: "h", Login: login, AdminUser: "boss", AdminPassword: adminCanary}
		more(&spec)
		return spec
	}
	for says, spec := range map[string]EndpointSpec{
		"adminUser must be the name alone":           admin("exchange", func(s *EndpointSpec) { s.AdminUser = `DOM\boss` }),
		"as a field of its own (domain)":             admin("exchange", func(s *EndpointSpec) { s.AdminUser, s.Domain = "DOM/boss", "DOM" }),
		"userRoot knows {user} and nothing else":     admin("userroot", func(s *EndpointSpec) { s.UserRoot = "user/{user}/{domain}" }),
		"userRoot must be the path":                  admin("userroot", func(s *EndpointSpec) { s.UserRoot = "user/{name}" }),
		"defaultFolders Sent is given twice":         {Name: "other", Host: "h", DefaultFolders: map[string]string{"Sent": "a", "sent": "b"}},
		"adminUser is missing: the name of the acco": admin("master", func(s *EndpointSpec) { s.AdminUser = "" }),
	} {
		_, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true)
		wants(t, err, Invalid, "invalid", says)
	}
	for name, spec := range map[string]EndpointSpec{
		"exchange":  admin("exchange", func(*EndpointSpec) {}),
		"domain":    admin("exchange", func(s *EndpointSpec) { s.Domain = "DOM" }),
		"backslash": admin("mirapoint", func(s *EndpointSpec) { s.AdminUser = `DOM\boss` }),
	} {
		spec.Name = name
		if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatASecretIsIsShownAndNotTheSecret(t *testing.T) {
	w := newWorld(t)
	certificate, client := application("certificate"), application("client")
	certificate.Certificate, client.ClientSecret = certified(t), adminCanary
	for _, c := range []struct {
		spec EndpointSpec
		want *Secret
	}{
		{certificate, &Secret{Kind: "certificate", Ends: time.Date(2049, 5, 6, 0, 0, 0, 0, time.UTC)}},
		{client, &Secret{Kind: "client-secret"}},
		{EndpointSpec{Name: "master", Host: "h", Login: "master", AdminUser: "root", AdminPassword: adminCanary}, &Secret{Kind: "password"}},
		{EndpointSpec{Name: "plain", Host: "h"}, nil},
	} {
		e, err := w.CreateEndpoint(w.ctx(), w.admin, c.spec, true)
		if err != nil {
			t.Fatal(err)
		}
		if e.Secret != nil && e.Secret.Kind == "certificate" {
			if len(e.Secret.Thumbprint) != 40 {
				t.Errorf("the thumbprint is %q", e.Secret.Thumbprint)
			}
			c.want.Thumbprint = e.Secret.Thumbprint
		}
		if !reflect.DeepEqual(e.Secret, c.want) {
			t.Errorf("%s: %+v, want %+v", c.spec.Name, e.Secret, c.want)
		}
		secretFree(t, e)
	}
	e, err := w.SetEndpoint(w.ctx(), w.admin, "client", EndpointPatch{Host: ptr("elsewhere.example")}, 0, true)
	if err != nil || e.Secret != nil {
		t.Errorf("elsewhere it has %+v, %v", e.Secret, err)
	}
}
