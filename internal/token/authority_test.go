package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

const (
	testTenant = "contoso.example"
	testApp    = "11111111-2222-3333-4444-555555555555"
	testObject = "99999999-8888-7777-6666-555555555555"
	testSecret = "c4nary~secret.Value+/=&x"
)

// rsaKey is one key for all tests, since making one takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var strangerKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var century = [2]time.Time{time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}

// certificateOf makes a certificate for a key; its dates cover those of synctest.
func certificateOf(t *testing.T, public any, signer crypto.Signer, dates [2]time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailhaul test"}, NotBefore: dates[0], NotAfter: dates[1]}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("PRIVATE KEY", der)
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// authority gives tokens as Entra ID and Google do, and judges each request like
// them, by other code than ours.
type authority struct {
	mutex sync.Mutex
	// certificate is the one registered with the app; nil takes the secret.
	certificate *x509.Certificate
	// google is the key of the service account, users whom it may act for.
	google *rsa.PublicKey
	users  []string
	// life is expires_in, in seconds.
	life int
	// roles are those in a token of Entra ID.
	roles []string
	// instead answers in place of all that, when it is there and wants to.
	instead func(w http.ResponseWriter, r *http.Request, n int) bool

	requests int
	given    []string
	seen     map[string]bool // assertions' numbers
}

func newAuthority() *authority {
	return &authority{life: 3600, roles: []string{"IMAP.AccessAsApp"}, seen: map[string]bool{}}
}

func (a *authority) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.requests
}

// change alters the authority while requests may be under way.
func (a *authority) change(how func()) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	how()
}

// RoundTrip serves without a network, so that synctest knows who waits for whom.
func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	a.ServeHTTP(recorder, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	a.requests++
	n, instead := a.requests, a.instead
	a.mutex.Unlock()
	if instead != nil && instead(w, r, n) {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		refuse(w, 400, "invalid_request", "AADSTS900144: not a form")
		return
	}
	if err := r.ParseForm(); err != nil {
		refuse(w, 400, "invalid_request", err.Error())
		return
	}
	wrong, token := "", ""
	if r.URL.Path == "/token" {
		wrong, token = a.likeGoogle(r)
	} else {
		wrong, token = a.likeEntra(r)
	}
	if wrong != "" {
		code, description, _ := strings.Cut(wrong, "|")
		refuse(w, 400, code, description)
		return
	}
	a.given = append(a.given, token)
	_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": a.life, "access_token": token})
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": code, "error_description": description + " Trace ID: 0a1b Correlation ID: 2c3d Timestamp: 2026-11-28 10:00:00Z"})
}

func (a *authority) likeEntra(r *http.Request) (wrong, token string) {
	f := r.PostForm
	switch {
	case r.URL.Path != "/"+testTenant+"/oauth2/v2.0/token":
		return "invalid_request|AADSTS90002: Tenant was not found.", ""
	case f.Get("grant_type") != "client_credentials":
		return "unsupported_grant_type|AADSTS70003", ""
	case f.Get("client_id") != testApp:
		return "unauthorized_client|AADSTS700016: Application was not found in the directory.", ""
	case f.Get("scope") != "https://outlook.office365.com/.default":
		return "invalid_scope|AADSTS1002012: The scope is not valid.", ""
	}
	if a.certificate == nil {
		if f.Get("client_secret") != testSecret || f.Has("client_assertion") {
			return "invalid_client|AADSTS7000215: Invalid client secret provided.", ""
		}
	} else if wrong := a.judge(f, r); wrong != "" {
		return wrong, ""
	}
	return "", entraToken(map[string]any{"aud": "https://outlook.office365.com", "appid": testApp, "oid": testObject, "tid": "00000000-0000-0000-0000-0000000000aa",
		"roles": a.roles, "app_displayname": "Mover", "exp": time.Now().Add(time.Duration(a.life) * time.Second).Unix(), "jti": len(a.given)})
}

// entraToken is a token as Exchange gets it; its signature is of no matter here.
func entraToken(claims map[string]any) string {
	body, _ := json.Marshal(claims)
	return base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + ".c2lnbmF0dXJl"
}

