package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"reflect"
)

// Repeatable lets a create be sent again without being done again.
type Repeatable struct {
	Key string `header:"Idempotency-Key" maxLength:"200" doc:"Sent again with the same key within a day, the request gets the first answer again."`
}

// doOnce does what is asked, unless the actor's key has an answer already. The
// request is compared without its secrets, of which nothing may be kept; the
// answers hold none.
func doOnce[O any](ctx context.Context, a *API, key string, request any, do func() (*O, error)) (*O, error) {
	if key == "" {
		return do()
	}
	actor, digest := actorOf(ctx), digestOf(request)
	_, kept, found, err := a.service.Answer(ctx, actor, key, digest)
	if err != nil {
		return nil, err
	}
	if found {
		answer := new(O)
		return answer, json.Unmarshal(kept, answer)
	}
	answer, err := do()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	// Without the kept answer a repetition finds the name taken, which is no harm.
	if err := a.service.SaveAnswer(ctx, actor, key, digest, http.StatusCreated, body); err != nil {
		a.log.Warn("an answer could not be kept", "error", err.Error())
	}
	return answer, nil
}

func digestOf(request any) []byte {
	text, err := json.Marshal(request)
	if err != nil {
		panic("api: a request that cannot be written: " + err.Error())
	}
	sum := sha256.Sum256(append([]byte(reflect.TypeOf(request).String()+"\x00"), text...))
	return sum[:]
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
