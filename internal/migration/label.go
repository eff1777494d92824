package migration

import (
	"fmt"
	"strings"
)

// LabelPolicy says what becomes of the labels of a source whose folders are labels
// (X-GM-EXT-1, Gmail). Empty is LabelsOne.
type LabelPolicy string

// The policies.
const (
	// LabelsOne copies each message once, into the folder of one of its labels.
	LabelsOne LabelPolicy = "one"
	// LabelsCopies copies a message once for each of its labels.
	LabelsCopies LabelPolicy = "copies"
	// LabelsKeywords is LabelsOne, and the other labels are keywords of the copy,
	// where the target keeps keywords.
	LabelsKeywords LabelPolicy = "keywords"
)

// LabelPolicies lists them, the default first.
func LabelPolicies() []LabelPolicy {
	return []LabelPolicy{LabelsOne, LabelsCopies, LabelsKeywords}
}

// ParseLabelPolicy reads the name of a policy; empty is LabelsOne.
func ParseLabelPolicy(text string) (LabelPolicy, error) {
	if text == "" {
		return LabelsOne, nil
	}
	var names []string
	for _, policy := range LabelPolicies() {
		if text == string(policy) {
			return policy, nil
		}
		names = append(names, string(policy))
	}
	return "", fmt.Errorf("%q is no policy for labels; write %s", shortened(text), strings.Join(names, ", "))
}
