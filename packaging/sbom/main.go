// Command sbom writes what is in a release as CycloneDX 1.5 (ECMA-424), as JSON: each
// module in the binary, as the Go linker recorded it, and each npm package whose code is
// in the console, as its lock file has them. The same input gives the same bytes.
//
//	go run ./packaging/sbom -binary bin/mailhaul -lock web/package-lock.json -version 1.0.0
package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	binary := flag.String("binary", "", "the binary")
	lock := flag.String("lock", "", "package-lock.json of the console")
	version := flag.String("version", "", "version of the release")
	flag.Parse()
	if err := run(os.Stdout, *binary, *lock, *version); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// bill is the part of CycloneDX that is written.
type bill struct {
	Format      string      `json:"bomFormat"`
	Spec        string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
	Composition []complete  `json:"compositions"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"purl"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// complete says that nothing is left out.
type complete struct {
	Aggregate  string   `json:"aggregate"`
	Assemblies []string `json:"assemblies"`
}

func run(out io.Writer, binary, lock, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	self := component{Type: "application", Name: info.Main.Path, Version: cmp.Or(version, info.Main.Version), URL: "pkg:golang/" + info.Main.Path + "@" + cmp.Or(version, info.Main.Version)}
	self.Ref = self.URL
	parts := []component{library("golang", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		parts = append(parts, library("golang", module.Path, module.Version))
	}
	packages, err := npmPackages(lock)
	if err != nil {
		return err
	}
	parts = append(parts, packages...)
	slices.SortFunc(parts, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(bill{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{self}, Components: parts,
		Composition: []complete{{"complete", []string{self.Ref}}}})
}

// library is a part by its package URL, in which an @ of a name is escaped.
func library(kind, name, version string) component {
	ref := "pkg:" + kind + "/" + strings.ReplaceAll(name, "@", "%40") + "@" + version
	return component{Type: "library", Ref: ref, Name: name, Version: version, URL: ref}
}

// npmPackages are those that are not for building alone.
func npmPackages(path string) ([]component, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct {
			Version, Integrity string
			Dev                bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	known := map[string]bool{}
	var parts []component
	for place, p := range lock.Packages {
		at := strings.LastIndex(place, "node_modules/")
		if at < 0 || p.Dev {
			continue
		}
		part := library("npm", place[at+len("node_modules/"):], p.Version)
		if known[part.Ref] {
			continue
		}
		known[part.Ref] = true
		if sum, found := strings.CutPrefix(p.Integrity, "sha512-"); found {
			if bytes, err := base64.StdEncoding.DecodeString(sum); err == nil {
				part.Hashes = []hash{{"SHA-512", hex.EncodeToString(bytes)}}
			}
		}
		parts = append(parts, part)
	}
	return parts, nil
}
