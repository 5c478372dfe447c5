package expo

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Syntax is one of the formats.
type Syntax uint8

// The formats. Protobuf is the length-delimited one; a family of more than about
// bufferSize bytes is several messages of the same name there.
const (
	Text Syntax = iota
	OpenMetrics
	Protobuf
	syntaxes
)

// Encoding is how the whole is compressed.
type Encoding uint8

// The encodings.
const (
	Plain Encoding = iota
	Gzip
	Zstd
)

// Format is what a scrape gets.
type Format struct {
	Syntax   Syntax
	Encoding Encoding
}

const (
	// bufferSize is what is written at a time, in bytes, and all that a scrape
	// keeps for itself, compression aside.
	bufferSize = 64 << 10
	// worthKeeping is the size in bytes from which a page's compressed form is
	// kept. Smaller ones are compressed together, which is smaller too.
	worthKeeping = 4 << 10
)

// Write writes all series that have not expired by now, families by name and
// series by labels. Updates go on meanwhile; what is written of a series is what
// it was at one moment. It returns the error of w.
func (s *Store) Write(w io.Writer, now time.Time, f Format) error {
	s.refresh(now)
	out, err := s.output(w, f)
	if err != nil {
		return err
	}
	defer out.abandon()
	if err := s.writeAll(out, f.Syntax); err != nil {
		return err
	}
	return out.close()
}

// refresh does what is due, unless that would mean to wait for an update.
func (s *Store) refresh(now time.Time) {
	due := now.UnixNano() >= s.expiry.Load()
	if (due || s.stale.Load()) && s.mu.TryLock() {
		defer s.mu.Unlock()
		if due {
			s.sweep(now, false)
		}
		if s.stale.Load() {
			s.publish()
		}
	}
}

func (s *Store) writeAll(out output, syntax Syntax) error {
	index := *s.index.Load()
	for i := range index {
		e := &index[i]
		begun := false
		for _, p := range *e.pages.Load() {
			err := p.walk(s, syntax, func(r *rendering) error {
				if r.text == "" {
					return nil
				}
				if !begun {
					begun = true
					if err := out.begin(e.family, e.header(syntax)); err != nil {
						return err
					}
				}
				return out.page(r)
			})
			if err != nil {
				return err
			}
		}
		if begun {
			if err := out.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// output takes what is written, in order: of a family its beginning, its pages
// and its end.
type output interface {
	begin(*family, *header) error
	page(*rendering) error
	end() error
	// close writes the end of the stream.
	close() error
	// abandon is called at last, whether close was or not.
	abandon()
}

func (s *Store) output(w io.Writer, f Format) (output, error) {
	tail := ""
	if f.Syntax == OpenMetrics {
		tail = openEnd
	}
	if f.Encoding == Gzip && f.Syntax != Protobuf {
		out := &joiner{plain: plain{w: unclosed{w}, pool: &s.buffers, buffer: s.buffers.get()}, tail: tail,
			scratches: &s.scratch, scratch: s.scratch.get()}
		return out, write(&out.plain, gzipHeader)
	}
	var stream io.WriteCloser
	switch f.Encoding {
	case Plain:
		stream = unclosed{w}
	case Gzip:
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		stream = z
	case Zstd:
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(bufferSize), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, err
		}
		stream = z
	default:
		return nil, fmt.Errorf("writing metrics: no encoding %d", f.Encoding)
	}
	if f.Syntax == Protobuf {
		return &messages{w: stream}, nil
	}
	return &plain{w: stream, tail: tail, pool: &s.buffers, buffer: s.buffers.get()}, nil
}

// buffers are used again from one scrape to the next.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[bufferSize]byte {
	if have, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return have
	}
	return new([bufferSize]byte)
}

// unclosed is a stream that needs no end.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// plain gathers text into large writes.
type plain struct {
	w      io.WriteCloser
	tail   string
	pool   *buffers
	buffer *[bufferSize]byte
	n      int
}

