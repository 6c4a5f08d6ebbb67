package codec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Decoder gives back a blob, whole or by range, from any sufficient set of its slivers. It reads systematic
// slivers where it can, checks what it reads, and goes round slivers that turn out missing or corrupt, stripe
// by stripe. It may be used for several reads, also concurrently; what one read finds out about bad slivers the
// others know.
type Decoder struct {
	blob    Blob
	layout  Layout
	coder   *coder
	values  Commitments
	opts    Options
	sources []*source // by position, nil where there is none
}

// source is what a decoder knows of one of its slivers.
type source struct {
	Source
	asked  chan struct{} // holds a token while the roots are read
	mu     sync.Mutex    // guards the rest
	roots  []Hash
	dead   *SliverError                 // the sliver as a whole is useless
	bad    map[StripeIndex]*SliverError // some stripes of it are
	faults int                          // how often it failed: the others come first
}

// maxBadStripes bounds what is remembered of a single bad sliver; beyond it the sliver is not used any more.
const maxBadStripes = 4096

// NewDecoder returns a decoder of a blob from the given slivers, whose committed values come from metadata or
// from openings. Slivers without a committed value are refused, as are two sources for one sliver.
func NewDecoder(blob Blob, values Commitments, sources []Source, opts Options) (*Decoder, error) {
	l, err := blob.Layout()
	if err != nil {
		return nil, err
	}
	if of := blobOf(values); of != nil && *of != blob {
		return nil, fmt.Errorf("%w: the committed values are of blob %v, not of %v", ErrMetadata, of.ID(), blob.ID())
	}
	c, err := newCoder(l.Grid)
	if err != nil {
		return nil, err
	}
	d := &Decoder{blob: blob, layout: l, coder: c, values: values, opts: opts, sources: make([]*source, 2*l.n)}
	for _, src := range sources {
		s := src.Sliver()
		if err := l.CheckSliver(s); err != nil {
			return nil, err
		}
		if _, ok := values.Committed(s); !ok {
			return nil, unknownValue(s)
		}
		p := l.Position(s)
		if d.sources[p] != nil {
			return nil, &SliverError{Sliver: s, Stripe: -1, Err: ErrDuplicate}
		}
		d.sources[p] = &source{Source: src, asked: make(chan struct{}, 1), bad: make(map[StripeIndex]*SliverError)}
	}
	return d, nil
}

// Layout is the blob's layout.
func (d *Decoder) Layout() Layout { return d.layout }

// Bad lists the slivers, and stripes of slivers, that were refused so far, in a fixed order. Sources that were only
// not available ([ErrUnavailable]) are not among them: the next read asks them again.
func (d *Decoder) Bad() []*SliverError {
	var all []*SliverError
	for _, src := range d.sources {
		if src == nil {
			continue
		}
		src.mu.Lock()
		if src.dead != nil {
			all = append(all, src.dead)
		} else {
			for _, e := range src.bad {
				all = append(all, e)
			}
		}
		src.mu.Unlock()
	}
	sortSliverErrors(all)
	return all
}

// standing says how much a sliver is worth for a stripe.
type standing int

const (
	useless standing = iota
	suspect          // it failed before: better ones come first
	clean
)

// standing of a sliver for a stripe. A sliver that failed once is a suspect for good: a liar could otherwise spoil
// stripe after stripe, and a source that times out hold each of them up.
func (d *Decoder) standing(s SliverIndex, c StripeIndex) standing {
	src := d.sources[d.layout.Position(s)]
	if src == nil {
		return useless
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	switch {
	case src.dead != nil || src.bad[c] != nil:
		return useless
	case src.faults > 0:
		return suspect
	}
	return clean
}

// refuse remembers that stripe c of a sliver, or the whole sliver, is of no use.
func (src *source) refuse(c StripeIndex, whole bool, err error) {
	stripe := int(c)
	if whole {
		stripe = -1
	}
	e := aboutSliver(src.Sliver(), stripe, err)
	src.mu.Lock()
	defer src.mu.Unlock()
	src.faults++
	switch {
	case src.dead != nil:
	case whole:
		src.dead = e
	case len(src.bad) >= maxBadStripes:
		src.dead = aboutSliver(src.Sliver(), -1, fmt.Errorf("more than %d stripes are bad, the last one: %w", maxBadStripes, e))
	default:
		src.bad[c] = e
	}
}

// checkedRoots returns the sliver's stripe roots, read and checked once.
func (d *Decoder) checkedRoots(ctx context.Context, src *source) ([]Hash, error) {
	select {
	case src.asked <- struct{}{}:
		defer func() { <-src.asked }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	src.mu.Lock()
	roots, dead := src.roots, src.dead
	src.mu.Unlock()
	switch {
	case dead != nil:
		return nil, dead
	case roots != nil:
		return roots, nil
	}
	value, _ := d.values.Committed(src.Sliver())
	roots, err := checkedRoots(ctx, d.layout, src.Source, value)
	if err != nil {
		// Remembered before the next one may ask, so that nobody reads bad roots again.
		if ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
			src.refuse(0, true, err)
		}
		return nil, err
	}
	src.mu.Lock()
	src.roots = roots
	src.mu.Unlock()
	return roots, nil
}

// Decode writes the whole blob to w and checks all of it: every stripe is encoded again and the blob ID is
// compared, so that two readers can never get different bytes of an inconsistently encoded blob. An error
// may come after bytes have been written; nothing that was written may be used before Decode returned nil.
func (d *Decoder) Decode(ctx context.Context, w io.Writer) error {
	r := newReading(d, true)
	if err := r.run(ctx, w, 0, d.layout.size); err != nil {
		return err
	}
	values := make([]Committed, len(r.stacks))
	for i := range values {
		values[i] = r.stacks[i].root().Committed()
	}
	m, err := NewMetadata(d.layout, values)
	if err != nil {
		return err
	}
	if m.ID() != d.blob.ID() {
		return fmt.Errorf("%w: encoded again it is blob %v, not %v", ErrInconsistent, m.ID(), d.blob.ID())
	}
	return nil
}

// DecodeFast writes the whole blob to w and checks each sliver and stripe that it uses against its commitment
// only. Of a blob that a malicious writer encoded inconsistently, two fast readers may get different bytes.
func (d *Decoder) DecodeFast(ctx context.Context, w io.Writer) error {
	return newReading(d, false).run(ctx, w, 0, d.layout.size)
}

// DecodeRange writes length bytes of the blob from offset on to w, reading only the stripes and slivers that
// the range needs. It checks what [Decoder.DecodeFast] checks.
func (d *Decoder) DecodeRange(ctx context.Context, w io.Writer, offset, length uint64) error {
	if offset > d.layout.size || length > d.layout.size-offset {
		return fmt.Errorf("%w: %d bytes from %d on, of a blob of %d", ErrIndex, length, offset, d.layout.size)
	}
	if length == 0 {
		return nil
	}
	return newReading(d, false).run(ctx, w, offset, length)
}
