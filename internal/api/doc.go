// Package api is the REST API below /api/v1, and its client.
//
// Every operation is a method of control.Service with a path. What the API adds:
//
//   - Who asks. A token comes in the Authorization header, a session in a cookie.
//     A session is for browsers, so what changes something is refused when the
//     browser says that another site asked for it. The table of permissions
//     (access.go) has an entry for each route, or the server does not start; a
//     role without the permission is turned away before the request is read.
//   - Problems in the form of RFC 9457 with codes that stay the same. What was
//     sent is never repeated in them.
//   - Lists by the key of the last item, not by number: {"items": [...], "next":
//     "..."}; next is the cursor for what follows, empty at the end.
//   - ETags: what can be edited has its version as ETag, and If-Match makes an
//     edit fail when somebody else was faster.
//   - Idempotency-Key: a create that is sent again with the same key gets the
//     first answer again.
//   - Bounds for sizes, times, and how often servers may be tried.
//   - Live progress as server-sent events.
//
// The description in OpenAPI 3.1 is made from the types here and in control, is
// served at /api/v1/openapi.yaml, and is committed as docs/openapi.yaml, which a
// test holds together with the code.
package api
