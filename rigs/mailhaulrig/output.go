package mailhaulrig

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"sync"
)

// Output is what is printed, which can be waited for.
type Output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{}
}

func newOutput() *Output { return &Output{grown: make(chan struct{}, 1)} }

// Write takes what is printed.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.grown <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

// String is all that was printed.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Find waits until the text has what is looked for, and gives its first group. One
// goroutine waits at a time.
func (o *Output) Find(ctx context.Context, pattern string) (string, error) {
	for {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(o.String()); found != nil {
			return found[1], nil
		}
		select {
		case <-o.grown:
		case <-ctx.Done():
			return "", fmt.Errorf("nothing like %s is printed: %s", pattern, o)
		}
	}
}
