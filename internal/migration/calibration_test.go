package migration

import (
	"strings"
	"testing"
)

func TestWhatWasMeasuredIsAddedToTheMake(t *testing.T) {
	for _, make := range []Traits{{}, ExchangeTraits()} {
		for _, c := range []struct {
			calibration *Calibration
			rewrites    bool
		}{
			{nil, make.Rewrites},
			{&Calibration{}, make.Rewrites},
			{&Calibration{Strength: StrengthExact}, make.Rewrites},
			{&Calibration{Strength: StrengthPlain}, make.Rewrites},
			{&Calibration{Strength: StrengthCanonical}, true},
			{&Calibration{Strength: StrengthNone}, true},
		} {
			got := c.calibration.Over(make)
			if got.Rewrites != c.rewrites || got.ErrorsMost != make.ErrorsMost || got.LineMost != make.LineMost {
				t.Errorf("%+v over %+v is %+v", c.calibration, make, got)
			}
		}
	}
}

func TestACalibrationSaysWhatFollows(t *testing.T) {
	late := []Measure{{Quality: QualityDate, Verdict: VerdictDiffers}}
	for want, c := range map[string]Calibration{
		"the make of the server decides":         {},
		"by their bytes.":                        {Strength: StrengthExact},
		"but for line ends":                      {Strength: StrengthPlain},
		"decoded content":                        {Strength: StrengthCanonical},
		"Copies cannot be told":                  {Strength: StrengthNone, Untold: []string{"plain"}},
		"(8-bit header)":                         {Strength: StrengthExact, Untold: []string{"8-bit header"}},
		"(8-bit header, a date that is not kept": {Strength: StrengthExact, Untold: []string{"8-bit header"}, Measures: late},
	} {
		if got := c.Follows(); !strings.Contains(got, want) || strings.Contains(got, "()") {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
