package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/curfew-access/curfew/connectors"
	"github.com/curfew-access/curfew/connectors/siem"
)

// What is sent at once, in bytes, by what each kind can take.
const (
	splunkBatch  = 1 << 20   // Splunk's advice, before compression
	sumoBatch    = 900_000   // 1 MB at most, before compression, with the line ends
	webhookBatch = 256 << 10 // what a small receiver reads into memory
	fileBatch    = 512 << 10 // less than the smallest file
	fileRecord   = 16 << 20  // a disk takes what it is given
	syslogBatch  = 256 << 10
)

// syslogHeader is what a syslog message has beside the event, at most.
const syslogHeader = 4 << 10

// The bounds of a syslog message: RFC 5425 has every receiver take the lower one.
const (
	minSyslogMessage     = 8 << 10
	defaultSyslogMessage = 64 << 10
)

// splunkEntry is Splunk's HTTP event collector.
type splunkEntry struct {
	URL        string    `yaml:"url"` // such as https://splunk.example.com:8088
	Token      secretRef `yaml:"token"`
	Index      string    `yaml:"index"`      // default: the token's
	Source     string    `yaml:"source"`     // default: curfew
	SourceType string    `yaml:"sourcetype"` // default: curfew:audit
	Host       string    `yaml:"host"`       // default: as Splunk sees it
	Ack        bool      `yaml:"ack"`        // the token has indexer acknowledgement
	Gzip       *bool     `yaml:"gzip"`       // default true
	CA         string    `yaml:"ca"`         // who is trusted, in place of whom the machine trusts
}

// sumoLogicEntry is an HTTP source of Sumo Logic's.
type sumoLogicEntry struct {
	URL        secretRef         `yaml:"url"` // who has it can write
	Category   string            `yaml:"category"`
	SourceName string            `yaml:"source_name"`
	Host       string            `yaml:"host"`
	Fields     map[string]string `yaml:"fields"`
}

// sinkHookEntry is a webhook that takes audit events.
type sinkHookEntry struct {
	URL             string               `yaml:"url"`
	Secret          secretRef            `yaml:"secret"`
	PreviousSecrets []secretRef          `yaml:"previous_secrets"`
	Headers         map[string]secretRef `yaml:"headers"`
	Timeout         string               `yaml:"timeout"` // default 15s
	TLS             *tlsEntry            `yaml:"tls"`
}

// sinkFileEntry is a file that takes audit events.
type sinkFileEntry struct {
	Path     string `yaml:"path"`
	MaxSize  string `yaml:"max_size"` // default 100MiB
	Keep     *int   `yaml:"keep"`     // files that were ended; default 10; 0: all
	Compress *bool  `yaml:"compress"` // those; default true
}

// sinkSyslogEntry is a collector that takes syslog over TLS.
type sinkSyslogEntry struct {
	Address    string          `yaml:"address"` // host:6514
	TLS        *syslogTLSEntry `yaml:"tls"`     // default: whom the machine trusts
	Insecure   bool            `yaml:"insecure"`
	Facility   string          `yaml:"facility"`    // default: audit
	AppName    string          `yaml:"app_name"`    // default: curfew
	Host       string          `yaml:"host"`        // default: the machine's name
	Enterprise int             `yaml:"enterprise"`  // private enterprise number; default 32473
	ASCII      bool            `yaml:"ascii"`       // for collectors that take UTF-8's mark for text
	MaxMessage string          `yaml:"max_message"` // default 64KiB
}

// syslogTLSEntry names files in PEM, and the name that the collector must prove.
type syslogTLSEntry struct {
	CA         string `yaml:"ca"`
	Cert       string `yaml:"cert"`
	Key        string `yaml:"key"`
	ServerName string `yaml:"server_name"` // default: the host of the address
}

// sender makes what sends to a sink, with its bounds. What is missing it returns; all
// else that is wrong it notes.
func (r *configReader) sender(at string, entry sinkEntry, s *Sink) (missing error) {
	switch {
	case entry.Splunk != nil:
		return r.splunkSink(at, *entry.Splunk, s)
	case entry.SumoLogic != nil:
		return r.sumoLogicSink(at, *entry.SumoLogic, s)
	case entry.Webhook != nil:
		return r.webhookSink(at, *entry.Webhook, s)
	case entry.File != nil:
		r.fileSink(at, *entry.File, s)
		return nil
	default:
		return r.syslogSink(at, *entry.Syslog, s)
	}
}

func (r *configReader) splunkSink(at string, e splunkEntry, s *Sink) error {
	var missing []error
	cfg := siem.SplunkConfig{
		URL: e.URL, Index: e.Index, Source: e.Source, SourceType: e.SourceType, Host: e.Host, Ack: e.Ack, Plain: e.Gzip != nil && !*e.Gzip,
	}
	before := len(r.faults)
	cfg.Token = r.optional(at+".token", e.Token, &missing).Reveal()
	if len(missing) > 0 || len(r.faults) > before { // that is told already
		cfg.Token = "probe"
	}
	if e.CA != "" {
		cfg.As = r.sinkCredentials(at, tlsEntry{CA: e.CA}, s, &missing)
	}
	r.inClear(at+".url", e.URL, "the token")
	if err := cfg.Check(); err != nil {
		r.take(at, err)
		return nil
	}
	sender, err := siem.NewSplunk(cfg)
	r.take(at, err)
	s.Sender, s.MaxBytes = sender, splunkBatch
	return errors.Join(missing...)
}

