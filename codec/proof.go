package codec

import (
	"context"
	"errors"
	"fmt"

	"github.com/selvage-network/selvage/codec/kzg"
	"github.com/selvage-network/selvage/codec/rs"
)

// SymbolProof shows that a symbol is the one at its place under a sliver's committed value.
type SymbolProof struct {
	Sliver SliverIndex // the sliver that holds the symbol
	Stripe StripeIndex
	Symbol uint16 // place in the expanded sliver, 0 ≤ Symbol < n
	Data   []byte // the symbol
	// Path holds the siblings from the symbol's leaf to the stripe root, and from there to the sliver root.
	Path Path
}

// PathLens is the number of siblings from a symbol to its stripe root and from there to the sliver root.
func (l Layout) PathLens(c StripeIndex, symbol int) (inStripe, inSliver int) {
	return PathLen(l.n, symbol), PathLen(l.Stripes(), int(c))
}

// checkPlace refuses symbols that the blob does not have.
func (p *SymbolProof) checkPlace(l Layout) error {
	if err := l.CheckSliver(p.Sliver); err != nil {
		return err
	}
	if int(p.Symbol) >= l.n || int64(p.Stripe) >= int64(l.Stripes()) {
		return fmt.Errorf("%w: symbol %d of stripe %d", ErrIndex, p.Symbol, p.Stripe)
	}
	return nil
}

// StripeRoot folds the path up to the stripe root.
func (p *SymbolProof) StripeRoot(l Layout) (Hash, error) {
	if err := p.checkPlace(l); err != nil {
		return Hash{}, err
	}
	if want := l.SymbolSize(p.Stripe); len(p.Data) != want {
		return Hash{}, fmt.Errorf("%w: %w: a symbol of %d bytes, want %d", ErrProof, ErrLength, len(p.Data), want)
	}
	inStripe, inSliver := l.PathLens(p.Stripe, int(p.Symbol))
	if len(p.Path) != inStripe+inSliver {
		return Hash{}, fmt.Errorf("%w: a path of %d siblings, want %d", ErrProof, len(p.Path), inStripe+inSliver)
	}
	var leaf [1]Hash
	leafHashes(leaf[:], p.Data, len(p.Data), 0)
	return foldPath(leaf[0], int(p.Symbol), l.n, p.Path[:inStripe])
}

// Verify checks the proof against the committed value of the sliver, which the caller has from checked
// metadata or from an opening. Lengths follow from the layout; any others are refused.
func (p *SymbolProof) Verify(l Layout, value Committed) error {
	root, err := p.StripeRoot(l)
	if err != nil {
		return p.wrap(err)
	}
	inStripe, _ := l.PathLens(p.Stripe, int(p.Symbol))
	root, err = foldPath(root, int(p.Stripe), l.Stripes(), p.Path[inStripe:])
	if err != nil {
		return p.wrap(err)
	}
	if root.Committed() != value {
		return p.wrap(ErrProof)
	}
	return nil
}

func (p *SymbolProof) wrap(err error) error {
	return &SliverError{Sliver: p.Sliver, Stripe: int(p.Stripe), Err: fmt.Errorf("symbol %d: %w", p.Symbol, err)}
}

// PartSource is a source that can read a part of a stripe: taking one symbol out of a stored sliver then
// touches no more than that symbol.
type PartSource interface {
	Source
	// ReadPart fills dst from the given offset inside stripe c of the sliver on.
	ReadPart(ctx context.Context, c StripeIndex, offset int, dst []byte) error
}

// Extractor takes single symbols out of stored slivers: the stored ones as they are, the others of the expanded
// sliver by extending it. It trusts the slivers; a proof is checked by who receives it. It costs nothing to make
// and may be used concurrently.
type Extractor struct {
	layout Layout
	coder  *coder
}

