package consoletest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// letter is a message of somebody's.
func letter(subject string, at time.Time, more int) []byte {
	return fmt.Appendf(nil, "From: Office <office@example.org>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%x@example.org>\r\n\r\n%s\r\n",
		subject, at.Format(time.RFC1123Z), sha256.Sum256([]byte(subject)), strings.Repeat("Please find the figures below.\r\n", 1+more/32))
}

// load puts messages into a mailbox of a server.
func load(t *testing.T, server *rig.Mail, user string, corpus mailgen.Corpus) error {
	return mailgen.Load(t.Context(), mailgen.Target{Addr: server.Addr(), User: user, Password: dovecotrig.DefaultPassword}, corpus, mailgen.LoadOptions{Connections: 1})
}

// snapshot is a mailbox as another client than ours sees it.
func snapshot(t *testing.T, server *rig.Mail, user string) (oracle.Snapshot, error) {
	return oracle.Take(t.Context(), server.Host, server.Port, user, dovecotrig.DefaultPassword)
}

func sumOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// smtpServer keeps what is mailed in a directory.
type smtpServer struct {
	port int
	dir  string
}

// sent is a mail that came.
type sent struct {
	To      []string `json:"to"`
	Subject string   `json:"subject"`
}

// startSMTP starts Debian's aiosmtpd with the program of the suite of package notify.
func startSMTP(t *testing.T) smtpServer {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has Debian's packages
	rig.Require(t, func() string {
		if exec.CommandContext(t.Context(), python, "-c", "import aiosmtpd").Run() != nil {
			return "python3-aiosmtpd is missing"
		}
		return ""
	})
	s := smtpServer{dir: t.TempDir()}
	command := exec.Command(python, "../notify/testdata/smtpd.py")
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
	})
	if err := json.NewEncoder(in).Encode(map[string]any{"dir": s.dir, "mode": "none"}); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("the SMTP server does not start: ", err)
	}
	if _, err := fmt.Sscan(line, &s.port); err != nil {
		t.Fatal(err)
	}
	return s
}

// letters are those that came so far.
func (s smtpServer) letters() ([]sent, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.eml"))
	if err != nil {
		return nil, err
	}
	all := make([]sent, len(files))
	for i, file := range files {
		envelope, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
		if err == nil {
			err = json.Unmarshal(envelope, &all[i])
		}
		if err != nil {
			return nil, err
		}
		text, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		message, err := mail.ReadMessage(text)
		_ = text.Close()
		if err != nil {
			return nil, err
		}
		all[i].Subject = message.Header.Get("Subject")
	}
	return all, nil
}
