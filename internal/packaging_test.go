package internal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/rigs/effort"
)

// systemd must take the unit as it is, but for the program, which is not installed
// here, and find it well fenced in.
func TestTheUnitIsValidAndFencedIn(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is missing")
	}
	text, err := os.ReadFile("../packaging/mailhaul.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "mailhaul.service")
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), "/usr/local/bin/mailhaul serve", "/bin/true", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no", unit}, {"security", "--offline=true", "--threshold=20", unit}} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}

// need ends a test that cannot be had here: MAILHAUL_LONG asks for it, root and programs
// are needed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if !effort.Long() {
		t.Skip("takes minutes; MAILHAUL_LONG=1 runs it")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("MAILHAUL_REQUIRE_RIGS") != "" {
				t.Fatalf("%s is missing: run scripts/install-rigs", program)
			}
			t.Skipf("%s is missing", program)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("takes root")
	}
}

// said runs a program of the repository's root and gives what it printed.
func said(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = "..", append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// only is the one file that a pattern names.
func only(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatal(pattern, files, err)
	}
	return files[0]
}

// A release holds what its lists say: each file with its sum, signed; each module of the
// binary, as Go itself lists them; each package of the console, as npm lists them. The
// Debian package is made as Debian wants it, and does its work in a bare root.
func TestLongDist(t *testing.T) {
	need(t, "dpkg-deb", "ssh-keygen", "npm")
	dir, keys := t.TempDir(), t.TempDir()
	key := filepath.Join(keys, "release")
	said(t, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release@example.org", "-f", key)
	said(t, []string{"MAILHAUL_SIGNING_KEY=" + key}, "scripts/dist", "-o", dir, "linux/amd64")

	t.Run("the sums and the signature are right", func(t *testing.T) { checkSums(t, dir, key) })
	t.Run("the bill has every part", func(t *testing.T) { checkBill(t, dir) })
	deb := only(t, filepath.Join(dir, "*_amd64.deb"))
	t.Run("every part has its licence", func(t *testing.T) { checkLicences(t, dir, deb) })
	t.Run("lintian finds no error", func(t *testing.T) {
		need(t, "lintian")
		if out := said(t, nil, "lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", deb); strings.Contains(out, "E: ") {
			t.Error(out)
		}
	})
	t.Run("the binary is static", func(t *testing.T) {
		if out := said(t, nil, "readelf", "--dynamic", only(t, filepath.Join(dir, "*_linux_amd64"))); !strings.Contains(out, "no dynamic section") {
			t.Error(out)
		}
	})
	t.Run("the package in a bare root", func(t *testing.T) {
		for range 2 {
			checkBareRoot(t, deb)
		}
	})
	t.Run("the image", func(t *testing.T) { checkImage(t, dir) })
}

func checkSums(t *testing.T, dir, key string) {
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, []byte("release@example.org "+string(public)), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := "cd " + dir + " && sha256sum --check --quiet --strict SHA256SUMS && ssh-keygen -Y verify -f " + signers + " -I release@example.org -n mailhaul -s SHA256SUMS.sig < SHA256SUMS"
	said(t, nil, "sh", "-c", verify)
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, "SHA256SUMS") && !strings.Contains(string(sums), "  "+name+"\n") {
			t.Errorf("%s has no sum", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), append(sums, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", verify).CombinedOutput(); err == nil {
		t.Errorf("sums that were changed are verified: %s", out)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums, 0o644); err != nil {
		t.Fatal(err)
	}
}

// bill is what is in a release.
type bill struct {
	BOMFormat  string
	Components []struct{ PURL, Version string }
}

// checkLicences looks for the licence of each part of the bill in the Debian package.
func checkLicences(t *testing.T, dir, deb string) {
	var bill bill
	readJSON(t, filepath.Join(dir, "sbom.json"), &bill)
	licences := said(t, nil, "sh", "-c", "dpkg-deb --fsys-tarfile "+deb+" | tar -xO ./usr/share/doc/mailhaul/licences.gz | gzip -dc")
	for _, part := range bill.Components {
		kind, name, _ := strings.Cut(strings.TrimPrefix(part.PURL, "pkg:"), "/")
		switch {
		case kind == "npm":
			name = strings.ReplaceAll(strings.TrimSuffix(name, "@"+part.Version), "%40", "@")
		case strings.HasPrefix(name, "stdlib@"):
			name = "Go"
		}
		_, licence, found := strings.Cut(licences, "\n==== "+name+"\n")
		licence, _, _ = strings.Cut(licence, "\n==== ")
		if !found || strings.TrimSpace(licence) == "" {
			t.Errorf("%s has no licence", part.PURL)
		}
	}
}

func checkBill(t *testing.T, dir string) {
	var bill bill
	readJSON(t, filepath.Join(dir, "sbom.json"), &bill)
	if bill.BOMFormat != "CycloneDX" {
		t.Fatal(bill.BOMFormat)
	}
	has := func(url string) bool {
		return slices.ContainsFunc(bill.Components, func(c struct{ PURL, Version string }) bool { return c.PURL == url })
	}
	modules := regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(said(t, nil, "go", "version", "-m", only(t, filepath.Join(dir, "*_linux_amd64"))), -1)
	if len(modules) < 20 {
		t.Errorf("only %d modules are in the binary", len(modules))
	}
	for _, module := range modules {
		if !has("pkg:golang/" + module[1] + "@" + module[2]) {
			t.Errorf("%s is missing", module[0])
		}
	}
	var tree struct{ Dependencies map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(said(t, nil, "npm", "--prefix", "web", "ls", "--omit=dev", "--all", "--json")), &tree); err != nil || len(tree.Dependencies) == 0 {
		t.Fatal(err, tree)
	}
	var walk func(map[string]json.RawMessage)
	walk = func(all map[string]json.RawMessage) {
		for name, raw := range all {
			var part struct {
				Version      string
				Dependencies map[string]json.RawMessage
			}
			if err := json.Unmarshal(raw, &part); err != nil {
				t.Fatal(err)
			}
			if url := "pkg:npm/" + strings.ReplaceAll(name, "@", "%40") + "@" + part.Version; part.Version != "" && !has(url) {
				t.Errorf("%s is missing", url)
			}
			walk(part.Dependencies)
		}
	}
	walk(tree.Dependencies)
}

// bareRoot is an archive of Debian with no more than it needs, made once and kept.
func bareRoot(t *testing.T) string {
	t.Helper()
	need(t, "mmdebstrap", "unshare", "ip")
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		t.Fatal(err)
	}
	suite := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)$`).FindSubmatch(release)
	if suite == nil {
		t.Skip("this is no Debian")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(cache, "mailhaul", "bare-"+string(suite[1])+".tar")
	if _, err := os.Stat(archive); err == nil {
		return archive
	}
	if err := os.MkdirAll(filepath.Dir(archive), 0o700); err != nil {
		t.Fatal(err)
	}
	draft := archive + ".new"
	said(t, nil, "mmdebstrap", "--quiet", "--mode=root", "--variant=essential", "--include=ca-certificates", "--format=tar", string(suite[1]), draft)
	if err := os.Rename(draft, archive); err != nil {
		t.Fatal(err)
	}
	return archive
}

// checkBareRoot installs the package in a bare root, has it work, purges it, and looks for
// its secrets in every byte that is left.
func checkBareRoot(t *testing.T, deb string) {
	t.Helper()
	archive, root := bareRoot(t), t.TempDir()
	began := time.Now()
	said(t, nil, "tar", "-xf", archive, "-C", root)
	said(t, nil, "install", "-m", "0644", deb, filepath.Join(root, "mailhaul.deb"))
	said(t, nil, "install", "-m", "0755", "packaging/debian/check", filepath.Join(root, "check"))
	// The mounts end with the namespace.
	const enter = `set -e