// NewExtractor returns an extractor for slivers of blobs with the layout.
func NewExtractor(l Layout) (*Extractor, error) {
	c, err := newCoder(l.Grid)
	if err != nil {
		return nil, err
	}
	return &Extractor{layout: l, coder: c}, nil
}

// Symbols fills dst with one symbol of the sliver for each of the stripes first ≤ c < end: the symbol where
// the target sliver of the other axis crosses it. dst has the length of the target's symbols, [Layout.SymbolRun].
// It returns how many bytes it read.
func (x *Extractor) Symbols(ctx context.Context, src Source, target SliverIndex, first, end StripeIndex, dst []byte) (read int64, err error) {
	s := src.Sliver()
	if err := x.layout.checkCrossing(s, target, first, end); err != nil {
		return 0, err
	}
	if want := x.layout.SymbolRun(first, end); len(dst) != want {
		return 0, fmt.Errorf("%w: %d bytes for symbols of %d", ErrLength, len(dst), want)
	}
	w := x.coder.take()
	defer w.release()
	symbol := int(target.Index)
	part, partial := src.(PartSource)
	for c := first; c < end; c++ {
		t := x.layout.SymbolSize(c)
		out := dst[:t]
		dst = dst[t:]
		stored := symbol < x.layout.Stored(s.Axis)
		if stored && partial {
			if err := part.ReadPart(ctx, c, symbol*t, out); err != nil {
				return read, aboutSliver(s, int(c), err)
			}
			read += int64(t)
			continue
		}
		data, err := x.readStripe(ctx, w, src, c)
		if err != nil {
			return read, err
		}
		read += int64(len(data))
		if stored {
			copy(out, data[symbol*t:])
		} else if err := x.extend(w, s.Axis, symbol, data, out); err != nil {
			return read, err
		}
	}
	return read, nil
}

// SymbolRun is the number of bytes of one symbol in each of the stripes first ≤ c < end.
func (l Layout) SymbolRun(first, end StripeIndex) int {
	if first >= end {
		return 0
	}
	return int(end-first-1)*l.maxSymbol + l.SymbolSize(end-1)
}

// checkCrossing checks that two slivers exist and cross, and that the stripes exist.
func (l Layout) checkCrossing(s, target SliverIndex, first, end StripeIndex) error {
	if err := errors.Join(l.CheckSliver(s), l.CheckSliver(target)); err != nil {
		return err
	}
	if s.Axis == target.Axis {
		return fmt.Errorf("%w: %v and %v do not cross", ErrIndex, s, target)
	}
	if first > end || int64(end) > int64(l.Stripes()) {
		return fmt.Errorf("%w: stripes %d to %d of %d", ErrIndex, first, end, l.Stripes())
	}
	return nil
}

func (x *Extractor) readStripe(ctx context.Context, w *worker, src Source, c StripeIndex) ([]byte, error) {
	s := src.Sliver()
	data := grow(&w.stripe, x.layout.SliverStripeSize(s.Axis, c))
	if err := src.ReadStripe(ctx, c, data); err != nil {
		return nil, aboutSliver(s, int(c), err)
	}
	return data, nil
}

// extend computes one symbol of the expanded sliver from one stripe of its stored symbols.
func (x *Extractor) extend(w *worker, a Axis, symbol int, data, out []byte) error {
	t := len(out)
	p, err := rs.NewPacking(t)
	if err != nil {
		return err
	}
	plan, err := x.coder.extension(extension{a, symbol})
	if err != nil {
		return err
	}
	in := w.vectors[:x.coder.along(a).K()]
	if p.Direct() {
		for i := range in {
			in[i] = data[i*t : (i+1)*t]
		}
		return plan.Apply(in, [][]byte{out})
	}
	size := p.PackedSize(1)
	buf := grow(&w.packed, (len(in)+1)*size)
	for i := range in {
		in[i] = buf[i*size : (i+1)*size]
		p.Pack(in[i], data[i*t:], 1, 0)
	}
	sum := buf[len(in)*size:][:size]
	if err := plan.Apply(in, [][]byte{sum}); err != nil {
		return err
	}
	p.Unpack(out, sum, 1, 0)
	return nil
}

