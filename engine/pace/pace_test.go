package pace

import "testing"

func TestGarbageMayPileUpWhileLittleIsAlive(t *testing.T) {
	for name, tc := range map[string]struct {
		live uint64
		want int
	}{
		"nothing was collected yet":   {0, 400},
		"a small gateway":             {10 << 20, 400},
		"as much as leaves room":      {32 << 20, 200},
		"a million grants in memory":  {200 << 20, 100},
		"more than any gateway needs": {1 << 40, 100},
	} {
		t.Run(name, func(t *testing.T) {
			if got := garbageFor(tc.live); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
