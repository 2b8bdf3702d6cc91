package main

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const redraw = 100 * time.Millisecond // at most so often

// progress shows how far a snapshot is: how much of it is sent, and then that the
// gateway is at work on it, which it tells nobody the extent of.
type progress struct {
	out  io.Writer // nil: nothing is shown
	size int64     // -1: not known

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

func noProgress(int64) *progress { return &progress{} }

func barProgress(out io.Writer) func(int64) *progress {
	return func(size int64) *progress { return &progress{out: out, size: size} }
}

// watch is a body whose reading is shown, from its beginning whenever it is opened.
func (p *progress) watch(open func() (io.ReadCloser, error)) func() (io.ReadCloser, error) {
	if p.out == nil {
		return open
	}
	return func() (io.ReadCloser, error) {
		body, err := open()
		if err != nil {
			return nil, err
		}
		p.begin("sending", p.size, progressbar.OptionShowBytes(true))
		return shownBody{body, p}, nil
	}
}

// begin replaces what is shown.
func (p *progress) begin(what string, size int64, more ...progressbar.Option) {
	if p.out == nil {
		return
	}
	p.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bar = progressbar.NewOptions64(size, append([]progressbar.Option{
		progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(redraw), progressbar.OptionSetRenderBlankState(true),
	}, more...)...)
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Add(n) // a bar that can not be drawn is no fault of the sync
	}
}

// end takes what is shown away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_, _ = p.bar.Finish(), p.bar.Clear()
		p.bar = nil
	}
}

// shownBody is a body that tells how far it is read.
type shownBody struct {
	io.ReadCloser
	progress *progress
}

func (b shownBody) Read(buf []byte) (int, error) {
	n, err := b.ReadCloser.Read(buf)
	b.progress.add(n)
	if errors.Is(err, io.EOF) {
		b.progress.begin("applying", -1)
	}
	return n, err
}
