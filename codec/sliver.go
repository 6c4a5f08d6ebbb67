package codec

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/selvage-network/selvage/codec/rs"
)

// sliverRoots computes the stripe roots of slivers of one axis: data[i] is one stripe of symbols of t bytes,
// all as a sliver stores them, and roots[i] becomes its root.
func (w *worker) sliverRoots(a Axis, t int, data [][]byte, roots []Hash) error {
	p, err := rs.NewPacking(t)
	if err != nil {
		return err
	}
	code := w.c.along(a)
	k, one := code.K(), p.PackedSize(1)
	per := max(1, rowVector/one)
	if p.Direct() && t >= directVector {
		per = 1
	}
	for from := 0; from < len(data); from += per {
		some := data[from:min(from+per, len(data))]
		// Vector i holds symbol i of each of some slivers, side by side.
		size := len(some) * one
		w.packedVectors(size)
		if len(some) == 1 && p.Direct() {
			for i := range k {
				w.vectors[i] = some[0][i*t : (i+1)*t]
			}
		} else {
			for u, d := range some {
				for i := range k {
					p.Pack(w.vectors[i][u*one:], d[i*t:], 1, 0)
				}
			}
		}
		if err := code.Encode(w.vectors); err != nil {
			return err
		}
		for u, d := range some {
			leafHashes(w.leaves[:k], d, t, t)
			parity, stride := w.packed[k*size+u*one:], size
			if !p.Direct() {
				parity, stride = grow(&w.spare, (w.c.n-k)*t), t
				for i := range w.c.n - k {
					p.Unpack(parity[i*t:], w.vectors[k+i][u*one:], 1, 0)
				}
			}
			leafHashes(w.leaves[k:], parity, t, stride)
			roots[from+u] = treeRoot(w.leaves, w.tree)
		}
	}
	return nil
}

// SliverVerifier checks a sliver while it arrives: its stripe roots first, then each stripe, in any order. It
// needs the memory of one expanded stripe of the sliver. Once the roots are accepted, stripes may be checked
// concurrently.
type SliverVerifier struct {
	layout Layout
	sliver SliverIndex
	value  Committed
	roots  []Hash
	coder  *coder
}

// NewSliverVerifier returns a verifier for a sliver with the given committed value, which the caller has from
// checked metadata or from an opening.
func NewSliverVerifier(l Layout, s SliverIndex, value Committed) (*SliverVerifier, error) {
	if err := l.CheckSliver(s); err != nil {
		return nil, err
	}
	c, err := newCoder(l.Grid)
	if err != nil {
		return nil, err
	}
	return &SliverVerifier{layout: l, sliver: s, value: value, coder: c}, nil
}

// Roots checks the stripe roots against the committed value and keeps them, as they are, for [SliverVerifier.Stripe].
func (v *SliverVerifier) Roots(roots []Hash) error {
	if err := checkRoots(v.layout, roots, v.value); err != nil {
		return aboutSliver(v.sliver, -1, err)
	}
	v.roots = roots
	return nil
}

// Stripe checks one stripe. The stripe roots must have been accepted before.
func (v *SliverVerifier) Stripe(c StripeIndex, data []byte) error {
	if int64(c) >= int64(len(v.roots)) {
		return &SliverError{Sliver: v.sliver, Stripe: int(c), Err: fmt.Errorf("%w: %d stripe roots are known", ErrIndex, len(v.roots))}
	}
	if want := v.layout.SliverStripeSize(v.sliver.Axis, c); len(data) != want {
		return &SliverError{Sliver: v.sliver, Stripe: int(c), Err: fmt.Errorf("%w: %d bytes, want %d", ErrLength, len(data), want)}
	}
	w := v.coder.take()
	defer w.release()
	var root [1]Hash
	if err := w.sliverRoots(v.sliver.Axis, v.layout.SymbolSize(c), [][]byte{data}, root[:]); err != nil {
		return err
	}
	if root[0] != v.roots[c] {
		return &SliverError{Sliver: v.sliver, Stripe: int(c), Err: ErrStripe}
	}
	return nil
}

