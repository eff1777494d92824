package cli

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/graph"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// defaults says which are the default folders of an account: those that its endpoint
// names, and where it wants that, those that Microsoft Graph tells.
func (d *doorman) defaults(account control.Account) mailsync.Defaults {
	defaults := mailsync.Defaults{Named: account.DefaultFolders}
	if account.Login.Form == migration.LoginOffice365 && account.Login.App.GraphFolders {
		defaults.Ask = func(ctx context.Context) (migration.DefaultFolders, *migration.Finding) {
			return d.askGraph(ctx, account)
		}
	}
	return defaults
}

// askGraph asks for the default folders of an account. The finding says why there is
// no answer.
func (d *doorman) askGraph(ctx context.Context, account control.Account) (migration.DefaultFolders, *migration.Finding) {
	client, err := d.graph(account)
	var folders migration.DefaultFolders
	if err == nil {
		folders, err = client.DefaultFolders(ctx, account.User)
	}
	if err == nil {
		return folders, nil
	}
	finding := migration.Finding{Code: migration.CodeDefaultFolders, Reason: "the default folders were found by their names instead: " + err.Error()}
	if fault := migration.FaultOf(err); fault != nil {
		finding.Remedy = fault.Remedy
	}
	return nil, &finding
}

// graph gives the one client of a credential.
func (d *doorman) graph(account control.Account) (*graph.Client, error) {
	key := adminKey(account)
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.graphs[key]; c != nil {
		return c, nil
	}
	client, err := graph.New(control.TokenApp(account.Login.App, account.Password), d.authorities)
	if err != nil {
		return nil, &migration.Fault{Class: migration.Login, Code: migration.CodeToken, Doing: "asking Microsoft Graph", Err: err, Remedy: "Correct the endpoint's application and Graph address."}
	}
	if d.graphs == nil {
		d.graphs = map[string]*graph.Client{}
	}
	d.graphs[key] = client
	return client, nil
}
