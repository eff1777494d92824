// Package web is the outside of the server: what every request goes through
// before it reaches the API, and the few pages that are not part of it.
//
//   - [New] puts the security headers on every answer, takes the address of the
//     client from a trusted proxy, gives up on a panic with a plain 500, and
//     writes one log line for each request. A log line has the route, never the
//     query, a header or a body.
//   - /healthz says that the process answers, /readyz that its database does, and
//     /metrics has figures, for whoever the API lets see them.
//   - All else is the console, which make console builds and this package embeds. In
//     a binary without it, / is a page of plain HTML that says how to build it.
//
// Signing in, sessions and permissions belong to package api.
package web
