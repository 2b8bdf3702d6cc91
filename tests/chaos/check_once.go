package chaos

import "fmt"

// checkOnce: however often and wherever a step was said under its key, it had one
// effect, and every answer tells of the same one (G6).
func checkOnce(x *index) []Violation {
	v := verdict{guarantee: "G6"}
	made := map[string][]string{}
	for _, r := range x.Ledger.Requests {
		made[r.Reason] = append(made[r.Reason], r.ID)
	}
	for _, s := range x.Steps {
		answers, acknowledged := map[string]bool{}, false
		var evidence []string
		for _, c := range s.Calls {
			evidence = append(evidence, c.String())
			if c.Done() {
				acknowledged = true
				answers[c.RequestID+" "+c.GrantID] = true
			}
		}
		if len(answers) > 1 {
			v.add(evidence, "%s under the key %s was answered in %d ways", s.Kind, s.Key, len(answers))
		}
		if s.Kind != Ask {
			continue
		}
		if n := len(made[s.Key]); n > 1 || n == 0 && acknowledged {
			v.add(append(evidence, fmt.Sprint(made[s.Key])), "the key %s made %d requests", s.Key, n)
		}
	}
	return v.found
}
