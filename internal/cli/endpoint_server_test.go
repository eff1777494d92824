package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// keep writes a file and gives its path.
func (s *tlsServer) keep(name, text string) string {
	s.Helper()
	path := filepath.Join(s.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

func TestFilesThatAreNoSecretAreRefused(t *testing.T) {
	s := serveTLS(t)
	good := s.keep("good", "s3cret\n")
	app := []string{"--type", "office365", "--tenant", tenantID, "--client-id", clientID, "--skip-verification"}
	s.run(append(append([]string{"endpoint", "create", "cloud"}, app...), "--client-secret-file", good)...).want(t, exitDone)
	const remedy = "openssl pkcs12 -in app.pfx -out app.pem -nodes"
	for _, c := range []struct{ flag, text, says, more string }{
		{"--certificate-file", "0\x82\x04\xa4\x02\x01\x00 a DER key", "it is binary, as .pfx", remedy},
		{"--certificate-file", "just text", "it is plain text", remedy},
		{"--client-secret-file", "0\x82\x04\xa4\x02\x01\x00 a DER key", "is binary", "the value of the client secret"},
		{"--client-secret-file", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", "is a PEM file", "as the certificate"},
		{"--client-secret-file", "one\ntwo\n", "has several lines", ""},
		{"--client-secret-file", tenantID + "\n", "the secret's ID and not its value", ""},
		{"--service-account-file", "text", "not the JSON file", ""},
	} {
		file := s.keep("file", c.text)
		if c.flag == "--service-account-file" {
			app = []string{"--type", "gmail", "--skip-verification"}
		}
		s.run(append(append([]string{"endpoint", "create", "other"}, app...), c.flag, file)...).want(t, exitUsage, c.flag+": "+file, c.says, c.more)
		s.run("endpoint", "set", "cloud", "--skip-verification", c.flag, file).want(t, exitUsage, c.flag+": "+file, c.says, c.more)
	}
}
