package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// maxEvent bounds one line of a live answer.
const maxEvent = 4 << 20

// event is one of a live answer.
type event struct {
	name string
	data []byte
}

// events reads a live answer to its end, in the format of server-sent events
// (HTML, section 9.2), as far as this server writes it.
func events(body io.Reader, each func(event) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxEvent)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.name = value
		case "data":
			e.data = append(e.data, value...)
		case "":
			if len(e.data) > 0 {
				if err := each(e); err != nil {
					return err
				}
			}
			e = event{}
		}
	}
	return lines.Err()
}

// watch follows a live answer whose events are of one type, until the server ends
// it, each returns false, or the context ends.
func watch[T any](ctx context.Context, c *Client, path, name string, each func(T) bool) error {
	body, err := c.stream(ctx, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	err = events(body, func(e event) error {
		if e.name != name {
			return nil
		}
		var value T
		if err := json.Unmarshal(e.data, &value); err != nil {
			return fmt.Errorf("reading the live answer: %w", err)
		}
		if !each(value) {
			return io.EOF
		}
		return nil
	})
	switch {
	case err == io.EOF: //nolint:errorlint // it is the one from above
		return nil
	case err != nil:
		return c.lost(ctx, err)
	}
	return ctx.Err()
}
