package codec

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"github.com/selvage-network/selvage/codec/rs"
	"io"
)

// An inconsistency proof shows that a writer committed to slivers that are no encoding of any blob: k slivers of
// one axis, all with symbols that match their commitments, decode a sliver of the other axis, the target, that
// does not match its own. Its serialised form is, all integers little-endian,
//
//	header   version u8 = 1 ‖ form u8 ‖ target axis u8 ‖ target index u16 ‖ opening of the target
//	         k × (index u16 ‖ opening), indices strictly ascending: the witnesses, slivers of the other axis
//	opening  d (32 bytes) ‖ KZG proof (48 bytes)
//
// and then in the whole form (1), which proves that the target's root is wrong,
//
//	for each stripe, for each witness: stripe root ‖ symbol ‖ path from the symbol to the stripe root
//
// or in the short form (2), which proves it of one stripe whose root the target is known to have,
//
//	stripe u32 ‖ the target's stripe root ‖ path from there to the target's sliver root
//	for each witness: symbol ‖ path from the symbol to the stripe root ‖ path from there to the sliver root
//
// The symbol is the one where the target crosses the witness. All lengths follow from the blob's n and size, so
// a proof carries none. Both forms are read once, with the memory of one stripe.
const (
	inconsistencyVersion = 1
	formWhole            = 1
	formShort            = 2
)

// BuildInconsistency writes the whole form of a proof against a target sliver. witnesses are exactly as many
// slivers across the target as decode it, as an [*InconsistentError] names them; all their symbols are fetched
// with their paths. What is written holds only if the writer really lied: check it with
// [VerifyInconsistency] before showing it to anybody.
func BuildInconsistency(ctx context.Context, w io.Writer, m *Metadata, target SliverIndex, witnesses []SymbolSource) error {
	b, err := newInconsistencyWriter(w, m, target, witnesses)
	if err != nil {
		return err
	}
	if err := b.header(ctx, formWhole); err != nil {
		return err
	}
	for c := range StripeIndex(b.layout.Stripes()) {
		proofs, err := b.symbols(ctx, c)
		if err != nil {
			return err
		}
		for _, p := range proofs {
			root, err := p.StripeRoot(b.layout)
			if err != nil {
				return err
			}
			inStripe, _ := b.layout.PathLens(c, int(p.Symbol))
			b.out.Write(root[:])
			b.out.Write(p.Data)
			b.out.Write(HashBytes(p.Path[:inStripe]))
		}
	}
	return b.flush()
}

// BuildInconsistencyShort writes the short form of a proof, for a stripe of the target that does not match its
// stripe root, where all stripe roots of the target are known and match its committed value.
func BuildInconsistencyShort(ctx context.Context, w io.Writer, m *Metadata, target SliverIndex, targetRoots []Hash, c StripeIndex, witnesses []SymbolSource) error {
	b, err := newInconsistencyWriter(w, m, target, witnesses)
	if err != nil {
		return err
	}
	value, _ := m.Committed(target)
	if err := checkRoots(b.layout, targetRoots, value); err != nil {
		return &SliverError{Sliver: target, Stripe: -1, Err: err}
	}
	if int64(c) >= int64(len(targetRoots)) {
		return fmt.Errorf("%w: stripe %d of %d", ErrIndex, c, len(targetRoots))
	}
	if err := b.header(ctx, formShort); err != nil {
		return err
	}
	binary.Write(b.out, binary.LittleEndian, uint32(c))
	b.out.Write(targetRoots[c][:])
	b.out.Write(HashBytes(newTree(targetRoots).appendPath(nil, int(c))))
	proofs, err := b.symbols(ctx, c)
	if err != nil {
		return err
	}
	for _, p := range proofs {
		b.out.Write(p.Data)
		b.out.Write(HashBytes(p.Path))
	}
	return b.flush()
}

type inconsistencyWriter struct {
	out       *bufio.Writer // keeps its first error, which flush returns
	layout    Layout
	m         *Metadata
	target    SliverIndex
	witnesses []SymbolSource // by index
}

