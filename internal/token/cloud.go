package token

import (
	"fmt"
	"strings"
)

// Cloud is where a tenant of Office 365 lives. Every field may be changed before
// use, except that the hosts of the authority and of Microsoft Graph must be known ones
// or among Options.Hosts.
type Cloud struct {
	// Name is what people write: worldwide, gcc-high, dod or china.
	Name string
	// Also are other names for it.
	Also []string
	// IMAPHost listens on port 993.
	IMAPHost string
	// Authority is the address that gives tokens, without a path.
	Authority string
	// Scope is what app-only access to IMAP is asked for with.
	Scope string
	// GraphAddress is where Microsoft Graph is, without a path. Its scope is this
	// cloud's, whatever the address.
	GraphAddress string
	// Portal is where administrators register apps.
	Portal string
	// Exchange, Graph and Azure are the cloud's names for Connect-ExchangeOnline,
	// Connect-MgGraph and az cloud set.
	Exchange, Graph, Azure string
}

// Clouds are the clouds of Office 365. GCC is part of worldwide. The scopes of the
// national clouds are not documented for IMAP; they follow their hosts.
func Clouds() []Cloud {
	return []Cloud{
		{Name: "worldwide", Also: []string{"", "gcc"}, IMAPHost: "outlook.office365.com", Authority: "https://login.microsoftonline.com",
			Scope: "https://outlook.office365.com/.default", GraphAddress: "https://graph.microsoft.com", Portal: "https://entra.microsoft.com",
			Exchange: "O365Default", Graph: "Global", Azure: "AzureCloud"},
		{Name: "gcc-high", IMAPHost: "outlook.office365.us", Authority: "https://login.microsoftonline.us",
			Scope: "https://outlook.office365.us/.default", GraphAddress: "https://graph.microsoft.us", Portal: "https://entra.microsoft.us",
			Exchange: "O365USGovGCCHigh", Graph: "USGov", Azure: "AzureUSGovernment"},
		{Name: "dod", IMAPHost: "outlook-dod.office365.us", Authority: "https://login.microsoftonline.us",
			Scope: "https://outlook-dod.office365.us/.default", GraphAddress: "https://dod-graph.microsoft.us", Portal: "https://entra.microsoft.us",
			Exchange: "O365USGovDoD", Graph: "USGovDoD", Azure: "AzureUSGovernment"},
		{Name: "china", Also: []string{"21vianet"}, IMAPHost: "partner.outlook.cn", Authority: "https://login.partner.microsoftonline.cn",
			Scope: "https://partner.outlook.cn/.default", GraphAddress: "https://microsoftgraph.chinacloudapi.cn", Portal: "https://portal.azure.cn",
			Exchange: "O365China", Graph: "China", Azure: "AzureChinaCloud"},
	}
}

// CloudNamed finds a cloud by one of its names, in any case; none is worldwide.
func CloudNamed(name string) (Cloud, error) {
	var names []string
	for _, cloud := range Clouds() {
		for _, known := range append([]string{cloud.Name}, cloud.Also...) {
			if strings.EqualFold(known, strings.TrimSpace(name)) {
				return cloud, nil
			}
		}
		names = append(names, cloud.Name)
	}
	return Cloud{}, fmt.Errorf("cloud %q is not known: use one of %s", name, strings.Join(names, ", "))
}

// loginHosts are the hosts that secrets may be sent to without further permission.
// The older names are of authorities that still answer, and of older key files.
func loginHosts() []string {
	return []string{
		"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
		"oauth2.googleapis.com", "www.googleapis.com", "accounts.google.com",
	}
}
