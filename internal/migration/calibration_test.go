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
	future := []Measure{{Quality: QualityDate, Verdict: VerdictOK}, {Quality: QualityFutureDate, Verdict: VerdictDiffers}}
	if got := (&Calibration{Strength: StrengthExact, Measures: future}).Follows(); !strings.Contains(got, "Mail dated until today is safe") || strings.Contains(got, "not recognised") {
		t.Errorf("only dates in the future change: %s", got)
	}
	for want, c := range map[string]Calibration{
		"the make of the server decides":         {},
		"exactly as they are sent":               {Strength: StrengthExact},
		"nothing but line ends":                  {Strength: StrengthPlain},
		"text and attachments":                   {Strength: StrengthCanonical},
		"copies cannot be recognised":            {Strength: StrengthNone, Untold: []string{"plain"}},
		"(8-bit header)":                         {Strength: StrengthExact, Untold: []string{"8-bit header"}},
		"(8-bit header, a date that is not kept": {Strength: StrengthExact, Untold: []string{"8-bit header"}, Measures: late},
	} {
		if got := c.Follows(); !strings.Contains(got, want) || strings.Contains(got, "()") {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