func newInconsistencyWriter(w io.Writer, m *Metadata, target SliverIndex, witnesses []SymbolSource) (*inconsistencyWriter, error) {
	l, err := m.Layout()
	if err != nil {
		return nil, err
	}
	if err := l.CheckSliver(target); err != nil {
		return nil, err
	}
	sorted := make([]SymbolSource, l.n)
	count := 0
	for _, s := range witnesses {
		i := s.Sliver()
		if err := l.checkCrossing(i, target, 0, 0); err != nil {
			return nil, err
		}
		if sorted[i.Index] != nil {
			return nil, &SliverError{Sliver: i, Stripe: -1, Err: ErrDuplicate}
		}
		sorted[i.Index] = s
		count++
	}
	if need := l.Needed(target.Axis.Other()); count != need {
		return nil, fmt.Errorf("%w: %d witnesses against %v, want exactly %d", ErrNotEnough, count, target, need)
	}
	b := &inconsistencyWriter{out: bufio.NewWriter(w), layout: l, m: m, target: target}
	for _, s := range sorted {
		if s != nil {
			b.witnesses = append(b.witnesses, s)
		}
	}
	return b, nil
}

func (b *inconsistencyWriter) header(ctx context.Context, form byte) error {
	opener, err := NewOpener(b.m)
	if err != nil {
		return err
	}
	open := func(s SliverIndex) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := opener.Open(s)
		if err != nil {
			return err
		}
		buf, err := o.AppendBinary(binary.LittleEndian.AppendUint16(nil, s.Index))
		b.out.Write(buf)
		return err
	}
	b.out.Write([]byte{inconsistencyVersion, form, byte(b.target.Axis)})
	if err := open(b.target); err != nil {
		return err
	}
	for _, s := range b.witnesses {
		if err := open(s.Sliver()); err != nil {
			return err
		}
	}
	return nil
}

// symbols fetches and checks the witnesses' proven symbols of a stripe.
func (b *inconsistencyWriter) symbols(ctx context.Context, c StripeIndex) ([]*SymbolProof, error) {
	proofs := make([]*SymbolProof, len(b.witnesses))
	err := spread(ctx, Options{}.reads(), len(proofs), func(ctx context.Context, _, i int) error {
		one, _, err := provenSymbols(ctx, b.layout, b.m, b.witnesses[i], b.target, c, c+1)
		if err != nil {
			return aboutSliver(b.witnesses[i].Sliver(), int(c), err)
		}
		proofs[i] = one[0]
		return nil
	})
	return proofs, err
}

func (b *inconsistencyWriter) flush() error {
	if err := b.out.Flush(); err != nil {
		return fmt.Errorf("codec: write the inconsistency proof: %w", err)
	}
	return nil
}

// VerifyInconsistency reads a proof about a blob whose identity the caller trusts, and returns the sliver that
// it is about. nil means that the writer lied and the blob is void. [ErrConsistent] means that everything in it is genuine
// and shows nothing: the accuser lied. Every other error says what does not hold ([ErrProof]), that the proof is
// cut off or too long ([ErrLength]), or is the reader's or the context's own. A proof cannot frame an honest writer.
func VerifyInconsistency(ctx context.Context, blob Blob, r io.Reader) (SliverIndex, error) {
	l, err := blob.Layout()
	if err != nil {
		return SliverIndex{}, err
	}
	c, err := newCoder(l.Grid)
	if err != nil {
		return SliverIndex{}, err
	}
	v := &inconsistencyReader{in: bufio.NewReader(r), layout: l, blob: blob, w: c.take()}
	defer v.w.release()
	if err := v.verify(ctx); err != nil {
		err = fmt.Errorf("codec: inconsistency proof: %w", err)
		if errors.Is(err, ErrConsistent) {
			return v.target, err
		}
		return SliverIndex{}, err
	}
	return v.target, nil
}

type inconsistencyReader struct {
	in     *bufio.Reader
	layout Layout
	blob   Blob
	w      *worker

	form      byte
	target    SliverIndex
	value     Committed
	witnesses []SliverIndex
	values    []Committed // of the witnesses
	plan      *rs.Plan
	want      []int

	symbols []byte // of one stripe, packed: k witnesses
	out     []byte
	stripe  []byte // the target's stripe
}

