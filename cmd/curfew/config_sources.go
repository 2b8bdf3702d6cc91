package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/curfew-access/curfew/engine"
)

// sourceEntry is a source that brings its catalogue through the API, as it is
// written.
type sourceEntry struct {
	Name  string `yaml:"name"`
	Every string `yaml:"every"` // how often it does
}

// The bounds of how often a source brings its catalogue.
const (
	minSync = time.Minute
	maxSync = 30 * 24 * time.Hour
)

// syncSource is how a source may be named, as the API has it.
var syncSource = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func (r *configReader) syncSources(entries []sourceEntry) {
	taken := map[string]string{}
	for i, entry := range entries {
		place := fmt.Sprintf("sources[%d]", i)
		first, twice := taken[entry.Name]
		switch {
		case !syncSource.MatchString(entry.Name):
			r.add(place+".name", "%q is not the name of a source; want up to 64 of a-z, 0-9, dot, underscore and hyphen, such as aws or crm.eu", entry.Name)
		case entry.Name == engine.SeedSource:
			r.add(place+".name", "%q is what the file resources is called, which brings nothing through the API", entry.Name)
		case twice:
			r.add(place+".name", "%q is %s already", entry.Name, first)
		}
		taken[entry.Name] = place
		if entry.Every == "" {
			r.add(place+".every", "it is missing; say how often the source brings its catalogue, such as 24h")
			continue
		}
		r.cfg.Sources = append(r.cfg.Sources, engine.CatalogueSource{
			Name: entry.Name, Every: r.between(place+".every", entry.Every, minSync, minSync, maxSync),
		})
	}
}