ip link set lo up
cd "$1"
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t proc proc proc
for device in null zero random urandom; do
	[ -e dev/$device ] || : >dev/$device
	mount --bind /dev/$device dev/$device
done
exec chroot . /check`
	out := said(t, nil, "unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", enter, "sh", root)
	for _, fact := range []string{"ok: the service runs as 64000\n", "ok: the batch is Synced\n", "ok: nothing is left\n"} {
		if !strings.Contains(out, fact) {
			t.Errorf("%q is missing in\n%s", fact, out)
		}
	}
	secrets := secretsOf(t, out)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for i, secret := range secrets {
			if bytes.Contains(content, secret) {
				t.Errorf("%s holds secret %d", strings.TrimPrefix(path, root), i)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %v, want at most 2 minutes", took)
	} else {
		t.Logf("%d secrets looked for, in %v", len(secrets), took.Round(time.Second))
	}
}

// secretsOf are the secrets that the check told, and the key behind its base64.
func secretsOf(t *testing.T, out string) (secrets [][]byte) {
	t.Helper()
	for _, line := range regexp.MustCompile(`(?m)^secret: (.+)$`).FindAllStringSubmatch(out, -1) {
		secrets = append(secrets, []byte(line[1]))
		if raw, err := base64.StdEncoding.DecodeString(line[1]); err == nil && len(raw) == 32 {
			secrets = append(secrets, raw)
		}
	}
	if len(secrets) < 10 {
		t.Fatalf("only %d secrets were told", len(secrets))
	}
	return secrets
}

// imageConfig is what an image says of how it is run.
type imageConfig struct {
	Config struct {
		User            string
		Env, Entrypoint []string
		Cmd             []string
		Volumes         map[string]any
		Healthcheck     struct{ Test []string }
	}
}

// checkImage builds the image, unpacks it, and runs it as it says: it refuses to be
// reached without TLS, and serves behind a proxy that does it, as its health check finds.
func checkImage(t *testing.T, dir string) {
	t.Helper()
	need(t, "buildah", "setpriv")
	said(t, nil, "scripts/image", dir)
	work := t.TempDir()
	said(t, nil, "tar", "-xf", only(t, filepath.Join(dir, "*.image.tar")), "-C", work)
	var manifests []struct {
		Config string
		Layers []string
	}
	readJSON(t, filepath.Join(work, "manifest.json"), &manifests)
	root := filepath.Join(work, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, layer := range manifests[0].Layers {
		said(t, nil, "tar", "-xf", filepath.Join(work, layer), "-C", root)
	}
	var image imageConfig
	readJSON(t, filepath.Join(work, manifests[0].Config), &image)
	c := image.Config
	if c.User != "65532:65532" || len(c.Volumes) != 1 || len(c.Healthcheck.Test) < 2 || c.Healthcheck.Test[0] != "CMD" {
		t.Fatalf("%+v", c)
	}
	files := said(t, nil, "find", root, "-type", "f", "-printf", "/%P\n")
	if files != "/etc/ssl/certs/ca-certificates.crt\n/mailhaul\n" && files != "/mailhaul\n/etc/ssl/certs/ca-certificates.crt\n" {
		t.Errorf("the image has\n%s", files)
	}
	// A secret is mounted there.
	said(t, nil, "install", "-d", "-m", "0755", filepath.Join(root, "run/secrets"))
	said(t, nil, "sh", "-c", "head -c 32 /dev/urandom | base64 > "+root+"/run/secrets/mailhaul.key && chown 65532:65532 "+root+"/run/secrets/mailhaul.key && chmod 0400 "+root+"/run/secrets/mailhaul.key && mkdir -p "+root+"/dev && : > "+root+"/dev/urandom")
	within := func(words ...string) string {
		return "env -i " + strings.Join(c.Env, " ") + " $MORE chroot --userspec=65532:65532 " + root + " " + strings.Join(words, " ")
	}
	serve, health := within(append(c.Entrypoint, c.Cmd...)...), within(c.Healthcheck.Test[1:]...)
	script := "ip link set lo up\nMORE=\n" + serve + " && echo it listens without TLS\n" +
		"MORE=MAILHAUL_TRUSTED_PROXY=127.0.0.1\n" + serve + " & server=$!\nend=$(($(date +%s) + 60))\nuntil " + health + "; do [ $(date +%s) -lt $end ] || break; sleep 0.2; done\n" +
		"kill $server\nwait $server\necho ended with $?\n" + health + " || echo not well any more\n"
	out := said(t, nil, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script)
	for _, fact := range []string{"the server is well\n", "ended with 0\n", "not well any more\n"} {
		if !strings.Contains(out, fact) {
			t.Errorf("%q is missing in\n%s", fact, out)
		}
	}
	if strings.Contains(out, "it listens without TLS") {
		t.Error("the image listens to the world without TLS")
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
