package mailsync

import (
	"time"
)

// dice are drawn from the seed, from what is being done, and from how often it
// was done before.
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) between(from, to int) int { return from + d.below(to-from+1) }

func (d *dice) chance(permille int) bool { return d.below(1000) < permille }

func (d *dice) nap(most time.Duration) { time.Sleep(time.Duration(d.below(int(most)))) }

func (d *dice) pick(n ...int) int { return n[d.below(len(n))] }

func (w *world) dice(what ...uint64) dice { return w.diceLocked(false, what...) }

func (w *world) diceLocked(locked bool, what ...uint64) dice {
	key := dice{w.seed}
	for _, v := range what {
		key.state ^= v * 0xd6e8feb86659fd93
		key.state = key.next()
	}
	if !locked {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	w.counts[key.state]++
	key.state ^= uint64(w.counts[key.state]) * 0xa0761d6478bd642f
	return key
}