// Proof returns the symbol of one stripe of a sliver where the target crosses it, with its path. It reads the
// stripe and all stripe roots of the sliver; [NewSymbolSource] keeps the tree over these for further proofs. A stripe
// that does not match its root gives [ErrStripe]: nothing false is ever proven.
func (x *Extractor) Proof(ctx context.Context, src Source, target SliverIndex, c StripeIndex) (*SymbolProof, error) {
	upper, err := x.upperTree(ctx, src)
	if err != nil {
		return nil, err
	}
	return x.proof(ctx, src, upper, target, c)
}

// upperTree builds the tree over a sliver's stripe roots.
func (x *Extractor) upperTree(ctx context.Context, src Source) (merkleTree, error) {
	roots, err := src.StripeRoots(ctx)
	if err == nil && len(roots) != x.layout.Stripes() {
		err = fmt.Errorf("%w: %d stripe roots, want %d", ErrLength, len(roots), x.layout.Stripes())
	}
	if err != nil {
		return nil, aboutSliver(src.Sliver(), -1, err)
	}
	return newTree(roots), nil
}

func (x *Extractor) proof(ctx context.Context, src Source, upper merkleTree, target SliverIndex, c StripeIndex) (*SymbolProof, error) {
	s := src.Sliver()
	if err := x.layout.checkCrossing(s, target, c, c+1); err != nil {
		return nil, err
	}
	w := x.coder.take()
	defer w.release()
	data, err := x.readStripe(ctx, w, src, c)
	if err != nil {
		return nil, err
	}
	t := x.layout.SymbolSize(c)
	symbols, err := w.expand(s.Axis, t, data)
	if err != nil {
		return nil, err
	}
	p := &SymbolProof{Sliver: s, Stripe: c, Symbol: target.Index}
	p.Data = append(p.Data, symbols[int(target.Index)*t:][:t]...)
	leaves := make([]Hash, x.layout.n)
	leafHashes(leaves, symbols, t, t)
	tree := newTree(leaves)
	if tree.root() != upper[0][c] {
		return nil, aboutSliver(s, int(c), ErrStripe) // rot that was not found before
	}
	p.Path = tree.appendPath(p.Path, int(target.Index))
	p.Path = upper.appendPath(p.Path, int(c))
	return p, nil
}

// expand returns all n symbols of one stripe of a sliver, one after another.
func (w *worker) expand(a Axis, t int, data []byte) ([]byte, error) {
	out := make([]byte, w.c.n*t)
	copy(out, data)
	symbols := make([][]byte, w.c.n)
	for i := range symbols {
		symbols[i] = out[i*t : (i+1)*t]
	}
	return out, w.c.along(a).Extend(symbols)
}

// SliverOpening shows that a sliver's committed value is the one that a blob commits to, by 48 bytes.
type SliverOpening struct {
	Sliver SliverIndex
	Value  Committed
	Proof  kzg.Proof
}

// Opener opens many slivers of one blob. It may be used concurrently.
type Opener struct {
	grid Grid
	m    *Metadata
	p    *kzg.Polynomial
}

// NewOpener prepares to open slivers of a blob.
func NewOpener(m *Metadata) (*Opener, error) {
	g, err := NewGrid(m.Shards)
	if err != nil {
		return nil, err
	}
	if len(m.Values) != 2*g.n {
		return nil, fmt.Errorf("%w: %d committed values, want %d", ErrMetadata, len(m.Values), 2*g.n)
	}
	p, err := kzg.NewPolynomial(scalars(m.Values))
	if err != nil {
		return nil, err
	}
	return &Opener{grid: g, m: m, p: p}, nil
}

