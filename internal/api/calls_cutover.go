package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/mailhaul/mailhaul/internal/control"
)

// Cutovers lists the domains that are watched, of a batch those with mailboxes in it.
func (c *Client) Cutovers(ctx context.Context, batch string) ([]control.Cutover, error) {
	query := url.Values{}
	if batch != "" {
		query.Set("batch", batch)
	}
	page, err := get[pageOf[control.Cutover]](ctx, c, at("cutovers"), query)
	return page.Items, err
}

// Cutover shows one.
func (c *Client) Cutover(ctx context.Context, domain string) (control.Cutover, error) {
	return get[control.Cutover](ctx, c, at("cutovers", domain), nil)
}

// SetCutover has a domain watched, or changes how if what was set still has the version; 0
// is any.
func (c *Client) SetCutover(ctx context.Context, domain string, spec control.CutoverSpec, version int64) (control.Cutover, error) {
	return call[control.Cutover](ctx, c, request{method: http.MethodPut, path: at("cutovers", domain), body: spec, headers: ifMatch(version)})
}

// CheckCutover looks at a domain now.
func (c *Client) CheckCutover(ctx context.Context, domain string, spec control.CutoverSpec) (control.Cutover, error) {
	return post[control.Cutover](ctx, c, at("cutovers", domain, "check"), spec)
}

// DeleteCutover ends the watch of a domain.
func (c *Client) DeleteCutover(ctx context.Context, domain string) error {
	return c.remove(ctx, at("cutovers", domain), nil)
}