func (v *inconsistencyReader) verify(ctx context.Context) error {
	if err := v.header(ctx); err != nil {
		return err
	}
	var wrong bool
	var err error
	if v.form == formWhole {
		wrong, err = v.whole(ctx)
	} else {
		wrong, err = v.short(ctx)
	}
	if err != nil {
		return err
	}
	var one [1]byte
	switch n, err := io.ReadFull(v.in, one[:]); {
	case n > 0:
		return fmt.Errorf("%w: bytes after its end", ErrLength)
	case !errors.Is(err, io.EOF):
		return err
	}
	if !wrong {
		return fmt.Errorf("%w: %v", ErrConsistent, v.target)
	}
	return nil
}

func (v *inconsistencyReader) header(ctx context.Context) error {
	var head [3]byte
	if err := readFull(v.in, head[:]); err != nil {
		return err
	}
	if head[0] != inconsistencyVersion {
		return fmt.Errorf("%w: version %d, want %d", ErrProof, head[0], inconsistencyVersion)
	}
	v.form = head[1]
	if v.form != formWhole && v.form != formShort {
		return fmt.Errorf("%w: form %d is not known", ErrProof, v.form)
	}
	v.target.Axis = Axis(head[2])
	openings := make([]BlobOpening, 1, 1+v.layout.n)
	if err := v.opening(&openings[0], v.target.Axis); err != nil {
		return err
	}
	v.target, v.value = openings[0].Sliver, openings[0].Value
	need := v.layout.Needed(v.target.Axis.Other())
	have := make([]int, need)
	present := make([]bool, v.layout.n)
	for i := range need {
		var o BlobOpening
		if err := v.opening(&o, v.target.Axis.Other()); err != nil {
			return err
		}
		if i > 0 && int(o.Sliver.Index) <= have[i-1] {
			return fmt.Errorf("%w: its witnesses are not in ascending order", ErrProof)
		}
		have[i] = int(o.Sliver.Index)
		present[have[i]] = true
		openings = append(openings, o)
		v.witnesses = append(v.witnesses, o.Sliver)
		v.values = append(v.values, o.Value)
	}
	if err := openingsHold(ctx, openings); err != nil {
		return err
	}
	code := v.w.c.along(v.target.Axis)
	for i := range code.K() {
		if !present[i] {
			v.want = append(v.want, i)
		}
	}
	var err error
	v.plan, err = code.Plan(have, v.want)
	return err
}

func (v *inconsistencyReader) opening(o *BlobOpening, a Axis) error {
	var b [2 + SliverOpeningSize]byte
	if err := readFull(v.in, b[:]); err != nil {
		return err
	}
	s := SliverIndex{a, binary.LittleEndian.Uint16(b[:])}
	if err := v.layout.CheckSliver(s); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	opening, err := ParseSliverOpening(s, b[2:])
	*o = BlobOpening{Blob: v.blob, SliverOpening: opening}
	return err
}

// whole reads all stripes and reports whether the target's root is not the committed one.
func (v *inconsistencyReader) whole(ctx context.Context) (bool, error) {
	l := v.layout
	trees := make([]treeStack, len(v.witnesses))
	var tree treeStack
	path := make(Path, PathLen(l.n, int(v.target.Index)))
	for c := range StripeIndex(l.Stripes()) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		v.begin(c)
		for i, s := range v.witnesses {
			var root [1]Hash
			if err := readFull(v.in, HashBytes(root[:])); err != nil {
				return false, err
			}
			got, err := v.symbol(c, i, path)
			if err != nil {
				return false, err
			}
			if got != root[0] {
				return false, &SliverError{Sliver: s, Stripe: int(c), Err: fmt.Errorf("%w: its symbol does not match its stripe root", ErrProof)}
			}
			trees[i].push(root[0])
		}
		root, err := v.decode(ctx, c)
		if err != nil {
			return false, err
		}
		tree.push(root)
	}
	for i, s := range v.witnesses {
		if trees[i].root().Committed() != v.values[i] {
			return false, &SliverError{Sliver: s, Stripe: -1, Err: fmt.Errorf("%w: %w", ErrProof, ErrRoots)}
		}
	}
	return tree.root().Committed() != v.value, nil
}

