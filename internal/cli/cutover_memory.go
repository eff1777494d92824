package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/store"
)

// cutoverMemory is the file in which a command without a server remembers what it saw
// of domains.
type cutoverMemory struct{ path string }

// cutoverFile is what is in it.
type cutoverFile struct {
	Domains map[string]cutover.Watch `json:"domains"`
}

// openCutoverMemory finds the file; it need not be there yet.
func openCutoverMemory(path string) (cutoverMemory, error) {
	if path == "" {
		directory, err := stateDirectory()
		if err != nil {
			return cutoverMemory{}, usageError("no place to remember what was seen: %w; name a file with --state", err)
		}
		path = filepath.Join(directory, "cutover.json")
	}
	m := cutoverMemory{path}
	_, err := m.read()
	return m, err
}

func (m cutoverMemory) read() (cutoverFile, error) {
	file := cutoverFile{Domains: map[string]cutover.Watch{}}
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		return file, usageError("--state: reading what was seen from %s: %w", m.path, err)
	}
	if file.Domains == nil {
		file.Domains = map[string]cutover.Watch{}
	}
	return file, nil
}

// watch is what is remembered of a domain; it has only its name where nothing is.
func (m cutoverMemory) watch(domain string) (cutover.Watch, error) {
	file, err := m.read()
	return file.watch(domain), err
}

func (f cutoverFile) watch(domain string) cutover.Watch {
	w := f.Domains[domain]
	w.Domain = domain
	return w
}

// memoryWait is how long a command waits for another that remembers something.
const memoryWait = 10 * time.Second

// change changes what is remembered of a domain. It reads the file anew while no other
// command may change it, so that what that has seen meanwhile stays.
func (m cutoverMemory) change(ctx context.Context, domain string, change func(w cutover.Watch) (cutover.Watch, error)) (watch cutover.Watch, err error) {
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	if err = os.MkdirAll(filepath.Dir(m.path), 0o700); err == nil {
		err = store.WithLock(ctx, m.path+".lock", func() (err error) {
			watch, err = m.changeLocked(domain, change)
			return err
		})
	}
	if err != nil {
		return watch, fmt.Errorf("remembering what was seen of %s: %w", domain, err)
	}
	return watch, nil
}

func (m cutoverMemory) changeLocked(domain string, change func(w cutover.Watch) (cutover.Watch, error)) (cutover.Watch, error) {
	file, err := m.read()
	if err != nil {
		return cutover.Watch{}, err
	}
	watch, err := change(file.watch(domain))
	if err != nil {
		return watch, err
	}
	file.Domains[domain] = watch
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return watch, err
	}
	return watch, writePrivate(m.path, append(text, '\n'))
}
