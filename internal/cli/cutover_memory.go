package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailhaul/mailhaul/internal/cutover"
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

// change changes what is remembered of a domain. It reads the file anew, so that what
// another command has seen meanwhile stays.
func (m cutoverMemory) change(domain string, change func(w cutover.Watch, known bool) (cutover.Watch, error)) (cutover.Watch, error) {
	file, err := m.read()
	if err != nil {
		return cutover.Watch{}, err
	}
	watch, known := file.Domains[domain]
	watch.Domain = domain
	if watch, err = change(watch, known); err != nil {
		return watch, err
	}
	file.Domains[domain] = watch
	text, err := json.MarshalIndent(file, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o700)
	}
	if err == nil {
		err = writePrivate(m.path, append(text, '\n'))
	}
	if err != nil {
		return watch, fmt.Errorf("remembering what was seen of %s: %w", domain, err)
	}
	return watch, nil
}
