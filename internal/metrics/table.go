package metrics

// metric is a figure: its name, what it says, and its labels.
type metric struct {
	name, kind, help string
	labels           []string
}

// The figures.
var (
	mailboxes      = metric{"mailhaul_mailboxes", "gauge", "Mailboxes by state.", []string{"state"}}
	batches        = metric{"mailhaul_batches", "gauge", "Batches by state.", []string{"state"}}
	leases         = metric{"mailhaul_leases", "gauge", "Passes that nodes have under way.", nil}
	intents        = metric{"mailhaul_intents_open", "gauge", "Windows of messages that are under way or in doubt.", nil}
	slotsUsed      = metric{"mailhaul_endpoint_slots_used", "gauge", "Passes under way at an endpoint, by kind.", []string{"endpoint", "kind"}}
	slotsLimit     = metric{"mailhaul_endpoint_slots_limit", "gauge", "Passes that an endpoint allows at a time, by kind.", []string{"endpoint", "kind"}}
	noticesDue     = metric{"mailhaul_notices_due", "gauge", "Notices that are still to be sent.", nil}
	noticesFailed  = metric{"mailhaul_notices_given_up", "gauge", "Notices that could not be sent within a day.", nil}
	figuresUp      = metric{"mailhaul_figures_up", "gauge", "1 when the database could tell the gauges above, 0 when not.", nil}
	passes         = metric{"mailhaul_passes_total", "counter", "Passes that have ended, by kind, by how, and by the class of the fault.", []string{"kind", "outcome", "class"}}
	passSeconds    = metric{"mailhaul_pass_seconds", "histogram", "How long passes took, by kind.", []string{"kind"}}
	copiedMessages = metric{"mailhaul_copied_messages_total", "counter", "Messages copied.", nil}
	copiedBytes    = metric{"mailhaul_copied_bytes_total", "counter", "Bytes of the messages copied.", nil}
	notices        = metric{"mailhaul_notices_total", "counter", "Tries to send a notice, by kind and by what became of it.", []string{"kind", "outcome"}}
	requests       = metric{"mailhaul_http_requests_total", "counter", "Answered HTTP requests, by route, method and status.", []string{"route", "method", "status"}}
	requestSeconds = metric{"mailhaul_http_request_seconds", "histogram", "How long answers took, by route.", []string{"route"}}
	buildInfo      = metric{"mailhaul_build_info", "gauge", "Always 1; the label says which program this is.", []string{"version"}}
)

// standingMetrics are those of the whole service, the same on each node.
func standingMetrics() []metric {
	return []metric{mailboxes, batches, leases, intents, slotsUsed, slotsLimit, noticesDue, noticesFailed, figuresUp}
}

// nodeMetrics are those of one node.
func nodeMetrics() []metric {
	return []metric{passes, passSeconds, copiedMessages, copiedBytes, notices, requests, requestSeconds, buildInfo}
}
