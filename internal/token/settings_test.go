package token

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestCertificatesAreJudged(t *testing.T) {
	key, certificate := pkcs8(t, rsaKey()), pemOf("CERTIFICATE", certificateOf(t, rsaKey().Public(), rsaKey(), century).Raw)
	stranger := pemOf("CERTIFICATE", certificateOf(t, strangerKey().Public(), strangerKey(), century).Raw)
	old := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalECPrivateKey(ecKey(t))
	if err != nil {
		t.Fatal(err)
	}
	encrypted := pemOf("ENCRYPTED PRIVATE KEY", []byte("anything"))
	legacy := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("anything")}))
	for name, test := range map[string]struct{ text, says string }{
		"key and certificate":        {key + certificate, ""},
		"certificate first, PKCS #1": {certificate + old, ""},
		"a chain, in any order":      {stranger + key + certificate, ""},
		"texts around them":          {"Bag Attributes\n" + key + "subject=CN=x\n" + certificate, ""},
		"nothing":                    {"", "holds no PEM block"},
		"a pfx":                      {"\x30\x82\x0a\x0b", "is binary, as .pfx"},
		"a text":                     {"c4nary", "plain text; a certificate with its private key in PEM form is wanted; from a .pfx or .p12 file, openssl pkcs12 -in app.pfx -out app.pem -nodes"},
		"certificate alone":          {certificate, "no private key"},
		"key alone":                  {key, "no certificate"},
		"another's certificate":      {key + stranger, "not that of the private key"},
		"encrypted":                  {encrypted + certificate, "is encrypted"},
		"encrypted, older form":      {legacy + certificate, "is encrypted"},
		"elliptic curve":             {pkcs8(t, ecKey(t)) + certificate, "none of RSA"},
		"elliptic curve, older form": {pemOf("EC PRIVATE KEY", ec) + certificate, "none of RSA"},
		"a short key":                {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(weak)) + certificate, "1024 bits"},
		"a damaged key":              {pemOf("PRIVATE KEY", []byte("c4nary")) + certificate, "private key cannot be read"},
		"a damaged certificate":      {key + pemOf("CERTIFICATE", []byte("c4nary")), "certificate cannot be read"},
		"a cut file":                 {key[:len(key)/2], "holds no PEM block"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadCertificate(secret.New(test.text))
			if test.says == "" {
				if err != nil || got.Subject != "CN=mailhaul test" || len(got.Thumbprint) != 40 || !got.Ends.Equal(century[1]) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "c4nary") || strings.Contains(err.Error(), key[40:80]) {
				t.Errorf("the error holds a part of the key: %v", err)
			}
		})
	}
}

func TestSettingsAreJudged(t *testing.T) {
	dated := func(from, to time.Time) secret.Text {
		return secret.New(pkcs8(t, rsaKey()) + pemOf("CERTIFICATE", certificateOf(t, rsaKey().Public(), rsaKey(), [2]time.Time{from, to}).Raw))
	}
	now := time.Now()
	with := func(c secret.Text) func(*Office365) {
		return func(o *Office365) { o.Secret, o.Certificate = secret.Text{}, c }
	}
	for name, test := range map[string]struct {
		change func(*Office365)
		says   string
	}{
		"as they should be":       {func(*Office365) {}, ""},
		"a tenant's number":       {func(o *Office365) { o.Tenant = testObject }, ""},
		"another cloud":           {func(o *Office365) { o.Cloud, _ = CloudNamed("gcc-high") }, ""},
		"a cloud by name alone":   {func(o *Office365) { o.Cloud.Name = "china" }, ""},
		"another scope":           {func(o *Office365) { o.Cloud.Scope = "https://outlook.office365.us/.default" }, ""},
		"authority with slash":    {func(o *Office365) { o.Cloud.Authority = "https://login.microsoftonline.us/" }, ""},
		"a good certificate":      {with(dated(now.Add(-time.Hour), now.Add(time.Hour))), ""},
		"no tenant":               {func(o *Office365) { o.Tenant = " " }, "tenant is missing"},
		"common":                  {func(o *Office365) { o.Tenant = "Common" }, "is no tenant"},
		"a path as tenant":        {func(o *Office365) { o.Tenant = "../evil" }, "neither a directory"},
		"a word as tenant":        {func(o *Office365) { o.Tenant = "contoso" }, "neither a directory"},
		"no client":               {func(o *Office365) { o.ClientID = "" }, "client ID is missing"},
		"a name as client":        {func(o *Office365) { o.ClientID = "mailhaul" }, "is not one"},
		"no credential":           {func(o *Office365) { o.Secret = secret.Text{} }, "either a client secret or a certificate"},
		"a stored key as secret":  {func(o *Office365) { o.Secret = secret.New("\x30\x82\x04\xa4c4nary") }, "is binary"},
		"a stored PEM as secret":  {func(o *Office365) { o.Secret = secret.New(pkcs8(t, rsaKey())) }, "is a PEM file"},
		"a stored text as secret": {func(o *Office365) { o.Secret = secret.New("c4nary\nmore") }, "several lines"},
		"both credentials":        {func(o *Office365) { o.Certificate = dated(century[0], century[1]) }, "either a client secret or a certificate"},
		"a delegated scope":       {func(o *Office365) { o.Cloud.Scope = "https://outlook.office.com/IMAP.AccessAsUser.All" }, "/.default"},
		"another host":            {func(o *Office365) { o.Cloud.Authority = "https://login.evil.example" }, "is none of login.microsoftonline.com"},
		"a host that begins so":   {func(o *Office365) { o.Cloud.Authority = "https://login.microsoftonline.com.evil.example" }, "is none of"},
		"http":                    {func(o *Office365) { o.Cloud.Authority = "http://login.microsoftonline.com" }, "must begin with https://"},
		"a path":                  {func(o *Office365) { o.Cloud.Authority = "https://login.microsoftonline.com/common" }, "no path"},
		"a user":                  {func(o *Office365) { o.Cloud.Authority = "https://x:pass@login.microsoftonline.com" }, "no user name"},
		"no address":              {func(o *Office365) { o.Cloud.Authority = "login.microsoftonline.com" }, "is no address"},
		"an unknown cloud":        {func(o *Office365) { o.Cloud.Name = "mars" }, "scope"},
		"an ended certificate":    {with(dated(century[0], now.Add(-48*time.Hour))), "the certificate ended on"},
		"one of tomorrow":         {with(dated(now.Add(24*time.Hour), century[1])), "the certificate begins on"},
	} {
		t.Run(name, func(t *testing.T) {
			o := settings()
			test.change(&o)
			_, err := NewOffice365(o, Options{})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") {
				t.Errorf("the error holds a password: %v", err)
			}
		})
	}
	o := settings()
	o.Cloud.Authority = "https://127.0.0.1:4443"
	if o.Check(nil) == nil || o.Check([]string{"127.0.0.1"}) != nil {
		t.Error("a further host must be allowed explicitly")
	}
}