func (o *plain) begin(_ *family, h *header) error { return write(o, h.text) }
func (o *plain) page(r *rendering) error          { return write(o, r.text) }
func (o *plain) end() error                       { return nil }
func (o *plain) abandon()                         { o.pool.pool.Put(o.buffer) }

func write[T string | []byte](o *plain, text T) error {
	for {
		n := copy(o.buffer[o.n:], text)
		o.n += n
		if text = text[n:]; len(text) == 0 {
			return nil
		}
		if err := o.flush(); err != nil {
			return err
		}
	}
}

func (o *plain) flush() error {
	_, err := o.w.Write(o.buffer[:o.n])
	o.n = 0
	return err
}

func (o *plain) close() error {
	if err := write(o, o.tail); err != nil {
		return err
	}
	if err := o.flush(); err != nil {
		return err
	}
	return o.w.Close()
}

// joiner writes gzip from segments. Small pieces are compressed together.
type joiner struct {
	plain  plain
	tail   string
	run    []byte
	sum    uint32
	length uint32

	scratches *scratches
	scratch   *[]byte
}

func (o *joiner) begin(_ *family, h *header) error {
	if len(o.run) > 0 {
		return o.gather(h.text)
	}
	seg := h.kept.Load()
	if seg == nil {
		seg = compress(o.scratch, h.text, 0, nil)
		h.kept.Store(seg)
	}
	return o.append(seg)
}

func (o *joiner) page(r *rendering) error {
	if len(r.text) < worthKeeping {
		return o.gather(r.text)
	}
	if err := o.flush(); err != nil {
		return err
	}
	seg := r.kept.Load()
	if seg == nil {
		seg = compress(o.scratch, r.text, r.lines, &reuse{base: r.base.Load(), changed: r.changed, ends: r.ends})
		r.kept.Store(seg)
		r.base.Store(nil)
	}
	return o.append(seg)
}

func (o *joiner) end() error { return nil }

func (o *joiner) abandon() {
	o.scratches.put(o.scratch)
	o.plain.abandon()
}

func (o *joiner) gather(text string) error {
	o.run = append(o.run, text...)
	if len(o.run) < bufferSize {
		return nil
	}
	return o.flush()
}

func (o *joiner) flush() error {
	if len(o.run) == 0 {
		return nil
	}
	seg := compress(o.scratch, asString(o.run), 0, nil)
	o.run = o.run[:0]
	return o.append(seg)
}

func (o *joiner) append(seg *segment) error {
	o.sum = joinSums(o.sum, seg.sum, seg.length)
	o.length += uint32(seg.length)
	return write(&o.plain, seg.deflated)
}

func (o *joiner) close() error {
	if err := o.gather(o.tail); err != nil {
		return err
	}
	if err := o.flush(); err != nil {
		return err
	}
	if err := write(&o.plain, gzipTrailer(o.sum, o.length)); err != nil {
		return err
	}
	return o.plain.flush()
}

// messages writes protocol buffers.
type messages struct {
	w       io.WriteCloser
	family  *family
	metrics []string
	size    int
	buffer  []byte
}

func (o *messages) begin(f *family, _ *header) error {
	o.family = f
	return nil
}

func (o *messages) page(r *rendering) error {
	o.metrics = append(o.metrics, r.text)
	if o.size += len(r.text); o.size < bufferSize {
		return nil
	}
	return o.end()
}

func (o *messages) end() error {
	if len(o.metrics) == 0 {
		return nil
	}
	o.buffer = appendFamily(o.buffer, o.family, o.metrics)
	o.metrics, o.size = o.metrics[:0], 0
	if len(o.buffer) < bufferSize {
		return nil
	}
	return o.flush()
}

func (o *messages) flush() error {
	_, err := o.w.Write(o.buffer)
	o.buffer = o.buffer[:0]
	return err
}

func (o *messages) close() error {
	if err := o.flush(); err != nil {
		return err
	}
	return o.w.Close()
}

func (o *messages) abandon() {}
