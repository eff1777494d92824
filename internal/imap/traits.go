package imap

import (
	"cmp"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// traits recognises the make of the server. Banners change and lie; Exchange is told
// by its name in the banner or in ID, or by capabilities that no other has.
func (c *conn) traits(named ...string) migration.Traits {
	caps := c.capabilities()
	exchange := caps.has("CLIENTACCESSRULES") || caps.has("BACKENDAUTHENTICATE") || caps.has("CLIENTNETWORKPRESENCELOCATION")
	for _, name := range named {
		exchange = exchange || strings.Contains(strings.ToLower(name), "microsoft") && strings.Contains(strings.ToLower(name), "exchange")
	}
	var traits migration.Traits
	if exchange {
		traits = migration.ExchangeTraits()
	}
	traits.Unanswered = cmp.Or(c.options.Unanswered, traits.Unanswered)
	return traits
}
