package mailsync

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// openTarget opens the target folder, which is made if need be. A new folder
// whose name the target refuses, or takes for that of another, is tried once more
// under another name.
func (p *pass) openTarget(l *line, f *folder) (migration.FolderStatus, error) {
	status, err := p.openNamed(l, f)
	if f.pair.Exists || f.record.ID != 0 || err != nil && migration.ClassOf(err) != migration.OneFolder {
		return status, err
	}
	refused, was := err != nil, f.pair.Target
	if !refused {
		meets, err := p.meetsAnother(l, f)
		if err != nil || !meets {
			return status, err
		}
	}
	if !p.rename(l, f, refused) {
		return status, err
	}
	status, again := p.openNamed(l, f)
	if refused && migration.ClassOf(again) == migration.OneFolder {
		p.nameTarget(l, f, was)
		f.about = f.about[:len(f.about)-1]
		return status, err
	}
	return status, again
}

// openNamed opens the target folder under the name it has, and sees to it that it
// is subscribed to when the source's is.
func (p *pass) openNamed(l *line, f *folder) (migration.FolderStatus, error) {
	if err := p.held(); err != nil {
		return migration.FolderStatus{}, err
	}
	subscribe := f.pair.Source.Subscribed && (f.record.ID == 0 || !f.pair.Exists)
	if !subscribe || !f.pair.Exists || p.targetSubscribed(f.target) {
		return l.selectTarget(p.work, migration.Open{Folder: f.target, Create: !f.pair.Exists, Subscribe: subscribe})
	}
	var (
		both       sync.WaitGroup
		subscribed error
	)
	both.Go(func() { subscribed = l.target.Subscribe(p.work, f.target) })
	status, err := l.selectTarget(p.work, migration.Open{Folder: f.target})
	both.Wait()
	if err == nil && migration.ClassOf(subscribed) != migration.OneFolder {
		err = onTarget(subscribed)
	}
	return status, err
}

// meetsAnother reports whether the target takes the name of a folder just made
// for that of another one, because it does not tell case apart.
func (p *pass) meetsAnother(l *line, f *folder) (bool, error) {
	p.mu.Lock()
	twin := p.targetTaken(f, f.pair.Target)
	p.mu.Unlock()
	if !twin {
		return false, nil
	}
	folders, err := l.target.Folders(p.work)
	if err != nil {
		return false, onTarget(err)
	}
	return !slices.ContainsFunc(folders, func(t migration.Folder) bool { return t.Raw == f.target }), nil
}

// rename gives the target folder a name that no other source folder has, made
// plain if it was refused. It is false when that leaves it as it is.
func (p *pass) rename(l *line, f *folder, refused bool) bool {
	p.mu.Lock()
	plain := f.pair.Target
	if refused {
		if plain = p.plainName(plain); plain == f.pair.Target {
			plain = p.rules.aside(plain)
		}
	}
	name := plain
	for n := 2; p.targetTaken(f, name); n++ {
		name = fmt.Sprintf("%s (%d)", plain, n)
	}
	p.mu.Unlock()
	if name == f.pair.Target {
		return false
	}
	p.nameTarget(l, f, name)
	f.about = append(f.about, *renamed(f.pair.Source.Name, name))
	return true
}

func (p *pass) nameTarget(l *line, f *folder, name string) {
	raw := l.target.RawName(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	f.target, f.pair.Target = raw, name
}

// targetTaken reports whether another source folder goes to the name, or to one
// that differs in case alone.
func (p *pass) targetTaken(f *folder, name string) bool {
	return slices.ContainsFunc(p.folders, func(other *folder) bool {
		return other != f && sameName(other.pair.Target, name)
	})
}

// unwelcome is what one server or another takes in no name: Cyrus refuses most of
// it, others their own delimiters and wildcards.
const unwelcome = "\"%*\\/.~&^#|<>?:!;{}`"

// aside puts a folder beside one without mail whose name the target refuses and does
// not show: it is called so in a language that the mailbox did not give away.
func (r nameRules) aside(name string) string {
	top, below, deep := strings.Cut(strings.TrimPrefix(name, r.prefix), string(r.delimiter))
	if !r.local || !notMailAnywhere(top) {
		return name
	}
	if deep {
		below = string(r.delimiter) + below
	}
	return r.prefix + top + renamedSuffix + below
}

// plainName is a name without the characters that servers refuse most, and with
// short levels.
func (p *pass) plainName(name string) string {
	levels := strings.Split(name, string(p.rules.delimiter))
	for i, level := range levels {
		level = strings.Map(func(r rune) rune {
			// Courier knows no surrogate pairs (RFC 3501 section 5.1.3).
			if strings.ContainsRune(unwelcome, r) || r > '\uffff' {
				return '_'
			}
			return r
		}, strings.TrimSpace(shortened(level)))
		if level == "" {
			level = "_"
		}
		levels[i] = level
	}
	return strings.Join(levels, string(p.rules.delimiter))
}

// shortened is as much of a level as every server takes, whole characters.
func shortened(level string) string {
	const most = 60
	for i := range level {
		if i > most {
			return level[:i]
		}
	}
	return level
}
