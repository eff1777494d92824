package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// The algorithms of assertions (RFC 7518 section 3.1).
const (
	algorithmPS256 = "PS256" // what Entra ID recommends
	algorithmRS256 = "RS256" // what Google takes
)

// header is that of an assertion (RFC 7515 section 4.1). Entra ID finds the key by
// the certificate's thumbprint, Google by its number.
type header struct {
	Algorithm  string `json:"alg"`
	Type       string `json:"typ"`
	Thumbprint string `json:"x5t#S256,omitempty"`
	KeyID      string `json:"kid,omitempty"`
}

// claims are those of an assertion (RFC 7523 section 3); times are in seconds since
// 1970.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	Scope     string `json:"scope,omitempty"`
	ID        string `json:"jti,omitempty"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf,omitempty"`
	Expires   int64  `json:"exp"`
}

// sign makes the assertion (RFC 7515 section 3.1).
func sign(key *rsa.PrivateKey, h header, c claims) (string, error) {
	h.Type = "JWT"
	head, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("writing an assertion: %w", err)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("writing an assertion: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	if h.Algorithm == algorithmPS256 {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
