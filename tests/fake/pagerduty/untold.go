package pagerduty

// ResolveUntold closes an incident, and the webhook that tells of it is lost.
func (f *Fake) ResolveUntold(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.incidents {
		if i.ID == id {
			i.Status, i.Assignees, i.Acknowledgers, i.resolved = "resolved", nil, nil, f.cfg.Now()
			f.notify()
			return
		}
	}
	panic("there is no incident " + id)
}
