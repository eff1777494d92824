package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
)

func TestAnOnlyAdminIsLetInAgainOnTheServersComputer(t *testing.T) {
	dir := t.TempDir()
	keep := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	where := []string{"--data-dir", filepath.Join(dir, "data"), "--key-file", filepath.Join(dir, "server.key")}
	serve := func(want string, while func(url, said string)) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		out, ended := &watched{want: want, come: make(chan struct{})}, make(chan int, 1)
		go func() {
			ended <- Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, where...), Streams{In: strings.NewReader(""), Out: out, Err: &watched{}})
		}()
		defer func() { cancel(); <-ended }()
		select {
		case <-out.come:
			while(regexp.MustCompile(`serves at (http://\S+)`).FindStringSubmatch(out.String())[1], out.String())
		case <-ended:
			ended <- 0
			t.Fatalf("it ended, and says %s", out)
		}
	}
	signIn := func(url, password string) (*api.Client, error) {
		client, err := api.NewClient(api.ClientOptions{Server: url})
		if err == nil {
			_, err = client.SignIn(t.Context(), "ada", control.Password("the "+password), "")
		}
		return client, err
	}
	first := keep("first", "the first password\n")
	serve("works once", func(url, said string) {
		token := regexp.MustCompile(`works once:\s+(\S+)`).FindStringSubmatch(said)[1]
		execute(t, "operator", "setup", "ada", "--setup-token-file", keep("setup", token+"\n"), "--password-file", first, "--server", url, "--token-file", filepath.Join(dir, "token")).want(t, exitDone)
		ada, err := signIn(url, "first password")
		if err != nil {
			t.Fatal(err)
		}
		begun, err := ada.BeginTOTP(t.Context(), "the first password")
		if err == nil {
			_, err = ada.ConfirmTOTP(t.Context(), codeOf(t, string(begun.Secret)))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	rescue := append([]string{"serve", "rescue", "ada", "--password-file", keep("second", "the second password\n")}, where...)
	execute(t, append(rescue, "--database", "mysql://x")...).want(t, exitUsage, "postgres")
	execute(t, append([]string{"serve", "rescue", "eve", "--password-file", first}, where...)...).want(t, exitUsage, `no operator "eve"`)
	execute(t, rescue...).want(t, exitDone, "ada (admin) has a new password and no second factor")
	serve("serves at", func(url, _ string) {
		if _, err := signIn(url, "first password"); err == nil {
			t.Error("the old password opens")
		}
		ada, err := signIn(url, "second password")
		if err != nil {
			t.Fatal(err)
		}
		told := ""
		for record, err := range ada.Audit(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			told += record.Action + " "
		}
		if !strings.Contains(told, "operator.rescue") {
			t.Errorf("the audit log tells %s", told)
		}
	})
}
