package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

const (
	// keyBounds holds the numbers of the first page and of the next one to be written,
	// each of 8 bytes, big-endian.
	keyBounds = "bounds"
	keyPage   = "page/"
	// forgetAtOnce bounds the pages that one transaction removes.
	forgetAtOnce = 1000
)

func pageKey(number uint64) string { return keyPage + strconv.FormatUint(number, 10) }

// book is what is known of the pages in the storage, a page a request. It is not
// safe for concurrent use.
type book struct {
	first, next uint64
	pages       []page // of the numbers first to next-1
	bytes       int64
}

type page struct {
	at   time.Time
	size int
}

// open reads the bounds; the pages have to be noted one by one.
func open(ctx context.Context, client storage.Client) (book, error) {
	text, err := client.Get(ctx, keyBounds)
	switch {
	case err != nil:
		return book{}, fmt.Errorf("reading the bounds of the journal: %w", err)
	case text == nil:
		return book{}, nil
	case len(text) != 16:
		return book{}, fmt.Errorf("reading the bounds of the journal: %d bytes are not 16", len(text))
	}
	b := book{first: binary.BigEndian.Uint64(text), next: binary.BigEndian.Uint64(text[8:])}
	if b.first > b.next {
		return book{}, fmt.Errorf("reading the bounds of the journal: the first page, %d, is after the last, %d", b.first, b.next)
	}
	return b, nil
}

func bounds(first, next uint64) *storage.Operation {
	return storage.SetOperation(keyBounds, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, first), next))
}

func (b *book) note(at time.Time, size int) {
	b.pages = append(b.pages, page{at, size})
	b.bytes += int64(size)
}

// write adds a page. After an error the book is as it was.
func (b *book) write(ctx context.Context, client storage.Client, at time.Time, text []byte) error {
	if err := client.Batch(ctx, storage.SetOperation(pageKey(b.next), text), bounds(b.first, b.next+1)); err != nil {
		return err
	}
	b.next++
	b.note(at, len(text))
	return nil
}

// forget removes the pages that were written before a time.
func (b *book) forget(ctx context.Context, client storage.Client, before time.Time) error {
	for {
		n := 0
		var operations []*storage.Operation
		var size int64
		for n < min(len(b.pages), forgetAtOnce) && b.pages[n].at.Before(before) {
			operations = append(operations, storage.DeleteOperation(pageKey(b.first+uint64(n))))
			size += int64(b.pages[n].size)
			n++
		}
		if n == 0 {
			return nil
		}
		if err := client.Batch(ctx, append(operations, bounds(b.first+uint64(n), b.next))...); err != nil {
			return err
		}
		b.first += uint64(n)
		b.pages = append(b.pages[:0], b.pages[n:]...)
		b.bytes -= size
	}
}
