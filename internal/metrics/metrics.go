// Package metrics counts what the server does, for a monitoring system that reads
// the Prometheus text format.
//
// There are two kinds of figures. Counters grow by what others tell: the methods
// Pass, Copied, Request and Notice fit the small observer interfaces of those who
// call them, so that nobody else knows Prometheus. Gauges say how things stand;
// they are asked for when the figures are read, at most every few seconds, since
// the answer comes from the database.
//
// Every figure is in the table of table.go, which docs/metrics.md is made from. No
// label holds the name of a person, a mailbox or a folder, and none can take more
// values than there are states, classes, routes or endpoints.
package metrics

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Figures say how things stand, all nodes together.
type Figures struct {
	Mailboxes map[migration.MailboxState]int
	Batches   map[migration.BatchState]int
	// Leases are passes that nodes have, Intents windows of messages that are
	// under way or in doubt.
	Leases, Intents int
	Slots           []Slots
	// NoticesDue are to be sent, NoticesFailed were given up.
	NoticesDue, NoticesFailed int
}

// Slots are what an endpoint allows of a kind ("initial" or "incremental").
type Slots struct {
	Endpoint, Kind string
	Used, Limit    int
}

// Options are what Metrics needs.
type Options struct {
	// Version is that of the program.
	Version string
	// Figures asks how things stand; nil when nobody knows.
	Figures func(context.Context) (Figures, error)
	// Fresh is how long an answer of Figures is good; 0 is 5 s.
	Fresh time.Duration
}

// Metrics are the figures of one node.
type Metrics struct {
	registry *prometheus.Registry
	passes   *prometheus.CounterVec
	took     *prometheus.HistogramVec
	messages prometheus.Counter
	bytes    prometheus.Counter
	requests *prometheus.CounterVec
	waits    *prometheus.HistogramVec
	notices  *prometheus.CounterVec
}

// New makes the figures of a node.
func New(o Options) *Metrics {
	counter := func(m metric) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name, Help: m.help}, m.labels)
	}
	histogram := func(m metric, buckets ...float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.name, Help: m.help, Buckets: buckets}, m.labels)
	}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		passes:   counter(passes), notices: counter(notices), requests: counter(requests),
		took:  histogram(passSeconds, 1, 5, 15, 60, 300, 900, 3600),
		waits: histogram(requestSeconds, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30),
	}
	messages, bytes := counter(copiedMessages), counter(copiedBytes)
	m.messages, m.bytes = messages.WithLabelValues(), bytes.WithLabelValues()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: buildInfo.name, Help: buildInfo.help}, buildInfo.labels)
	build.WithLabelValues(o.Version).Set(1)
	m.registry.MustRegister(m.passes, m.took, messages, bytes, m.requests, m.waits, m.notices, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Figures != nil {
		m.registry.MustRegister(newStanding(o.Figures, cmp.Or(o.Fresh, 5*time.Second)))
	}
	return m
}

// Handler serves the figures.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 30 * time.Second})
}

// Pass counts a pass that has ended, by how ("done", "failed", "stopped", ...) and
// by the class of the fault, if there was one.
func (m *Metrics) Pass(kind migration.PassKind, outcome string, class migration.Class, took time.Duration) {
	m.passes.WithLabelValues(string(kind), outcome, string(class)).Inc()
	m.took.WithLabelValues(string(kind)).Observe(took.Seconds())
}

// Copied counts messages that were copied, and their bytes.
func (m *Metrics) Copied(messages, bytes int64) {
	m.messages.Add(float64(max(messages, 0)))
	m.bytes.Add(float64(max(bytes, 0)))
}

// Request counts an answered HTTP request. The route is a pattern, never the path
// that was asked for.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, methodLabel(method), strconv.Itoa(status)).Inc()
	m.waits.WithLabelValues(route).Observe(took.Seconds())
}

// methodLabel keeps invented methods from making figures of their own.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// Notice counts what became of sending a notice: "sent", "failed" or "given-up".
func (m *Metrics) Notice(kind, outcome string) { m.notices.WithLabelValues(kind, outcome).Inc() }

// standing asks how things stand when the figures are read.
type standing struct {
	ask   func(context.Context) (Figures, error)
	fresh time.Duration
	descs map[string]*prometheus.Desc

	mu   sync.Mutex
	last Figures
	err  error
	at   time.Time
}

func newStanding(ask func(context.Context) (Figures, error), fresh time.Duration) *standing {
	s := &standing{ask: ask, fresh: fresh, descs: map[string]*prometheus.Desc{}}
	for _, m := range standingMetrics() {
		s.descs[m.name] = prometheus.NewDesc(m.name, m.help, m.labels, nil)
	}
	return s
}

// Describe names the figures.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, m := range standingMetrics() {
		to <- s.descs[m.name]
	}
}

// Collect gives the figures. States that no mailbox is in are given as 0, so that a
// line does not end when the last one leaves.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	figures, err := s.figures()
	give := func(m metric, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.descs[m.name], prometheus.GaugeValue, float64(value), labels...)
	}
	if err != nil {
		give(figuresUp, 0)
		return
	}
	give(figuresUp, 1)
	for _, state := range migration.MailboxStates() {
		give(mailboxes, figures.Mailboxes[state], string(state))
	}
	for _, state := range migration.BatchStates() {
		give(batches, figures.Batches[state], string(state))
	}
	for _, slots := range figures.Slots {
		give(slotsUsed, slots.Used, slots.Endpoint, slots.Kind)
		give(slotsLimit, slots.Limit, slots.Endpoint, slots.Kind)
	}
	give(leases, figures.Leases)
	give(intents, figures.Intents)
	give(noticesDue, figures.NoticesDue)
	give(noticesFailed, figures.NoticesFailed)
}

// figures asks at most once within the time an answer is good, also when many
// read at once.
func (s *standing) figures() (Figures, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && time.Since(s.at) < s.fresh {
		return s.last, s.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.last, s.err = s.ask(ctx)
	s.at = time.Now()
	return s.last, s.err
}