// Open makes the opening of a sliver.
func (o *Opener) Open(s SliverIndex) (SliverOpening, error) {
	if err := o.grid.CheckSliver(s); err != nil {
		return SliverOpening{}, err
	}
	position := o.grid.Position(s)
	proof, err := o.p.Open(position)
	if err != nil {
		return SliverOpening{}, fmt.Errorf("codec: open %v: %w", s, err)
	}
	return SliverOpening{Sliver: s, Value: o.m.Values[position], Proof: proof}, nil
}

// BlobOpening is an opening of a sliver together with the blob that it belongs to.
type BlobOpening struct {
	Blob Blob
	SliverOpening
}

// claim checks what can be checked without arithmetic and gives the opening as package kzg takes it.
func (o *BlobOpening) claim() (kzg.Opening, error) {
	g, err := NewGrid(o.Blob.Shards)
	if err == nil {
		err = g.CheckSliver(o.Sliver)
	}
	// A committed value has 254 bits, whatever a stranger has put into the struct.
	if err == nil {
		_, err = ParseCommitted(o.Value[:])
	}
	if err != nil {
		return kzg.Opening{}, err
	}
	return kzg.Opening{Commitment: o.Blob.Commitment, Size: 2 * g.n, Index: g.Position(o.Sliver), Value: o.Value.scalar(), Proof: o.Proof}, nil
}

// VerifyOpenings checks openings of any slivers of any blobs together, by two pairings. The error names all
// slivers whose openings do not hold. An opening says nothing about the blob's n and size, which only its ID binds:
// each Blob must be one whose ID the caller trusts.
func VerifyOpenings(ctx context.Context, openings []BlobOpening) error {
	claims := make([]kzg.Opening, 0, len(openings))
	places := make([]int, 0, len(openings)) // of the claims in openings
	var bad []error
	refuse := func(i int, err error) {
		o := openings[i]
		bad = append(bad, aboutSliver(o.Sliver, -1, fmt.Errorf("%w: opening %d, of blob %v: %w", ErrProof, i, o.Blob.ID(), err)))
	}
	for i := range openings {
		claim, err := openings[i].claim()
		if err != nil {
			refuse(i, err)
			continue
		}
		places = append(places, i)
		claims = append(claims, claim)
	}
	err := kzg.BatchVerify(ctx, claims)
	var batch *kzg.BatchError
	switch {
	case errors.As(err, &batch):
		for _, b := range batch.Bad {
			refuse(places[b.Position], b.Err)
		}
	case err != nil:
		return fmt.Errorf("codec: check openings: %w", err)
	}
	return errors.Join(bad...)
}

// openingsHold is [VerifyOpenings] for a proof of which all openings must hold: it does no work to find out which of a
// stranger's do not.
func openingsHold(ctx context.Context, openings []BlobOpening) error {
	claims := make([]kzg.Opening, len(openings))
	for i := range openings {
		var err error
		if claims[i], err = openings[i].claim(); err != nil {
			return aboutSliver(openings[i].Sliver, -1, fmt.Errorf("%w: %w", ErrProof, err))
		}
	}
	if err := kzg.VerifyAll(ctx, claims); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}

// Openings are checked openings of some slivers of one blob: what a reader needs instead of the metadata.
type Openings struct {
	blob   Blob
	values map[SliverIndex]Committed
}

// NewOpenings checks openings of slivers of a blob.
func NewOpenings(ctx context.Context, blob Blob, openings []SliverOpening) (*Openings, error) {
	of := make([]BlobOpening, len(openings))
	o := &Openings{blob: blob, values: make(map[SliverIndex]Committed, len(openings))}
	for i, one := range openings {
		of[i] = BlobOpening{Blob: blob, SliverOpening: one}
		o.values[one.Sliver] = one.Value
	}
	if err := VerifyOpenings(ctx, of); err != nil {
		return nil, err
	}
	return o, nil
}

// Committed returns the committed value of a sliver that was opened.
func (o *Openings) Committed(s SliverIndex) (Committed, bool) {
	d, ok := o.values[s]
	return d, ok
}