func (r *configReader) sumoLogicSink(at string, e sumoLogicEntry, s *Sink) error {
	var missing []error
	cfg := siem.SumoLogicConfig{Category: e.Category, SourceName: e.SourceName, Host: e.Host, Fields: e.Fields}
	before := len(r.faults)
	cfg.URL = r.optional(at+".url", e.URL, &missing).Reveal()
	if len(missing) > 0 || len(r.faults) > before { // that is told already
		cfg.URL = "https://probe.invalid/receiver/v1/http/probe"
	}
	if err := cfg.Check(); err != nil {
		r.take(at, err)
		return nil
	}
	sender, err := siem.NewSumoLogic(cfg)
	r.take(at, err)
	s.Sender, s.MaxBytes = sender, sumoBatch
	return errors.Join(missing...)
}

func (r *configReader) webhookSink(at string, e sinkHookEntry, s *Sink) error {
	var missing []error
	cfg := siem.WebhookConfig{URL: e.URL, Timeout: r.duration(at+".timeout", e.Timeout, 0)}
	before := len(r.faults)
	var err error
	if cfg.Secrets, cfg.Headers, err = r.signing(at, e.Secret, e.PreviousSecrets, e.Headers); err != nil {
		missing = append(missing, err)
	}
	if len(missing) > 0 || len(r.faults) > before { // that is told already
		cfg.Secrets = []string{probeSecret}
	}
	if e.TLS != nil {
		cfg.As = r.sinkCredentials(at+".tls", *e.TLS, s, &missing)
	}
	sender, err := siem.NewWebhook(cfg)
	r.take(at, err)
	s.Sender, s.MaxBytes = sender, webhookBatch
	return errors.Join(missing...)
}

func (r *configReader) fileSink(at string, e sinkFileEntry, s *Sink) {
	cfg := siem.FileConfig{Keep: 10, Compress: e.Compress == nil || *e.Compress}
	if e.Path == "" {
		r.add(at+".path", "it is missing")
		return
	}
	cfg.Path = r.path(e.Path)
	if e.Keep != nil {
		cfg.Keep = *e.Keep
	}
	if e.MaxSize != "" {
		size, err := parseSize(e.MaxSize)
		r.take(at+".max_size", err)
		cfg.MaxSize = int64(size)
	}
	var err error
	if s.File, err = siem.NewFile(cfg); err != nil {
		r.take(at, err)
		return
	}
	if err := s.File.Check(context.Background()); err != nil { // it may be there later, and nothing waits for it
		r.warn("%s: %v", at, err)
	}
	s.Sender, s.MaxBytes, s.MaxRecord = s.File, fileBatch, fileRecord
}

func (r *configReader) syslogSink(at string, e sinkSyslogEntry, s *Sink) error {
	var missing []error
	cfg := siem.SyslogConfig{
		Address: e.Address, Insecure: e.Insecure, Facility: e.Facility, AppName: e.AppName, Host: e.Host, Enterprise: e.Enterprise, ASCII: e.ASCII,
	}
	if e.TLS != nil {
		cfg.ServerName = e.TLS.ServerName
		files := tlsEntry{CA: e.TLS.CA, Cert: e.TLS.Cert, Key: e.TLS.Key}
		if files != (tlsEntry{}) || e.TLS.ServerName == "" {
			cfg.As = r.sinkCredentials(at+".tls", files, s, &missing)
		}
	}
	message := defaultSyslogMessage
	if e.MaxMessage != "" {
		size, err := parseSize(e.MaxMessage)
		if err == nil && size < minSyslogMessage {
			err = errors.New("it is too small; want 8KiB at least")
		}
		r.take(at+".max_message", err)
		message = size
	}
	sender, err := siem.NewSyslog(cfg)
	r.take(at, err)
	s.Sender, s.MaxBytes, s.MaxRecord = sender, max(syslogBatch, message), message-syslogHeader
	return errors.Join(missing...)
}

// sinkCredentials reads files of TLS; nil: they are missing, or that is a fault.
func (r *configReader) sinkCredentials(at string, files tlsEntry, s *Sink, missing *[]error) *connectors.Credentials {
	as, err := r.credentials(at, files)
	if err != nil {
		*missing = append(*missing, err)
	}
	if as != nil {
		s.As = append(s.As, as)
	}
	return as
}

// inClear warns of a secret that leaves the machine without TLS.
func (r *configReader) inClear(place, address, what string) {
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		r.warn("%s: %s travels in clear; use https", place, what)
	}
}
