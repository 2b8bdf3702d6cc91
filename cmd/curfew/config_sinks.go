package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/siem"
	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/audit"
	"github.com/curfew-access/curfew/engine/sinks"
)

// sinkEntry is a place that audit events are sent to, as it is written: one of the
// kinds, under a name.
type sinkEntry struct {
	Name      string           `yaml:"name"`   // default: the kind
	Format    string           `yaml:"format"` // json, the default, or ocsf
	Splunk    *splunkEntry     `yaml:"splunk"`
	SumoLogic *sumoLogicEntry  `yaml:"sumologic"`
	Webhook   *sinkHookEntry   `yaml:"webhook"`
	File      *sinkFileEntry   `yaml:"file"`
	Syslog    *sinkSyslogEntry `yaml:"syslog"`
}

// Sink is a place that audit events are sent to.
type Sink struct {
	sinks.Sink
	Kind string
	File *siem.File // also tidies up; nil: another kind
	As   []*connectors.Credentials
}

// kinds are the kinds that an entry names, in alphabetical order.
func (e sinkEntry) kinds() (named []string) {
	for kind, there := range map[string]bool{
		"splunk": e.Splunk != nil, "sumologic": e.SumoLogic != nil, "webhook": e.Webhook != nil, "file": e.File != nil, "syslog": e.Syslog != nil,
	} {
		if there {
			named = append(named, kind)
		}
	}
	slices.Sort(named)
	return named
}

func (r *configReader) sinks(entries []sinkEntry) {
	taken, paths := map[string]string{}, map[string]string{}
	for i, entry := range entries {
		place := fmt.Sprintf("sinks[%d]", i)
		kinds := entry.kinds()
		if len(kinds) != 1 {
			r.add(place, "a sink is one of splunk, sumologic, webhook, file and syslog, and this is %s", orElse(strings.Join(kinds, " and "), "none"))
			continue
		}
		name := orElse(entry.Name, kinds[0])
		if !syncSource.MatchString(name) {
			r.add(place+".name", "%q is no name of a sink; want lower-case letters, digits, and . _ - within, such as splunk-eu", name)
		} else if first, there := taken[name]; there {
			r.add(place+".name", "%q is %s already; give each a name of its own", name, first)
		}
		taken[name] = place
		if entry.File != nil && entry.File.Path != "" {
			path := r.path(entry.File.Path)
			if first, there := paths[path]; there {
				r.add(place+".file.path", "it is that of %s already", first)
			}
			paths[path] = place
			if r.ofLedger(path) {
				r.add(place+".file.path", "it is the ledger's own; name another file")
			}
		}
		r.sink(place, name, kinds[0], entry)
	}
}

// ofLedger reports whether a path is that of the SQLite file, or of what is beside it: a
// sink would write lines into it, and cut off what it takes for half of one.
func (r *configReader) ofLedger(path string) bool {
	rest, beside := strings.CutPrefix(path, r.cfg.LedgerPath)
	return r.cfg.LedgerPath != "" && beside && slices.Contains([]string{"", "-wal", "-shm", "-journal", ".lock", keyFileSuffix}, rest)
}

// sink reads one sink. Without a secret that it needs it is there all the same, and is
// behind from the start: what it has not had is kept for it.
func (r *configReader) sink(place, name, kind string, entry sinkEntry) {
	s := Sink{Kind: kind, Sink: sinks.Sink{Name: name, Format: r.sinkFormat(place+".format", entry.Format)}}
	before := len(r.faults)
	missing := r.sender(place+"."+kind, entry, &s)
	if len(r.faults) > before {
		return
	}
	if missing != nil {
		missing = fmt.Errorf("nothing is sent to the sink %q: %w", name, missing)
		r.cfg.Unsent = append(r.cfg.Unsent, missing)
		s.Sender = unsendable{missing}
	}
	r.cfg.Sinks = append(r.cfg.Sinks, s)
}

func (r *configReader) sinkFormat(place, text string) audit.Format {
	f := audit.Format(orElse(text, string(audit.FormatJSON)))
	if f != audit.FormatJSON && f != audit.FormatOCSF {
		r.add(place, "%q is not json or ocsf", text)
	}
	return f
}

// unsendable is a sink that can not be sent to before somebody configures it.
type unsendable struct{ why error }

// Send says why.
func (u unsendable) Send(context.Context, []access.AuditRecord) (string, error) {
	return "", access.Permanent(u.why)
}

// checker is a sink that can be asked whether it would take events, without any.
type checker interface {
	Check(ctx context.Context) error
}

// askSinks asks those that can be asked.
func (c Config) askSinks(ctx context.Context) error {
	var faults []error
	for _, s := range c.Sinks {
		if asked, ok := s.Sender.(checker); ok {
			if err := asked.Check(ctx); err != nil {
				faults = append(faults, fmt.Errorf("the sink %q: %w", s.Name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// sinksSaid lists the sinks for people.
func (c Config) sinksSaid() string {
	var said []string
	for _, s := range c.Sinks {
		text := s.Name
		if s.Kind != s.Name {
			text += " (" + s.Kind + ")"
		}
		said = append(said, text)
	}
	return orElse(strings.Join(said, ", "), "none; the audit log is only here")
}
