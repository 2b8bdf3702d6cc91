package main

import (
	"fmt"

	"github.com/curfew-access/curfew/engine/access"
	"github.com/curfew-access/curfew/engine/facts"
)

func (r *configReader) people(name string) {
	if name == "" {
		return
	}
	var file facts.PeopleFile
	err := decodeYAML(r.path(name), &file)
	if err == nil {
		r.cfg.People, err = file.Persons()
	}
	r.take(name, err)
}

// onePerson holds the tokens against the list of people: one by another address of
// somebody's would be a second person, who may answer what the first asks for.
func (r *configReader) onePerson() {
	known := canonical(r.cfg.People)
	for i, t := range r.cfg.Tokens {
		if person := known(t.Subject); person != t.Subject {
			r.add(fmt.Sprintf("auth.tokens[%d].subject", i), "it is an address of %s in the list of people; name that person", person)
		}
	}
}

func (r *configReader) resources(file configFile) {
	if file.Resources == "" {
		return
	}
	var written catalogueFile
	if err := decodeYAML(r.path(file.Resources), &written); err != nil {
		r.take(file.Resources, err)
		return
	}
	catalogue, faults := written.read()
	r.take(file.Resources, faults.err())
	if len(faults) == 0 {
		targets := map[string]bool{}
		for _, t := range file.Targets {
			targets[t.Name] = true
		}
		r.take(file.Resources, facts.ValidateCatalogue(catalogue, targets))
	}
	r.cfg.Seed, r.cfg.HasSeed = catalogue, true
}

// catalogueFile is access.Catalogue as it is written: durations stay texts, so
// that every one that can not be read is named.
type catalogueFile struct {
	Resources []struct {
		Type         string         `yaml:"type"`
		ID           string         `yaml:"id"`
		Name         string         `yaml:"name"`
		Properties   map[string]any `yaml:"properties"`
		Entitlements []struct {
			Action    string   `yaml:"action"`
			Durations []string `yaml:"durations"`
			While     []string `yaml:"while"`
			Target    string   `yaml:"target"`
		} `yaml:"entitlements"`
	} `yaml:"resources"`
}

func (f catalogueFile) read() (c access.Catalogue, all faults) {
	for i, written := range f.Resources {
		r := access.Resource{Type: written.Type, ID: written.ID, Name: written.Name, Properties: written.Properties}
		for j, w := range written.Entitlements {
			e := access.Entitlement{Action: w.Action, While: w.While, Target: w.Target}
			for k, text := range w.Durations {
				d, err := access.ParseDuration(text)
				all.take(fmt.Sprintf("/resources/%d/entitlements/%d/durations/%d", i, j, k), err)
				e.Durations = append(e.Durations, d)
			}
			r.Entitlements = append(r.Entitlements, e)
		}
		c.Resources = append(c.Resources, r)
	}
	return c, all
}
