package migration

import "slices"

// Score is the data consistency score of a mailbox or batch, in the words of the
// modelled service but with published thresholds.
type Score string

// The scores, best first.
const (
	// Perfect: every message of the source is accounted for, and nothing of any
	// was left behind.
	Perfect Score = "Perfect"
	// Good: all messages arrived; keywords, dates or names of folders changed,
	// or an operator has approved what was left out.
	Good Score = "Good"
	// Investigate: fewer than 10 messages were left out, or at most 1 in 1,000.
	Investigate Score = "Investigate"
	// Poor: more than that.
	Poor Score = "Poor"
)

// The thresholds of Investigate: fewer messages than few, or at most one in
// share.
const (
	few   = 10
	share = 1000
)

// ScoreOf scores a mailbox: messages at the source, messages left out, those of
// them approved, and findings that lost no message.
func ScoreOf(messages, skipped, approved, minor int) Score {
	left := max(skipped-approved, 0)
	switch {
	case left == 0 && skipped == 0 && minor == 0:
		return Perfect
	case left == 0:
		return Good
	case left < few || left*share <= messages:
		return Investigate
	default:
		return Poor
	}
}

// Scores lists the scores, best first, after the empty one, which is no score.
func Scores() []Score { return []Score{"", Perfect, Good, Investigate, Poor} }

// Worse is the worse of two scores; the empty one is no score.
func (s Score) Worse(other Score) Score {
	if slices.Index(Scores(), other) > slices.Index(Scores(), s) {
		return other
	}
	return s
}
