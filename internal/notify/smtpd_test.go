package notify

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

const mailPassword = `M4il"c4nary\+/=&%é`

// smtpd is Debian's aiosmtpd, run by testdata/smtpd.py.
type smtpd struct {
	dir  string
	port int
	ca   *imapfake.CA
}

type smtpdOptions struct {
	Dir      string   `json:"dir"`
	Mode     string   `json:"mode"`
	Cert     string   `json:"cert"`
	Key      string   `json:"key"`
	User     string   `json:"user,omitempty"`
	Password string   `json:"password,omitempty"`
	Refuse   []string `json:"refuse,omitempty"`
}

// startSMTP starts a server, or skips the test where there is none.
func startSMTP(t *testing.T, o smtpdOptions) *smtpd {
	t.Helper()
	if os.Getenv("MAILHAUL_NO_RIGS") == "1" {
		t.Skip("MAILHAUL_NO_RIGS is set")
	}
	const python = "/usr/bin/python3" // Debian's, which has Debian's packages
	if err := exec.CommandContext(t.Context(), python, "-c", "import aiosmtpd").Run(); err != nil {
		if os.Getenv("MAILHAUL_REQUIRE_RIGS") == "1" {
			t.Fatal("python3-aiosmtpd is missing")
		}
		t.Skip("python3-aiosmtpd is missing")
	}
	s := &smtpd{dir: t.TempDir()}
	papers := t.TempDir()
	o.Dir, o.Cert, o.Key = s.dir, filepath.Join(papers, "cert.pem"), filepath.Join(papers, "key.pem")
	s.issue(t, o)
	command := exec.Command(python, "testdata/smtpd.py")
	var log bytes.Buffer
	command.Stderr = &log
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // which ends the server
		_ = command.Wait()
		if t.Failed() {
			t.Logf("the SMTP server's log:\n%s", log.String())
		}
	})
	if err := json.NewEncoder(in).Encode(o); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("the SMTP server does not start: ", err)
	}
	s.port, _ = strconv.Atoi(strings.TrimSpace(line))
	return s
}

func (s *smtpd) issue(t *testing.T, o smtpdOptions) {
	t.Helper()
	var err error
	if s.ca, err = imapfake.NewCA(); err != nil {
		t.Fatal(err)
	}
	certificate, err := s.ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{o.Cert: {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, o.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// server is how it is reached.
func (s *smtpd) server(security migration.Security) *MailServer {
	return &MailServer{Host: "localhost", Port: s.port, Security: security, AllowCleartext: security == migration.Cleartext, Roots: s.ca.Pool(), From: "mailhaul@example.org"}
}

func (s *smtpd) signedIn(security migration.Security) *MailServer {
	m := s.server(security)
	m.User, m.Password = "mailhaul", secret.New(mailPassword)
	return m
}

// taken is a message that the server took.
type taken struct {
	From string
	To   []string
	TLS  bool
	User string
	raw  string
	mail *mail.Message
	// parts are the decoded bodies by file name, or by type when there is none.
	parts map[string]string
}

func (s *smtpd) taken(t *testing.T) []taken {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []taken
	for _, file := range files {
		var m taken
		envelope, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
		if err == nil {
			err = json.Unmarshal(envelope, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m.raw, m.parts = string(raw), map[string]string{}
		if m.mail, err = mail.ReadMessage(strings.NewReader(m.raw)); err != nil {
			t.Fatal(err)
		}
		m.read(t, m.mail.Header.Get("Content-Type"), m.mail.Header.Get("Content-Transfer-Encoding"), "", m.mail.Body)
		all = append(all, m)
	}
	return all
}

func (m *taken) read(t *testing.T, kind, encoding, file string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		reader := multipart.NewReader(body, params["boundary"])
		for part, err := reader.NextRawPart(); err == nil; part, err = reader.NextRawPart() {
			m.read(t, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part.FileName(), part)
		}
		return
	}
	switch encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if file != "" {
		kind = file
	}
	m.parts[kind] = string(text)
}
