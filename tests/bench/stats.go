package main

import (
	"cmp"
	"slices"
)

// quantile is the value below which a share q of the values lies; 0 of none.
func quantile[T cmp.Ordered](values []T, q float64) (zero T) {
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}

// spread is a figure over the rounds.
type spread struct {
	Median float64   `json:"median"`
	P10    float64   `json:"p10"`
	P90    float64   `json:"p90"`
	Rounds []float64 `json:"rounds"`
}

func spreadOf(rounds []float64) spread {
	return spread{quantile(rounds, 0.5), quantile(rounds, 0.1), quantile(rounds, 0.9), rounds}
}

// per divides round by round. A round in which nothing could be counted is left
// out: processor time comes in hundredths of a second.
func per(a, b spread) spread {
	ratios := make([]float64, 0, len(a.Rounds))
	for i := range min(len(a.Rounds), len(b.Rounds)) {
		if b.Rounds[i] > 0 {
			ratios = append(ratios, a.Rounds[i]/b.Rounds[i])
		}
	}
	return spreadOf(ratios)
}

// times multiplies each round.
func times(a spread, by float64) spread {
	rounds := make([]float64, len(a.Rounds))
	for i, v := range a.Rounds {
		rounds[i] = v * by
	}
	return spreadOf(rounds)
}