// checkRoots compares the tree over stripe roots with a sliver's committed value.
func checkRoots(l Layout, roots []Hash, value Committed) error {
	if len(roots) != l.Stripes() {
		return fmt.Errorf("%w: %d stripe roots, want %d", ErrLength, len(roots), l.Stripes())
	}
	var s treeStack
	for _, r := range roots {
		s.push(r)
	}
	if s.root().Committed() != value {
		return ErrRoots
	}
	return nil
}

// ReadSliver reads a sliver in its stored form, stripe roots ‖ stripes, checks the roots before anything else
// and each stripe before it passes it on, and refuses a sliver that is shorter or longer than the blob's size
// says. each may be nil; its data is valid during the call only, and its error is returned as it is.
func ReadSliver(ctx context.Context, r io.Reader, l Layout, s SliverIndex, value Committed, each func(c StripeIndex, root Hash, data []byte) error) error {
	v, err := NewSliverVerifier(l, s, value)
	if err != nil {
		return err
	}
	fail := func(stripe int, err error) error { return &SliverError{Sliver: s, Stripe: stripe, Err: err} }
	// The roots are read bit by bit, so that a sender has to send what it makes the receiver keep.
	var roots []Hash
	for len(roots) < l.Stripes() {
		more := make([]Hash, min(4096, l.Stripes()-len(roots)))
		if err := readFull(r, HashBytes(more)); err != nil {
			return fail(-1, err)
		}
		roots = append(roots, more...)
	}
	if err := v.Roots(roots); err != nil {
		return err
	}
	buf := make([]byte, l.SliverStripeSize(s.Axis, 0))
	for i := range roots {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := StripeIndex(i)
		data := buf[:l.SliverStripeSize(s.Axis, c)]
		if err := readFull(r, data); err != nil {
			return fail(i, err)
		}
		if err := v.Stripe(c, data); err != nil {
			return err
		}
		if each != nil {
			if err := each(c, roots[i], data); err != nil {
				return err
			}
		}
	}
	var one [1]byte
	switch n, err := io.ReadFull(r, one[:]); {
	case n > 0:
		return fail(-1, fmt.Errorf("%w: more than %d bytes", ErrLength, l.SliverSize(s.Axis)))
	case !errors.Is(err, io.EOF):
		return fail(-1, err)
	}
	return nil
}

// readFull is io.ReadFull with an early end as ErrLength.
func readFull(r io.Reader, b []byte) error {
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends %d bytes early", ErrLength, len(b)-n)
	}
	return err
}

// Source is a stored sliver that is read by stripe: a file, a database, another node. Its methods may be called
// from several goroutines at the same time.
type Source interface {
	// Sliver says which sliver this is.
	Sliver() SliverIndex
	// StripeRoots returns the sliver's stripe roots, one a stripe. Nobody changes the slice afterwards.
	StripeRoots(ctx context.Context) ([]Hash, error)
	// ReadStripe fills dst, which has exactly the size of the stripe in this sliver.
	ReadStripe(ctx context.Context, c StripeIndex, dst []byte) error
}

// Commitments tells the committed values of a blob's slivers. [*Metadata] knows all of them, [Openings] those
// that were opened.
type Commitments interface {
	Committed(s SliverIndex) (Committed, bool)
}

// blobOf tells which blob committed values are of, where that is known.
func blobOf(values Commitments) *Blob {
	switch v := values.(type) {
	case *Metadata:
		return &v.Blob
	case *Openings:
		return &v.blob
	}
	return nil
}

// unknownValue refuses a sliver that nothing can be checked against.
func unknownValue(s SliverIndex) error {
	return aboutSliver(s, -1, fmt.Errorf("%w: its committed value is not known", ErrUnknown))
}

// checkedRoots reads a source's stripe roots and checks them.
func checkedRoots(ctx context.Context, l Layout, src Source, value Committed) ([]Hash, error) {
	roots, err := src.StripeRoots(ctx)
	if err == nil {
		err = checkRoots(l, roots, value)
	}
	if err != nil {
		return nil, aboutSliver(src.Sliver(), -1, err)
	}
	return roots, nil
}