func TestKeysOfServiceAccountsAreJudged(t *testing.T) {
	change := func(name string, value any) secret.Text { return keyFile(t, rsaKey(), map[string]any{name: value}) }
	for name, test := range map[string]struct {
		key  secret.Text
		says string
	}{
		"as it should be":     {keyFile(t, rsaKey(), nil), ""},
		"without authority":   {change("token_uri", nil), ""},
		"an older authority":  {change("token_uri", "https://accounts.google.com/o/oauth2/token"), ""},
		"no JSON":             {secret.New("c4nary"), "not the JSON file"},
		"nothing":             {secret.Text{}, "not the JSON file"},
		"a user's credential": {change("type", "authorized_user"), "type must be service_account"},
		"no address":          {change("client_email", ""), "lacks client_email"},
		"no key":              {change("private_key", ""), "lacks client_email or private_key"},
		"a key that is none":  {change("private_key", "c4nary"), "not PEM"},
		"a curve":             {change("private_key", pkcs8(t, ecKey(t))), "none of RSA"},
		"another's authority": {change("token_uri", "https://evil.example/token"), "is none of"},
		"http":                {change("token_uri", "http://oauth2.googleapis.com/token"), "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Google{Key: test.key}.Check(nil)
			if (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "c4nary")) {
				t.Errorf("got %v", err)
			}
		})
	}
	account, err := ReadServiceAccount(keyFile(t, rsaKey(), nil))
	if err != nil || account.Email != "mover@project.iam.gserviceaccount.com" || account.ClientID != "1234567890" || account.KeyID != "key-1" || account.Project != "project" {
		t.Errorf("got %+v, %v", account, err)
	}
}

func TestCloudsAreFoundByAnyOfTheirNames(t *testing.T) {
	for name, host := range map[string]string{
		"": "outlook.office365.com", "worldwide": "outlook.office365.com", "GCC": "outlook.office365.com", "gcc-high": "outlook.office365.us",
		"dod": "outlook-dod.office365.us", "china": "partner.outlook.cn", "21Vianet": "partner.outlook.cn",
	} {
		if cloud, err := CloudNamed(name); err != nil || cloud.IMAPHost != host {
			t.Errorf("%q: %+v, %v", name, cloud, err)
		}
	}
	if _, err := CloudNamed("mars"); err == nil || !strings.Contains(err.Error(), "worldwide, gcc-high, dod, china") {
		t.Errorf("got %v", err)
	}
	for _, cloud := range Clouds() {
		o := settings()
		o.Cloud = cloud
		if err := o.Check(nil); err != nil {
			t.Errorf("%s: %v", cloud.Name, err)
		}
		if cloud.Portal == "" || cloud.Exchange == "" || cloud.Graph == "" || cloud.Azure == "" {
			t.Errorf("%s is incomplete", cloud.Name)
		}
	}
}

func TestClientSecretsAreTheValueAndNothingElse(t *testing.T) {
	for text, says := range map[string]string{
		"Abc8Q~1234567890abcdefghijklmnopqrstuvwxyz": "",
		"s3cret-of-the-app":                          "",
		"p\u00e4sswort":                              "",
		"11111111-2222-3333-4444-555555555555":       "the secret's ID and not its value",
		" 11111111-2222-3333-4444-555555555555\n":    "the secret's ID and not its value",
		"-----BEGIN PRIVATE KEY-----":                "is a PEM file",
		"\x30\x82\x04\xa4\x02":                       "is binary",
		"0\ufffd\u0004c4nary":                        "is binary",
		"c4nary\r\nsecond line":                      "has several lines",
		strings.Repeat("c4nary", 100):                "is longer than",
	} {
		err := CheckClientSecret(secret.New(text))
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "c4nary") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}