// judge verifies a client assertion (RFC 7523 section 3) as Entra ID documents it.
func (a *authority) judge(f url.Values, r *http.Request) string {
	if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || f.Has("client_secret") {
		return "invalid_client|AADSTS7000218: no assertion"
	}
	head, claims, signed, signature, err := taken(f.Get("client_assertion"))
	if err != nil {
		return "invalid_client|AADSTS50027: " + err.Error()
	}
	print := sha256.Sum256(a.certificate.Raw)
	if head["alg"] != "PS256" || head["typ"] != "JWT" || head["x5t#S256"] != base64.RawURLEncoding.EncodeToString(print[:]) {
		return "invalid_client|AADSTS700027: [Reason - The key was not found.]"
	}
	digest := sha256.Sum256(signed)
	if rsa.VerifyPSS(a.certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
		return "invalid_client|AADSTS700027: invalid signature"
	}
	now := float64(time.Now().Unix())
	from, to := number(claims["nbf"]), number(claims["exp"])
	id, _ := claims["jti"].(string)
	switch {
	case claims["iss"] != testApp || claims["sub"] != testApp:
		return "invalid_client|AADSTS700021: iss and sub"
	case claims["aud"] != "https://"+r.Host+r.URL.Path:
		return "invalid_client|AADSTS700023: audience " + fmt.Sprint(claims["aud"])
	case from > now || to <= now || to-from > 600 || number(claims["iat"]) > now:
		return "invalid_client|AADSTS700024: time range"
	case len(id) < 16 || a.seen[id]:
		return "invalid_client|AADSTS50013: jti used before"
	}
	a.seen[id] = true
	return ""
}

func (a *authority) likeGoogle(r *http.Request) (wrong, token string) {
	f := r.PostForm
	if f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return "unsupported_grant_type|", ""
	}
	head, claims, signed, signature, err := taken(f.Get("assertion"))
	if err != nil {
		return "invalid_grant|Invalid JWT: " + err.Error(), ""
	}
	digest := sha256.Sum256(signed)
	if head["alg"] != "RS256" || head["kid"] != "key-1" || rsa.VerifyPKCS1v15(a.google, crypto.SHA256, digest[:], signature) != nil {
		return "invalid_grant|Invalid JWT Signature.", ""
	}
	user, _ := claims["sub"].(string)
	now, from, to := float64(time.Now().Unix()), number(claims["iat"]), number(claims["exp"])
	switch {
	case claims["iss"] != "mover@project.iam.gserviceaccount.com" || claims["aud"] != "https://"+r.Host+"/token":
		return "invalid_grant|Invalid JWT: issuer or audience", ""
	case from > now || to <= now || to-from > 3600:
		return "invalid_grant|Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.", ""
	case claims["scope"] != "https://mail.google.com/":
		return "unauthorized_client|Client is unauthorized to retrieve access tokens using this method.", ""
	case !slices.Contains(a.users, user):
		return "invalid_grant|Invalid email or User ID", ""
	}
	return "", fmt.Sprintf("ya29.%s.%d", strings.ReplaceAll(user, "@", "-at-"), len(a.given))
}

// taken takes an assertion apart.
func taken(assertion string) (head, claims map[string]any, signed, signature []byte, err error) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, nil, nil, nil, fmt.Errorf("%d parts", len(parts))
	}
	for i, into := range []*map[string]any{&head, &claims} {
		body, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, nil, nil, nil, err
		}
		if err := json.Unmarshal(body, into); err != nil {
			return nil, nil, nil, nil, err
		}
	}
	signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return head, claims, []byte(parts[0] + "." + parts[1]), signature, err
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

// withSecret is a provider for the authority that signs in with the secret.
func withSecret(t *testing.T, a *authority) *Provider {
	t.Helper()
	p, err := NewOffice365(Office365{Tenant: testTenant, ClientID: testApp, Secret: secret.New(testSecret)}, Options{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// withCertificate is a provider that signs in with a certificate, which the authority knows.
func withCertificate(t *testing.T, a *authority) *Provider {
	t.Helper()
	a.certificate = certificateOf(t, rsaKey().Public(), rsaKey(), century)
	p, err := NewOffice365(Office365{Tenant: testTenant, ClientID: testApp, Certificate: secret.New(pkcs8(t, rsaKey()) + pemOf("CERTIFICATE", a.certificate.Raw))}, Options{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keyFile is a service account's.
func keyFile(t *testing.T, key *rsa.PrivateKey, change map[string]any) secret.Text {
	t.Helper()
	fields := map[string]any{"type": "service_account", "project_id": "project", "private_key_id": "key-1", "private_key": pkcs8(t, key),
		"client_email": "mover@project.iam.gserviceaccount.com", "client_id": "1234567890", "token_uri": "https://oauth2.googleapis.com/token"}
	for name, value := range change {
		fields[name] = value
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(text))
}

func withServiceAccount(t *testing.T, a *authority) *Provider {
	t.Helper()
	a.google = &rsaKey().PublicKey
	p, err := NewGoogle(Google{Key: keyFile(t, rsaKey(), nil)}, Options{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, p *Provider, user string) secret.Text {
	t.Helper()
	got, err := p.Token(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
