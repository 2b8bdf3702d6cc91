package pagerduty

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// onCall is a row of /oncalls.
type onCall struct {
	user     User
	policy   Policy
	level    int
	schedule *schedule // nil: named in the policy itself
	shift    shift
}

// serveOnCalls lists who is on call between since and until, which both are now
// when they are not said. A schedule that no policy uses is not in it.
func (f *Fake) serveOnCalls(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	query := r.URL.Query()
	since, until, bad := f.between(query)
	if bad != nil {
		return *bad
	}
	full := slices.Contains(query["include[]"], "users")
	return page("oncalls", query, f.remembered(query, since, until), func(o onCall) any { return o.show(full) })
}

// remembered are the rows of the range, which the pages of one list share as long
// as nothing changes. The caller holds f.mu.
func (f *Fake) remembered(query url.Values, since, until time.Time) []onCall {
	same := maps.Clone(query)
	same.Del("offset")
	of := same.Encode() + since.String() + until.String()
	if f.rowsOf != of {
		f.rowsOf, f.rows = of, f.onCalls(query, since, until)
	}
	return f.rows
}

// between reads the range. The caller holds f.mu.
func (f *Fake) between(query url.Values) (since, until time.Time, bad *answer) {
	now := f.cfg.Now()
	since, until = now, now
	for name, at := range map[string]*time.Time{"since": &since, "until": &until} {
		if text := query.Get(name); text != "" {
			read, err := time.Parse(time.RFC3339, text)
			if err != nil {
				a := failure(http.StatusBadRequest, 2001, "Invalid Input Provided", name+" is no time")
				return since, until, &a
			}
			*at = read
		}
	}
	if until.Before(since) || until.After(now.Add(90*24*time.Hour+time.Minute)) {
		a := failure(http.StatusBadRequest, 2001, "Invalid Input Provided", "The range is out of bounds.")
		return since, until, &a
	}
	return since, until, nil
}

// onCalls is every row of the range. The caller holds f.mu.
func (f *Fake) onCalls(query url.Values, since, until time.Time) []onCall {
	users := make(map[string]User, len(f.users))
	for _, u := range f.users {
		users[u.ID] = u
	}
	schedules := make(map[string]*schedule, len(f.schedules))
	for _, s := range f.schedules {
		schedules[s.ID] = s
	}
	var all []onCall
	asked := map[string]bool{}
	for _, id := range query["user_ids[]"] {
		asked[id] = true
	}
	add := func(o onCall) {
		if (len(asked) == 0 || asked[o.user.ID]) && overlaps(o.shift, since, until) && o.user.ID != "" {
			all = append(all, o)
		}
	}
	for _, p := range f.policies {
		if !wanted(query, "escalation_policy_ids[]", p.ID) {
			continue
		}
		for i, targets := range p.Levels {
			for _, t := range targets {
				s := schedules[t.schedule]
				switch {
				case s == nil && t.user != "" && wanted(query, "schedule_ids[]", "null"):
					add(onCall{users[t.user], p, i + 1, nil, shift{}})
				case s != nil && wanted(query, "schedule_ids[]", s.ID):
					for _, turn := range s.final() {
						add(onCall{users[turn.user], p, i + 1, s, turn})
					}
				}
			}
		}
	}
	return all
}

// wanted reports whether a filter is not set, or names the id.
func wanted(query url.Values, name, id string) bool {
	return !query.Has(name) || slices.Contains(query[name], id)
}

func overlaps(s shift, since, until time.Time) bool {
	return !s.start.After(until) && (s.end.IsZero() || s.end.After(since))
}

func (o onCall) show(full bool) any {
	row := map[string]any{
		"user": reference("user", o.user.ID, o.user.Name), "escalation_policy": reference("escalation_policy", o.policy.ID, o.policy.Name),
		"escalation_level": o.level, "schedule": nil, "start": moment(o.shift.start), "end": moment(o.shift.end),
	}
	if full {
		row["user"] = o.user.show()
	}
	if o.schedule != nil && o.schedule.V3 {
		row["schedule"] = reference("schedule_v3", o.schedule.ID, o.schedule.Name)
	} else if o.schedule != nil {
		row["schedule"] = reference("schedule", o.schedule.ID, o.schedule.Name)
	}
	return row
}

// moment shows a time with its own offset; the zero time is null.
func moment(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.Format(time.RFC3339)
}

func (u User) show() any {
	shown := reference("user", u.ID, u.Name)
	shown["type"], shown["name"], shown["email"] = "user", u.Name, nil
	if u.Email != "" {
		shown["email"] = u.Email
	}
	for name, value := range map[string]any{
		"time_zone": "Europe/Berlin", "role": "user", "avatar_url": "https://acme.pagerduty.com/blank.png",
		"description": nil, "invitation_sent": false, "job_title": nil, "created_via_sso": true,
		"teams": []any{}, "contact_methods": []any{}, "notification_rules": []any{},
	} {
		shown[name] = value
	}
	return shown
}

// serveUsers lists accounts; the search is fuzzy, as PagerDuty's is.
func (f *Fake) serveUsers(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	search := strings.ToLower(r.URL.Query().Get("query"))
	name, _, _ := strings.Cut(search, "@")
	var found []User
	for _, u := range f.users {
		if text := strings.ToLower(u.Name + " " + u.Email); strings.Contains(text, name) {
			found = append(found, u)
		}
	}
	return page("users", r.URL.Query(), found, User.show)
}

func (f *Fake) serveUser(r *http.Request) answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.users {
		if u.ID == r.PathValue("id") {
			return answer{http.StatusOK, map[string]any{"user": u.show()}}
		}
	}
	return failure(http.StatusNotFound, 2100, "Not Found")
}
