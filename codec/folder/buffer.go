package folder

import (
	"fmt"
	"io"

	"github.com/selvage-network/selvage/codec"
)

// Memory for the buffers of all slivers that are written at the same time, and the most that one of them gets.
const (
	dataBudget  = 48 << 20
	dataMost    = 1 << 20
	rootsBudget = 16 << 20
	rootsMost   = 64 << 10
)

// sliverBuffer turns the stripes of one sliver into few large writes: the stripes of a small grid have a few KiB,
// their roots 32 bytes each.
type sliverBuffer struct {
	layout codec.Layout
	sliver codec.SliverIndex
	next   codec.StripeIndex // the stripe that is awaited
	roots  pending
	data   pending
}

// pending is a run of bytes that are not written yet.
type pending struct {
	size int // capacity, or 0: everything is written at once
	buf  []byte
	at   int64 // where the run, and with an empty run the next byte, belongs
}

// newSliverBuffer returns a buffer for one of count slivers that are written at the same time.
func newSliverBuffer(l codec.Layout, s codec.SliverIndex, count int) *sliverBuffer {
	b := &sliverBuffer{layout: l, sliver: s}
	b.roots.size = int(min(rootsBudget/int64(count), rootsMost, l.RootsSize()))
	size := min(dataBudget/int64(count), dataMost, l.SliverDataSize(s.Axis))
	if int64(l.SliverStripeSize(s.Axis, 0)) <= size/2 {
		b.data.size = int(size)
	}
	b.restart()
	return b
}

func (b *sliverBuffer) restart() {
	b.next = 0
	b.roots.buf, b.roots.at = b.roots.buf[:0], 0
	b.data.buf, b.data.at = b.data.buf[:0], b.layout.RootsSize()
}

// add takes the next stripe. A recovery that found a liar begins anew with stripe 0.
func (b *sliverBuffer) add(w io.WriterAt, c codec.StripeIndex, root codec.Hash, data []byte) error {
	if c == 0 {
		b.restart()
	}
	if c != b.next {
		return fmt.Errorf("folder: stripe %d of %v came where stripe %d was due", c, b.sliver, b.next)
	}
	if want := b.layout.SliverStripeSize(b.sliver.Axis, c); len(data) != want {
		return fmt.Errorf("%w: stripe %d of %v has %d bytes, want %d", codec.ErrLength, c, b.sliver, len(data), want)
	}
	b.next++
	if err := b.roots.add(w, root[:]); err != nil {
		return err
	}
	return b.data.add(w, data)
}

// finish writes what is left of a sliver whose stripes were all added.
func (b *sliverBuffer) finish(w io.WriterAt) error {
	if int(b.next) != b.layout.Stripes() {
		return fmt.Errorf("%w: %v has %d of %d stripes", ErrIncomplete, b.sliver, b.next, b.layout.Stripes())
	}
	if err := b.data.flush(w); err != nil {
		return err
	}
	err := b.roots.flush(w)
	b.roots.buf, b.data.buf = nil, nil
	return err
}

func (p *pending) add(w io.WriterAt, b []byte) error {
	if len(p.buf)+len(b) > p.size {
		if err := p.flush(w); err != nil {
			return err
		}
	}
	if len(b) > p.size {
		return p.write(w, b)
	}
	if p.buf == nil {
		p.buf = make([]byte, 0, p.size)
	}
	p.buf = append(p.buf, b...)
	return nil
}

func (p *pending) flush(w io.WriterAt) error {
	if len(p.buf) == 0 {
		return nil
	}
	err := p.write(w, p.buf)
	p.buf = p.buf[:0]
	return err
}

func (p *pending) write(w io.WriterAt, b []byte) error {
	_, err := w.WriteAt(b, p.at)
	p.at += int64(len(b))
	return err
}
