package rig

import (
	"os"
	"path/filepath"
	"strings"
)

// Tree is a server that scripts/install-rigs unpacked, beside the machine's own
// packages, which exclude it.
type Tree string

// trees is where scripts/install-rigs puts them.
const trees = "/opt/mailhaul-rigs"

// Path is that of a file of the tree, named as if the tree were the machine's root.
func (t Tree) Path(file string) string { return filepath.Join(trees, string(t), file) }

// Missing says what this machine lacks to run the tree's server, or "".
func (t Tree) Missing() string {
	if os.Geteuid() != 0 {
		return "the rig of " + string(t) + " needs root, because its server changes users"
	}
	if _, err := os.Stat(t.Path("packages")); err != nil {
		return string(t) + " is not there: run scripts/install-rigs as root"
	}
	return ""
}

// Environment lets the programs of the tree find its libraries, in dirs of it and in
// the usual ones.
func (t Tree) Environment(dirs ...string) []string {
	paths := []string{}
	for _, pattern := range append(dirs, "/usr/lib/*-linux-gnu*", "/lib/*-linux-gnu*", "/usr/lib") {
		found, _ := filepath.Glob(t.Path(pattern)) // the pattern is good
		paths = append(paths, found...)
	}
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "LD_LIBRARY_PATH=" + strings.Join(paths, ":")}
}
