package imapsync

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// MaxCommandBytes bounds a file of command lines.
const MaxCommandBytes = 1 << 20

// commandLines finds the calls of imapsync in a shell or batch script: the words of
// each, without the program. The program's name without an option behind it is no call
// but a mention, as in "which imapsync".
func commandLines(script string) (calls [][]string) {
	for _, words := range splitScript(script) {
		for i, word := range words {
			if isProgram(word) && slices.ContainsFunc(words[i+1:], isDashed) {
				calls = append(calls, words[i+1:])
				break
			}
		}
	}
	return calls
}

// isDashed sees an option, and not the dashes that people write between words.
func isDashed(word string) bool { return strings.TrimLeft(word, "-") != "" && word[0] == '-' }

// isProgram sees imapsync, with a path and an ending or without.
func isProgram(word string) bool {
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	return name == "imapsync" || name == "imapsync.exe" || name == "imapsync_32bit.exe" || name == "imapsync_bin_darwin"
}

var remarks = regexp.MustCompile(`(?im)^\s*@?rem\b.*$`)

// splitScript splits a script into commands and words as a POSIX shell does, as far as
// quotes, backslashes, comments and separators go. Nothing is expanded. Of batch files of
// Windows it knows the remarks, the ^ at the end of a line that goes on, and the backslash
// between the parts of a path.
func splitScript(script string) [][]string {
	s := &splitter{}
	script = remarks.ReplaceAllString(strings.ReplaceAll(script, "\r\n", "\n"), "")
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
		if inPath(r) || s.quote == '"' && !strings.ContainsRune("\"$`", r) {
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

// inPath reports whether a backslash before the character divides a path of Windows:
// nobody has to escape such a character.
func inPath(r rune) bool {
	return r == '.' || r == '\\' || unicode.IsLetter(r) || unicode.IsDigit(r)
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
