package imapsync

import (
	"path"
	"strings"
)

// MaxCommandBytes bounds a file of command lines.
const MaxCommandBytes = 1 << 20

// commandLines finds the calls of imapsync in a shell or batch script: the words of
// each, without the program.
func commandLines(script string) (calls [][]string) {
	for _, words := range splitScript(script) {
		for i, word := range words {
			if isProgram(word) {
				calls = append(calls, words[i+1:])
				break
			}
		}
	}
	return calls
}

// isProgram sees imapsync, with a path and an ending or without.
func isProgram(word string) bool {
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	return name == "imapsync" || name == "imapsync.exe" || name == "imapsync_32bit.exe" || name == "imapsync_bin_darwin"
}

// splitScript splits a script into commands and words as a POSIX shell does, as far as
// quotes, backslashes, comments and separators go. Nothing is expanded. A ^ at the end of
// a line goes on as a backslash does, which is how batch files of Windows write it.
func splitScript(script string) [][]string {
	s := &splitter{}
	script = strings.ReplaceAll(script, "\r\n", "\n")
	script = strings.NewReplacer("\\\n", " ", "^\n", " ").Replace(script)
	for _, r := range script {
		s.take(r)
	}
	s.endCommand()
	return s.commands
}

// splitter is the state of splitting.
type splitter struct {
	commands [][]string
	words    []string
	word     strings.Builder
	begun    bool // a word has begun, maybe an empty one in quotes
	quote    rune // the open quote
	escaped  bool
	comment  bool
}

func (s *splitter) take(r rune) {
	switch {
	case s.comment:
		if r == '\n' {
			s.comment = false
			s.endCommand()
		}
	case s.escaped:
		if s.quote == '"' && !strings.ContainsRune("\"\\$`", r) {
			s.add('\\')
		}
		s.add(r)
		s.escaped = false
	case r == '\\' && s.quote != '\'':
		s.escaped, s.begun = true, true
	case s.quote != 0:
		if r == s.quote {
			s.quote = 0
			return
		}
		s.add(r)
	default:
		s.bare(r)
	}
}

// bare takes a character outside of quotes.
func (s *splitter) bare(r rune) {
	switch {
	case r == '\'' || r == '"':
		s.quote, s.begun = r, true
	case r == '#' && !s.begun:
		s.comment = true
	case strings.ContainsRune("\n;&|", r):
		s.endCommand()
	case r == ' ' || r == '\t':
		s.endWord()
	default:
		s.add(r)
	}
}

func (s *splitter) add(r rune) {
	s.word.WriteRune(r)
	s.begun = true
}

func (s *splitter) endWord() {
	if s.begun {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.begun = false
}

func (s *splitter) endCommand() {
	s.endWord()
	if len(s.words) > 0 {
		s.commands = append(s.commands, s.words)
	}
	s.words, s.quote, s.escaped = nil, 0, false
}
