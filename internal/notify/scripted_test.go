package notify

import (
	"bufio"
	"fmt"
	"net"
	"strings"

	"github.com/mailhaul/mailhaul/internal/secret"
)

var canarySecret = secret.New(mailPassword)

// serve answers commands until the line breaks or an empty answer breaks it.
func (s *scripted) serve(line net.Conn) {
	defer func() { _ = line.Close() }()
	answer := func(word, otherwise string) bool {
		text, told := s.answers[word]
		if !told {
			text = otherwise
		}
		if text == "" {
			return false
		}
		_, err := fmt.Fprintf(line, "%s\r\n", text)
		return err == nil
	}
	if !answer("GREETING", "220 ready") {
		return
	}
	in := bufio.NewScanner(line)
	for in.Scan() {
		s.heard = append(s.heard, in.Text())
		word, _, _ := strings.Cut(strings.ToUpper(in.Text()), " ")
		switch word {
		case "EHLO":
			if !answer(word, "250-localhost\r\n250-AUTH PLAIN\r\n250 8BITMIME") {
				return
			}
		case "DATA":
			if !answer(word, "354 go on") {
				return
			}
			for in.Scan() && in.Text() != "." {
				s.heard = append(s.heard, in.Text())
			}
			if !answer(".", "250 OK") {
				return
			}
		case "QUIT":
			answer(word, "221 bye")
			return
		default:
			if !answer(word, "250 OK") {
				return
			}
		}
	}
}

// header gives a header of the message that was heard.
func (s *scripted) header(name string) string {
	for _, line := range s.heard {
		if value, found := strings.CutPrefix(line, name+": "); found {
			return value
		}
	}
	return ""
}