// short reads one stripe and reports whether the target's stripe root is not that of its decoded symbols.
func (v *inconsistencyReader) short(ctx context.Context) (bool, error) {
	l := v.layout
	var b [4]byte
	if err := readFull(v.in, b[:]); err != nil {
		return false, err
	}
	c := StripeIndex(binary.LittleEndian.Uint32(b[:]))
	if int64(c) >= int64(l.Stripes()) {
		return false, fmt.Errorf("%w: stripe %d of %d", ErrProof, c, l.Stripes())
	}
	inStripe, inSliver := l.PathLens(c, int(v.target.Index))
	var claimed [1]Hash
	up := make(Path, inSliver)
	if err := readFull(v.in, HashBytes(claimed[:])); err != nil {
		return false, err
	}
	if err := v.upper(v.target, v.value, claimed[0], c, up); err != nil {
		return false, err
	}
	v.begin(c)
	path := make(Path, inStripe)
	for i, s := range v.witnesses {
		root, err := v.symbol(c, i, path)
		if err != nil {
			return false, err
		}
		if err := v.upper(s, v.values[i], root, c, up); err != nil {
			return false, err
		}
	}
	root, err := v.decode(ctx, c)
	if l.Stripes() == 1 {
		// The stripe root is the sliver root, of which only d is committed: its two top bits are the accuser's word.
		return root.Committed() != claimed[0].Committed(), err
	}
	return root != claimed[0], err
}

// upper reads a path from a stripe root to the sliver root and compares with the committed value.
func (v *inconsistencyReader) upper(s SliverIndex, value Committed, root Hash, c StripeIndex, path Path) error {
	if err := readFull(v.in, HashBytes(path)); err != nil {
		return err
	}
	if err := VerifyStripeRoot(v.layout, value, c, root, path); err != nil {
		return aboutSliver(s, int(c), err)
	}
	return nil
}

// begin makes room for the symbols of a stripe.
func (v *inconsistencyReader) begin(c StripeIndex) {
	v.symbols = grow(&v.symbols, len(v.witnesses)*v.layout.SymbolSize(c))
}

// symbol reads the i-th witness's symbol of a stripe and its path, and returns the stripe root that they give.
func (v *inconsistencyReader) symbol(c StripeIndex, i int, path Path) (Hash, error) {
	t := v.layout.SymbolSize(c)
	data := v.symbols[i*t : (i+1)*t]
	if err := readFull(v.in, data); err != nil {
		return Hash{}, err
	}
	if err := readFull(v.in, HashBytes(path)); err != nil {
		return Hash{}, err
	}
	var leaf [1]Hash
	leafHashes(leaf[:], data, t, 0)
	return foldPath(leaf[0], int(v.target.Index), v.layout.n, path)
}

// decode computes the target's stripe from the witnesses' symbols, and its root.
func (v *inconsistencyReader) decode(ctx context.Context, c StripeIndex) (Hash, error) {
	t := v.layout.SymbolSize(c)
	k := len(v.witnesses)
	in, out := make([][]byte, k), make([][]byte, len(v.want))
	v.stripe = grow(&v.stripe, k*t)
	v.out = grow(&v.out, len(out)*t)
	for i, s := range v.witnesses {
		in[i] = v.symbols[i*t : (i+1)*t]
		if int(s.Index) < k {
			copy(v.stripe[int(s.Index)*t:], in[i])
		}
	}
	for i := range out {
		out[i] = v.out[i*t : (i+1)*t]
	}
	if len(out) > 0 {
		if err := (crew{v.w}).apply(ctx, v.plan, in, out, t); err != nil {
			return Hash{}, err
		}
	}
	for i, at := range v.want {
		copy(v.stripe[at*t:], out[i])
	}
	var root [1]Hash
	err := v.w.sliverRoots(v.target.Axis, t, [][]byte{v.stripe}, root[:])
	return root[0], err
}
