package rota

// File is a rota file as it is written. Times stay text until Validate or New
// reads them, so that every fault is found at once and named by its place.
type File struct {
	Schedules []Schedule `yaml:"schedules" json:"schedules"`
}

// Schedule is one line of duty. At each of its levels the people of its shifts
// and of its rotation are on call together, except where an override says who
// is.
type Schedule struct {
	ID        string     `yaml:"id" json:"id"`     // what policy data refers to; unique in the file
	Name      string     `yaml:"name" json:"name"` // for people; may be empty
	Shifts    []Shift    `yaml:"shifts" json:"shifts,omitempty"`
	Rotation  *Rotation  `yaml:"rotation" json:"rotation,omitempty"`
	Overrides []Override `yaml:"overrides" json:"overrides,omitempty"`
}

// Shift puts one person on call for one stretch of time.
type Shift struct {
	Subject string  `yaml:"subject" json:"subject"`       // "user:alice@example.com"
	Level   *int    `yaml:"level" json:"level,omitempty"` // from 1, which is paged first; nil: 1
	Start   *string `yaml:"start" json:"start"`           // RFC 3339; nil: always was
	End     *string `yaml:"end" json:"end"`               // RFC 3339, the first instant off call; nil: never ends
}

// Rotation hands one level from member to member for ever, at the same time of
// day by the clock on the wall: a turn that spans a change of daylight saving
// time is an hour shorter or longer.
type Rotation struct {
	TimeZone string   `yaml:"time_zone" json:"time_zone"`   // IANA: "Europe/Berlin"
	Start    string   `yaml:"start" json:"start"`           // local date of the first hand-off: "2026-01-05"
	Handoff  string   `yaml:"handoff" json:"handoff"`       // local time of day: "09:00"
	Every    string   `yaml:"every" json:"every"`           // a turn: "day", "week", "3 days", "2 weeks"; 366 days at most
	Members  []string `yaml:"members" json:"members"`       // in order of their turns; one may have several
	Level    *int     `yaml:"level" json:"level,omitempty"` // nil: 1
}

// Override puts one person on call instead of everyone whom the shifts and the
// rotation put on call at that level. Where overrides overlap, the one that is
// further down the file holds.
type Override struct {
	Subject string `yaml:"subject" json:"subject"`
	Level   *int   `yaml:"level" json:"level,omitempty"` // nil: 1
	Start   string `yaml:"start" json:"start"`           // RFC 3339
	End     string `yaml:"end" json:"end"`               // RFC 3339, the first instant that is no longer overridden
}

// Validate reports every fault of the file, each with its place:
// "schedules[0].shifts[2].end: …". It returns nil if New would accept the file.
func (f File) Validate() error {
	_, err := read(f)
	return err
}
