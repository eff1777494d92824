package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/api"
)

// flagOf are the flags of fields of the API that are not called as the fields are.
var flagOf = map[string]string{
	"adminPassword": "admin-password-file", "clientSecret": "client-secret-file", "certificate": "certificate-file", "serviceAccount": "service-account-file",
	"password": "password-file", "targetPassword": "target-password-file", "defaultFolders": "default-folder",
	"host": "address", "port": "address", "security": "address",
	"autoStart": "start", "intervalSeconds": "interval", "reportIntervalSeconds": "report-interval",
}

// inFlags has a problem of the API name the flags of the command where it names fields
// of the API. A field that the command has no flag for keeps its name.
func inFlags(c *cobra.Command, err error) {
	var p *api.Problem
	if c == nil || !errors.As(err, &p) {
		return
	}
	p.Detail, p.Remedy = inWords(c, p.Detail), inWords(c, p.Remedy)
	for i, field := range p.Fields {
		names := strings.Split(strings.TrimPrefix(field.Name, "body."), " or ")
		for n, name := range names {
			names[n] = flagFor(c, name)
		}
		p.Fields[i] = api.ProblemField{Name: strings.Join(names, " or "), Detail: inWords(c, field.Detail)}
	}
}

// apiWord is a word in the spelling of the API's fields that no sentence has.
var apiWord = regexp.MustCompile(`\b[a-z]+([A-Z][a-z]*)+\b`)

// settingPhrases are how a test names what is set of an endpoint, by the flag it is set
// with.
var settingPhrases = strings.NewReplacer("by setting the endpoint's pin to ", "with --pin ", "give its certificate as the endpoint's CA", "name its certificate with --ca FILE")

func inWords(c *cobra.Command, text string) string {
	if c.Flags().Lookup("pin") != nil {
		text = settingPhrases.Replace(text)
	}
	return apiWord.ReplaceAllStringFunc(text, func(word string) string { return flagFor(c, word) })
}

// registerSkipBad has a command leave out bad rows. The flag was called --skip-bad-rows
// of some commands, and scripts may still say so.
func registerSkipBad(flags *pflag.FlagSet, skip *bool, usage string) {
	flags.BoolVar(skip, "skip-bad", false, usage)
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "skip-bad-rows" {
			name = "skip-bad"
		}
		return pflag.NormalizedName(name)
	})
}

// flagFor spells a field of the API as the command's flag; an address is an argument in
// some commands.
func flagFor(c *cobra.Command, field string) string {
	name := flagOf[field]
	if name == "" {
		name = strings.ToLower(regexp.MustCompile(`[A-Z]`).ReplaceAllString(field, "-$0"))
	}
	switch {
	case c.Flags().Lookup(name) != nil:
		return "--" + name
	case name == "address" && strings.Contains(c.Use, "URL"):
		return "URL (" + field + ")"
	}
	return field
}
