package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/curfew-access/curfew/cmd/curfew/client"
	"github.com/curfew-access/curfew/engine/audit"
)

// auditExportPath is the gateway's route.
const auditExportPath = "/v1/audit/export"

// showEvery is after how many events the progress is drawn anew.
const showEvery = 500

// auditExport takes events out of a gateway, line by line: whatever breaks off is gone
// on with behind the last whole line.
type auditExport struct {
	client         *client.Client
	format         audit.Format
	after, through int64
	done           int64     // events that are written
	out            io.Writer // whole lines
	began          bool      // out has what the format begins with
	bar            *progress
	pause          time.Duration // before a gateway that is away is asked again
}

// run writes all events.
func (x *auditExport) run(ctx context.Context) error {
	x.bar.begin("exporting", x.through-x.after, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"))
	x.bar.add(int(x.done))
	defer x.bar.end()
	for waits := time.Now(); ; {
		before := x.done
		err := x.client.Stream(ctx, auditExportPath, x.query(), x.take)
		if x.done > before {
			waits = time.Now()
		}
		switch {
		case err == nil && x.done == x.through-x.after:
			return nil
		case err == nil:
			return fmt.Errorf("the gateway sent %d events instead of %d", x.done, x.through-x.after)
		case !isAway(err), time.Since(waits) > exportPatience:
			return fmt.Errorf("%w\n%s written; go on with --resume", err, counted(int(x.done), "event", "events"))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(x.pause):
		}
	}
}

// query asks for what is not written yet.
func (x *auditExport) query() url.Values {
	return url.Values{
		"format": {string(x.format)}, "after": {strconv.FormatInt(x.after+x.done, 10)}, "through": {strconv.FormatInt(x.through, 10)},
	}
}

// take writes the whole lines of an answer. What the format begins with is written
// once.
func (x *auditExport) take(_ http.Header, body io.Reader) error {
	in, out := bufio.NewReaderSize(body, 256<<10), bufio.NewWriterSize(x.out, 256<<10)
	skip := bytes.Count(x.format.Header(), []byte{'\n'})
	written := x.done
	var err error
	for line := []byte(nil); err == nil; {
		if line, err = wholeLine(in, line); err != nil {
			break
		}
		if skip > 0 {
			if skip--; x.began {
				continue
			}
			_, _ = out.Write(line)
			x.began = x.began || skip == 0
			continue
		}
		if _, err = out.Write(line); err != nil {
			break
		}
		if written++; written%showEvery == 0 {
			x.bar.add(showEvery)
		}
	}
	if flushed := out.Flush(); flushed != nil {
		return flushed // how much is written is not known: what is there is found by --resume
	}
	x.done = written
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// wholeLine reads a line with its end into buf. What breaks off before its end is none.
func wholeLine(in *bufio.Reader, buf []byte) ([]byte, error) {
	for buf = buf[:0]; ; {
		part, err := in.ReadSlice('\n')
		buf = append(buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buf, err
		}
	}
}

// prove fetches what proves the events behind after to through into a file, all of it
// or nothing.
func (x *auditExport) prove(ctx context.Context, name string, since []int64) error {
	q := url.Values{
		"format": {"proof"}, "after": {strconv.FormatInt(x.after, 10)}, "through": {strconv.FormatInt(x.through, 10)},
	}
	if len(since) > 0 {
		sizes := make([]string, len(since))
		for i, size := range since {
			sizes[i] = strconv.FormatInt(size, 10)
		}
		q.Set("since", strings.Join(sizes, ","))
	}
	for began := time.Now(); ; {
		err := x.fetchProof(ctx, name, q)
		if err == nil || !isAway(err) || time.Since(began) > exportPatience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(x.pause):
		}
	}
}

func (x *auditExport) fetchProof(ctx context.Context, name string, q url.Values) error {
	part := name + ".part"
	err := x.client.Stream(ctx, auditExportPath, q, func(_ http.Header, body io.Reader) error {
		file, err := os.OpenFile(filepath.Clean(part), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, body)
		return errors.Join(err, file.Sync(), file.Close())
	})
	if err != nil {
		_ = os.Remove(part)
		return err
	}
	return os.Rename(part, name)
}

// resume finds the end of the last whole line of a file that was begun, takes away what
// is behind it, and returns how many events are before.
func resume(file *os.File, format audit.Format) (events int64, began bool, err error) {
	header := int64(bytes.Count(format.Header(), []byte{'\n'}))
	in, lines, end := bufio.NewReaderSize(file, 256<<10), int64(0), int64(0)
	for line := []byte(nil); ; {
		line, err = wholeLine(in, line)
		if err != nil {
			break
		}
		lines, end = lines+1, end+int64(len(line))
	}
	if !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	if lines < header {
		lines, end = 0, 0
	}
	if err := file.Truncate(end); err != nil {
		return 0, false, err
	}
	_, err = file.Seek(end, io.SeekStart)
	return max(lines-header, 0), lines >= header && lines > 0, err
}
