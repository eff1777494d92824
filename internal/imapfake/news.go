package imapfake

import (
	"strconv"
	"strings"
)

// tellNews sends what has changed in the open folder. EXPUNGE waits when
// sequence numbers must not change (RFC 3501 section 7.4.1).
func (s *session) tellNews(expunges bool) {
	s.sel.owner.mu.Lock()
	news := s.sel.catchUp(expunges)
	s.sel.owner.mu.Unlock()
	s.tellExpunged(news)
	if news.exists >= 0 {
		if s.command != "APPEND" || !s.p.Append.Silent {
			s.write("* ", strconv.Itoa(news.exists), " EXISTS\r\n* ", strconv.Itoa(news.recent), " RECENT\r\n")
		}
	}
	for _, f := range news.flags {
		s.write("* ", strconv.Itoa(f.sequence), " FETCH (")
		if s.qresync {
			s.write("UID ", strconv.FormatUint(uint64(f.message.uid), 10), " ")
		}
		s.write("FLAGS (", strings.Join(f.flags, " "), ")")
		if s.condstore {
			s.write(" MODSEQ (", strconv.FormatUint(f.modSeq, 10), ")")
		}
		s.write(")\r\n")
	}
}

func (s *session) tellExpunged(news news) {
	if s.qresync {
		if !news.vanished.Empty() {
			s.write("* VANISHED ", news.vanished.String(), "\r\n")
		}
		return
	}
	for _, sequence := range news.expunged {
		s.write("* ", strconv.Itoa(sequence), " EXPUNGE\r\n")
	}
}
