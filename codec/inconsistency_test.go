package codec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/selvage-network/selvage/codec/internal/naive"
	"github.com/selvage-network/selvage/codec/kzg"
)

// writer is a writer that may lie: every sliver has n symbols a stripe of its own, and is committed to with an
// honest tree over them, so that all of its symbols can be proven, whatever the other slivers say.
type writer struct {
	l       Layout
	symbols [][][][]byte   // by position, stripe and place
	d       map[int]Hash   // committed roots that are not the tree's, by position
	roots   [][]naive.Hash // stripe roots, by position
	meta    *Metadata
}

// expandedBlobs are grids that were computed before, which takes most of the time of these tests.
var expandedBlobs sync.Map

func expanded(t testing.TB, n int, blob []byte) *naive.Grid {
	t.Helper()
	key := fmt.Sprintf("%d %d %x", n, len(blob), sha256.Sum256(blob))
	if g, ok := expandedBlobs.Load(key); ok {
		return g.(*naive.Grid)
	}
	g, err := naive.Expand(blob, n)
	if err != nil {
		t.Fatal(err)
	}
	expandedBlobs.Store(key, g)
	return g
}

// newWriter encodes a blob honestly, lets alter lie, and commits.
func newWriter(t testing.TB, n int, blob []byte, alter func(w *writer)) *writer {
	t.Helper()
	g := expanded(t, n, blob)
	w := &writer{symbols: make([][][][]byte, 2*n), d: make(map[int]Hash), roots: make([][]naive.Hash, 2*n)}
	var err error
	if w.l, err = mustGrid(t, n).Layout(uint64(len(blob))); err != nil {
		t.Fatal(err)
	}
	for p := range w.symbols {
		s := w.l.SliverAt(p)
		for c := range g.Stripes {
			var line [][]byte
			for x := range n {
				line = append(line, bytes.Clone(g.Symbol(naive.Axis(s.Axis), int(s.Index), c, x)))
			}
			w.symbols[p] = append(w.symbols[p], line)
		}
	}
	if alter != nil {
		alter(w)
	}
	values := make([]Committed, 2*n)
	for p := range values {
		for c := range g.Stripes {
			w.roots[p] = append(w.roots[p], naive.Tree(w.leaves(p, c)))
		}
		root := Hash(naive.Tree(w.roots[p]))
		if d, ok := w.d[p]; ok {
			root = d
		}
		values[p] = root.Committed()
	}
	if w.meta, err = NewMetadata(w.l, values); err != nil {
		t.Fatal(err)
	}
	return w
}

// symbol is symbol x of a sliver as the sliver's tree has it, to be changed at will.
func (w *writer) symbol(s SliverIndex, c, x int) []byte { return w.symbols[w.l.Position(s)][c][x] }

func (w *writer) leaves(p, c int) (leaves []naive.Hash) {
	for _, symbol := range w.symbols[p][c] {
		leaves = append(leaves, naive.Leaf(symbol))
	}
	return leaves
}

func (w *writer) stripeRoots(s SliverIndex) (roots []Hash) {
	for _, r := range w.roots[w.l.Position(s)] {
		roots = append(roots, Hash(r))
	}
	return roots
}

func (w *writer) prove(s SliverIndex, c StripeIndex, x uint16) *SymbolProof {
	p := w.l.Position(s)
	proof := &SymbolProof{Sliver: s, Stripe: c, Symbol: x, Data: bytes.Clone(w.symbol(s, int(c), int(x)))}
	for _, h := range append(naive.Path(w.leaves(p, int(c)), int(x)), naive.Path(w.roots[p], int(c))...) {
		proof.Path = append(proof.Path, Hash(h))
	}
	return proof
}

// source serves a sliver's symbols as the writer has them.
func (w *writer) source(a Axis, i int) *writerSource {
	return &writerSource{w: w, s: SliverIndex{a, uint16(i)}}
}

func (w *writer) sources(a Axis, indices ...int) (out []SymbolSource) {
	for _, i := range indices {
		out = append(out, w.source(a, i))
	}
	return out
}

type writerSource struct {
	w *writer
	s SliverIndex
}

func (o *writerSource) Sliver() SliverIndex { return o.s }

func (o *writerSource) ReadSymbols(_ context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error {
	for c := first; c < end; c++ {
		dst = dst[copy(dst, o.w.symbol(o.s, int(c), int(target.Index))):]
	}
	if len(dst) > 0 {
		return fmt.Errorf("%d bytes too many asked for", len(dst))
	}
	return nil
}

func (o *writerSource) ReadProofs(_ context.Context, target SliverIndex, first, end StripeIndex) (proofs []*SymbolProof, err error) {
	for c := first; c < end; c++ {
		proofs = append(proofs, o.w.prove(o.s, c, target.Index))
	}
	return proofs, nil
}

// wholeProof and shortProof build proofs, good or not.
func (w *writer) wholeProof(t testing.TB, target SliverIndex, witnesses []SymbolSource) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := BuildInconsistency(context.Background(), &b, w.meta, target, witnesses); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (w *writer) shortProof(t testing.TB, target SliverIndex, c StripeIndex, witnesses []SymbolSource) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := BuildInconsistencyShort(context.Background(), &b, w.meta, target, w.stripeRoots(target), c, witnesses); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyInconsistency(blob Blob, proof []byte) (SliverIndex, error) {
	return VerifyInconsistency(context.Background(), blob, bytes.NewReader(proof))
}

// threeStripeBlob is a blob of two full stripes and a short one.
func threeStripeBlob(g Grid, seed uint64) []byte {
	return randomBlob(seed, 2*g.StripeSize()+3*g.rows*g.cols+1)
}

// shortStripe is a blob of one stripe with symbols of six bytes.
func shortStripe(g Grid, seed uint64) []byte { return randomBlob(seed, 5*g.rows*g.cols+1) }

// The test helper is itself held against the codec: with nothing altered it is an honest writer.
func TestWriterHelperIsHonest(t *testing.T) {
	for _, n := range []int{4, 10} {
		for _, blob := range [][]byte{threeStripeBlob(mustGrid(t, n), 1), shortStripe(mustGrid(t, n), 2)} {
			w, e := newWriter(t, n, blob, nil), encodeBlob(t, n, blob)
			if w.meta.ID() != e.meta.ID() {
				t.Fatalf("n=%d size=%d: blob %v, Encode says %v", n, len(blob), w.meta.ID(), e.meta.ID())
			}
		}
	}
}

// lie is something that a malicious writer does against one sliver, the target.
type lie struct {
	name   string
	blob   func(Grid, uint64) []byte
	stripe int  // the altered stripe
	tree   bool // the target's root is a tree, so that the short form can be made
	alter  func(w *writer, target SliverIndex)
}

var lies = []lie{
	{"stored symbol, one stripe", shortStripe, 0, true, func(w *writer, s SliverIndex) { w.symbol(s, 0, 0)[1] ^= 4 }},
	{"parity symbol, one stripe", shortStripe, 0, true, func(w *writer, s SliverIndex) { w.symbol(s, 0, w.l.n-1)[5] ^= 0x80 }},
	{"all parity, one stripe", shortStripe, 0, true, func(w *writer, s SliverIndex) {
		for x := w.l.Stored(s.Axis); x < w.l.n; x++ {
			clear(w.symbol(s, 0, x))
		}
	}},
	{"all symbols, one stripe", shortStripe, 0, true, func(w *writer, s SliverIndex) {
		for x := range w.l.n {
			clear(w.symbol(s, 0, x))
		}
	}},
	{"stored symbol, first stripe", threeStripeBlob, 0, true, func(w *writer, s SliverIndex) { w.symbol(s, 0, 1)[4095] ^= 1 }},
	{"parity symbol, second stripe", threeStripeBlob, 1, true, func(w *writer, s SliverIndex) { w.symbol(s, 1, w.l.n-1)[0] ^= 1 }},
	{"stored symbol, last stripe", threeStripeBlob, 2, true, func(w *writer, s SliverIndex) { w.symbol(s, 2, 0)[3] ^= 0x40 }},
	{"parity symbol, last stripe", threeStripeBlob, 2, true, func(w *writer, s SliverIndex) { w.symbol(s, 2, w.l.n-1)[3] ^= 0x40 }},
	{"no tree, one stripe", shortStripe, 0, false, func(w *writer, s SliverIndex) { w.d[w.l.Position(s)] = Hash(randomBlob(77, 32)) }},
	{"no tree, three stripes", threeStripeBlob, 0, false, func(w *writer, s SliverIndex) { w.d[w.l.Position(s)] = Hash(randomBlob(78, 32)) }},
	{"zero root", shortStripe, 0, false, func(w *writer, s SliverIndex) { w.d[w.l.Position(s)] = Hash{} }},
	// The grid itself is no codeword, and both trees that cross at the symbol agree on it.
	{"symbol in both trees", shortStripe, 0, true, func(w *writer, s SliverIndex) {
		w.symbol(s, 0, 0)[0] ^= 1
		w.symbol(SliverIndex{s.Axis.Other(), 0}, 0, int(s.Index))[0] ^= 1
	}},
	{"parity symbol in both trees", threeStripeBlob, 2, true, func(w *writer, s SliverIndex) {
		w.symbol(s, 2, w.l.n-1)[0] ^= 1
		w.symbol(SliverIndex{s.Axis.Other(), uint16(w.l.n - 1)}, 2, int(s.Index))[0] ^= 1
	}},
}

func TestInconsistencyConvictsEveryLie(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 10} {
		g := mustGrid(t, n)
		targets := someSlivers(g)
		if n == 10 {
			targets = []SliverIndex{{Primary, 1}, {Secondary, 8}}
		}
		for _, target := range targets {
			for k, lie := range lies {
				t.Run(fmt.Sprintf("n=%d/%v/%s", n, target, lie.name), func(t *testing.T) {
					w := newWriter(t, n, lie.blob(g, uint64(n)), func(w *writer) { lie.alter(w, target) })
					across := target.Axis.Other()
					order := rand.New(rand.NewPCG(uint64(n), uint64(k))).Perm(n)
					sink := newRestartSink(w.l)
					rec, err := Recover(ctx, w.l, w.meta, target, nil, w.sources(across, order...), sink, Options{})
					var found *InconsistentError
					if !errors.As(err, &found) || !errors.Is(err, ErrInconsistent) {
						t.Fatalf("recovery ends with %v", err)
					}
					if found.Target != target || len(found.Witnesses) != g.Needed(across) {
						t.Fatalf("%v with %d witnesses, want %v with %d", found.Target, len(found.Witnesses), target, g.Needed(across))
					}
					if len(rec.Bad) > 0 {
						t.Errorf("neighbours blamed for what the writer did: %v", rec.Bad)
					}
					whole := w.wholeProof(t, target, found.Witnesses)
					if got, err := verifyInconsistency(w.meta.Blob, whole); err != nil || got != target {
						t.Fatalf("whole form: %v, %v; want %v", got, err, target)
					}
					// A reader may give few bytes at a time.
					if got, err := VerifyInconsistency(ctx, w.meta.Blob, iotest.HalfReader(bytes.NewReader(whole))); err != nil || got != target {
						t.Fatalf("whole form, read in pieces: %v, %v", got, err)
					}
					if !lie.tree {
						var b bytes.Buffer
						err := BuildInconsistencyShort(ctx, &b, w.meta, target, w.stripeRoots(target), 0, found.Witnesses)
						wantSliverError(t, err, target, -1, ErrRoots)
						return
					}
					for c := range w.l.Stripes() {
						got, err := verifyInconsistency(w.meta.Blob, w.shortProof(t, target, StripeIndex(c), found.Witnesses))
						if c == lie.stripe && (err != nil || got != target) {
							t.Fatalf("short form of stripe %d: %v, %v; want %v", c, got, err, target)
						}
						if c != lie.stripe && !errors.Is(err, ErrConsistent) {
							t.Fatalf("short form of the honest stripe %d: %v", c, err)
						}
					}
				})
			}
		}
	}
}

// Slivers of a lying writer that are right nevertheless cannot be accused, with witnesses that are right.
func TestInconsistencyOfAnHonestSliver(t *testing.T) {
	g := mustGrid(t, 7)
	liar := SliverIndex{Primary, 1}
	w := newWriter(t, 7, threeStripeBlob(g, 5), func(w *writer) { w.symbol(liar, 1, 6)[0] ^= 1 })
	for _, target := range []SliverIndex{{Primary, 0}, {Primary, 6}, {Secondary, 0}, {Secondary, 6}} {
		var witnesses []SymbolSource
		for i := 0; len(witnesses) < g.Needed(target.Axis.Other()); i++ {
			if s := (SliverIndex{target.Axis.Other(), uint16(i)}); s != liar {
				witnesses = append(witnesses, w.source(s.Axis, i))
			}
		}
		if got, err := verifyInconsistency(w.meta.Blob, w.wholeProof(t, target, witnesses)); !errors.Is(err, ErrConsistent) {
			t.Errorf("%v: %v, %v", target, got, err)
		}
		if got, err := verifyInconsistency(w.meta.Blob, w.shortProof(t, target, 1, witnesses)); !errors.Is(err, ErrConsistent) {
			t.Errorf("%v, short: %v, %v", target, got, err)
		}
	}
	// The altered symbol crosses secondary 6: with the lying sliver as a witness that one is inconsistent too.
	target := SliverIndex{Secondary, 6}
	if _, err := verifyInconsistency(w.meta.Blob, w.wholeProof(t, target, w.sources(Primary, 0, 1, 4))); err != nil {
		t.Errorf("%v with the lying witness: %v", target, err)
	}
}

// accusation is a genuine proof against an honest writer's sliver.
type accusation struct {
	name  string
	w     *writer
	proof []byte
}

func accusations(t testing.TB, n int, blob []byte) (all []accusation) {
	w := newWriter(t, n, blob, nil)
	for _, target := range []SliverIndex{{Primary, 1}, {Secondary, uint16(n - 1)}} {
		across := target.Axis.Other()
		order := rand.New(rand.NewPCG(1, 2)).Perm(n)[:w.l.Needed(across)]
		witnesses := w.sources(across, order...)
		all = append(all, accusation{fmt.Sprintf("%v/whole", target), w, w.wholeProof(t, target, witnesses)})
		last := StripeIndex(w.l.Stripes() - 1)
		all = append(all, accusation{fmt.Sprintf("%v/short", target), w, w.shortProof(t, target, last, witnesses)})
	}
	return all
}

// refusedAccusation checks that nobody is convicted and that the reason is one of those that are documented.
func refusedAccusation(t testing.TB, what string, blob Blob, proof []byte) {
	t.Helper()
	target, err := verifyInconsistency(blob, proof)
	if err == nil {
		t.Fatalf("%s: an honest writer is convicted, of %v", what, target)
	}
	if !errors.Is(err, ErrProof) && !errors.Is(err, ErrConsistent) && !errors.Is(err, ErrLength) {
		t.Fatalf("%s: %v wraps none of ErrProof, ErrConsistent, ErrLength", what, err)
	}
}

func TestInconsistencyOfAnHonestBlob(t *testing.T) {
	for _, n := range []int{4, 5, 7, 13} {
		g := mustGrid(t, n)
		for _, blob := range [][]byte{nil, shortStripe(g, 1), threeStripeBlob(g, 2)} {
			for _, a := range accusations(t, n, blob) {
				if got, err := verifyInconsistency(a.w.meta.Blob, a.proof); !errors.Is(err, ErrConsistent) {
					t.Errorf("n=%d size=%d %s: %v, %v", n, len(blob), a.name, got, err)
				}
			}
		}
	}
}

// sliverCount is the number of openings in a proof's header.
func (a *accusation) openings(target Axis) int { return 1 + a.w.l.Needed(target.Other()) }

const openingSize = 2 + HashSize + kzg.ProofSize

func (a *accusation) headerSize() int { return 3 + a.openings(Axis(a.proof[2]))*openingSize }

// bodyFields are the sizes of the fields behind the header.
func (a *accusation) bodyFields() (sizes []int) {
	l, form := a.w.l, a.proof[1]
	target := SliverIndex{Axis(a.proof[2]), uint16(a.proof[3]) | uint16(a.proof[4])<<8}
	hashes := func(count int) {
		for range count {
			sizes = append(sizes, HashSize)
		}
	}
	if form == formShort {
		c := StripeIndex(l.Stripes() - 1)
		inStripe, inSliver := l.PathLens(c, int(target.Index))
		sizes = append(sizes, 4)
		hashes(1 + inSliver)
		for range l.Needed(target.Axis.Other()) {
			sizes = append(sizes, l.SymbolSize(c))
			hashes(inStripe + inSliver)
		}
		return sizes
	}
	for c := range StripeIndex(l.Stripes()) {
		inStripe, _ := l.PathLens(c, int(target.Index))
		for range l.Needed(target.Axis.Other()) {
			hashes(1)
			sizes = append(sizes, l.SymbolSize(c))
			hashes(inStripe)
		}
	}
	return sizes
}

func TestInconsistencyAlteredFields(t *testing.T) {
	g := mustGrid(t, 4)
	for _, blob := range [][]byte{
		randomBlob(1, 10),
		shortStripe(g, 1),
		randomBlob(2, g.StripeSize()+30), // symbols of 4096 and of 6 bytes
	} {
		for _, a := range accusations(t, 4, blob) {
			t.Run(fmt.Sprintf("size=%d/%s", len(blob), a.name), func(t *testing.T) {
				// The first, the last and some middle byte of every field; each costs a check of all openings.
				var ats []int
				first := make(map[int]bool) // of a field
				at := 0
				field := func(size int) {
					first[at] = true
					for _, off := range []int{0, size / 3, size - 1} {
						if len(ats) == 0 || ats[len(ats)-1] < at+off {
							ats = append(ats, at+off)
						}
					}
					at += size
				}
				for range 3 {
					field(1)
				}
				for range a.openings(Axis(a.proof[2])) {
					field(2)
					field(HashSize)
					field(kzg.ProofSize)
				}
				for _, size := range a.bodyFields() {
					field(size)
				}
				if at != len(a.proof) {
					t.Fatalf("the fields have %d bytes, the proof %d", at, len(a.proof))
				}
				header := a.headerSize()
				for i, at := range ats {
					masks := []byte{1 << (i % 6)}
					if at >= header && first[at] {
						masks = []byte{0x01, 0x40, 0x80}
					}
					for _, mask := range masks {
						b := bytes.Clone(a.proof)
						b[at] ^= mask
						refusedAccusation(t, fmt.Sprintf("byte %d of %d (header %d) ^ %#x", at, len(b), header, mask), a.w.meta.Blob, b)
					}
				}
			})
		}
	}
}

// In a blob of one stripe the target's stripe root is its sliver root, of which only 254 bits are committed to:
// the accuser must not gain anything by claiming other top bits.
func TestInconsistencyShortClaimsTopBits(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		g := mustGrid(t, n)
		for _, blob := range [][]byte{nil, randomBlob(1, 1), shortStripe(g, 1), randomBlob(2, g.StripeSize())} {
			w := newWriter(t, n, blob, nil)
			if w.l.Stripes() != 1 {
				t.Fatal("this is about blobs of one stripe")
			}
			for _, target := range []SliverIndex{{Primary, 0}, {Secondary, 0}} {
				across := target.Axis.Other()
				roots := w.stripeRoots(target)
				for _, mask := range []byte{0x40, 0x80, 0xc0} {
					forged := []Hash{roots[0]}
					forged[0][0] ^= mask
					var b bytes.Buffer
					witnesses := w.sources(across, seq(0, g.Needed(across))...)
					if err := BuildInconsistencyShort(context.Background(), &b, w.meta, target, forged, 0, witnesses); err != nil {
						continue // refused at once: as good
					}
					if _, err := verifyInconsistency(w.meta.Blob, b.Bytes()); err == nil {
						t.Errorf("n=%d size=%d: an honest writer is convicted of %v by flipping bits %#x of its claimed root", n, len(blob), target, mask)
					}
				}
			}
		}
	}
}

// The other way round, a lying writer does not get away with a stripe root that has other top bits.
func TestInconsistencyRootWithTopBits(t *testing.T) {
	g := mustGrid(t, 4)
	target := SliverIndex{Primary, 1}
	seen := make(map[byte]bool)
	for seed := uint64(0); len(seen) < 4; seed++ {
		w := newWriter(t, 4, shortStripe(g, seed), func(w *writer) { w.symbol(target, 0, 3)[0] ^= 1 })
		top := w.roots[w.l.Position(target)][0][0] & 0xc0
		if seen[top] {
			continue
		}
		seen[top] = true
		witnesses := w.sources(Secondary, 0, 2, 3)
		for form, proof := range map[string][]byte{"whole": w.wholeProof(t, target, witnesses), "short": w.shortProof(t, target, 0, witnesses)} {
			if _, err := verifyInconsistency(w.meta.Blob, proof); err != nil {
				t.Errorf("%s form, top bits %#x: %v", form, top, err)
			}
		}
		honest := newWriter(t, 4, shortStripe(g, seed), nil)
		for form, proof := range map[string][]byte{"whole": honest.wholeProof(t, target, honest.sources(Secondary, 0, 2, 3)), "short": honest.shortProof(t, target, 0, honest.sources(Secondary, 0, 2, 3))} {
			if _, err := verifyInconsistency(honest.meta.Blob, proof); !errors.Is(err, ErrConsistent) {
				t.Errorf("%s form, honest, top bits %#x: %v", form, top, err)
			}
		}
	}
}

func TestInconsistencyTruncated(t *testing.T) {
	for _, blob := range [][]byte{randomBlob(3, 7), randomBlob(4, mustGrid(t, 4).StripeSize()+9)} {
		for _, a := range accusations(t, 4, blob) {
			for cut := 0; cut < len(a.proof); cut++ {
				// Behind the header each costs a check of all openings.
				if cut > a.headerSize()+1 {
					cut = min(cut+max(20, len(a.proof)/40), len(a.proof)-1)
				}
				if _, err := verifyInconsistency(a.w.meta.Blob, a.proof[:cut]); !errors.Is(err, ErrLength) {
					t.Fatalf("%s cut off at %d of %d: %v", a.name, cut, len(a.proof), err)
				}
			}
			for _, more := range [][]byte{{0}, {255}, a.proof} {
				if _, err := verifyInconsistency(a.w.meta.Blob, append(bytes.Clone(a.proof), more...)); !errors.Is(err, ErrLength) {
					t.Fatalf("%s with %d bytes behind it: %v", a.name, len(more), err)
				}
			}
		}
	}
	// Of a true accusation at every length.
	g := mustGrid(t, 4)
	target := SliverIndex{Secondary, 3}
	w := newWriter(t, 4, shortStripe(g, 3), func(w *writer) { w.symbol(target, 0, 0)[0] ^= 1 })
	for _, proof := range [][]byte{w.wholeProof(t, target, w.sources(Primary, 1, 3)), w.shortProof(t, target, 0, w.sources(Primary, 1, 3))} {
		if _, err := verifyInconsistency(w.meta.Blob, proof); err != nil {
			t.Fatal(err)
		}
		for cut := range proof {
			if _, err := verifyInconsistency(w.meta.Blob, proof[:cut]); !errors.Is(err, ErrLength) {
				t.Fatalf("true accusation cut off at %d of %d: %v", cut, len(proof), err)
			}
		}
		if _, err := verifyInconsistency(w.meta.Blob, append(proof, 0)); !errors.Is(err, ErrLength) {
			t.Fatalf("true accusation with a byte behind it: %v", err)
		}
	}
}

func TestInconsistencyHeader(t *testing.T) {
	g := mustGrid(t, 7)
	for _, a := range accusations(t, 7, shortStripe(g, 4)) {
		k := a.openings(Axis(a.proof[2])) - 1
		entry := func(b []byte, i int) []byte { return b[3+i*openingSize:][:openingSize] } // 0: the target
		change := func(name string, f func(b []byte) []byte) {
			t.Run(a.name+"/"+name, func(t *testing.T) {
				refusedAccusation(t, name, a.w.meta.Blob, f(bytes.Clone(a.proof)))
				if _, err := verifyInconsistency(a.w.meta.Blob, f(bytes.Clone(a.proof))); errors.Is(err, ErrConsistent) {
					t.Fatalf("taken for a genuine proof: %v", err)
				}
			})
		}
		for _, version := range []byte{0, 2, 255} {
			change(fmt.Sprintf("version %d", version), func(b []byte) []byte { b[0] = version; return b })
		}
		for _, form := range []byte{0, 3, 255} {
			change(fmt.Sprintf("form %d", form), func(b []byte) []byte { b[1] = form; return b })
		}
		change("the other form", func(b []byte) []byte { b[1] ^= formWhole ^ formShort; return b })
		change("the other axis", func(b []byte) []byte { b[2] ^= 1; return b })
		for _, axis := range []byte{2, 3, 254, 255} {
			change(fmt.Sprintf("axis %d", axis), func(b []byte) []byte { b[2] = axis; return b })
		}
		for _, i := range []int{0, 1, k} {
			change(fmt.Sprintf("index of entry %d out of range", i), func(b []byte) []byte { copy(entry(b, i), []byte{7, 0}); return b })
			change(fmt.Sprintf("index of entry %d far out of range", i), func(b []byte) []byte { copy(entry(b, i), []byte{255, 255}); return b })
			change(fmt.Sprintf("top bit of entry %d", i), func(b []byte) []byte { entry(b, i)[2] |= 0x80; return b })
			change(fmt.Sprintf("second bit of entry %d", i), func(b []byte) []byte { entry(b, i)[2] |= 0x40; return b })
			change(fmt.Sprintf("zero proof of entry %d", i), func(b []byte) []byte { clear(entry(b, i)[2+HashSize:]); return b })
			change(fmt.Sprintf("infinity as proof of entry %d", i), func(b []byte) []byte {
				clear(entry(b, i)[2+HashSize:])
				entry(b, i)[2+HashSize] = 0xc0
				return b
			})
		}
		change("witness twice", func(b []byte) []byte { copy(entry(b, 2), entry(b, 1)); return b })
		change("witnesses in another order", func(b []byte) []byte {
			first := bytes.Clone(entry(b, 1))
			copy(entry(b, 1), entry(b, 2))
			copy(entry(b, 2), first)
			return b
		})
		change("values swapped", func(b []byte) []byte {
			first := bytes.Clone(entry(b, 1)[2:])
			copy(entry(b, 1)[2:], entry(b, 2)[2:])
			copy(entry(b, 2)[2:], first)
			return b
		})
		change("target's opening for a witness", func(b []byte) []byte { copy(entry(b, 1)[2:], entry(b, 0)[2:]); return b })
		change("witness's opening for the target", func(b []byte) []byte { copy(entry(b, 0)[2:], entry(b, 1)[2:]); return b })
		change("another target with its true opening", func(b []byte) []byte {
			opener, err := NewOpener(a.w.meta)
			if err != nil {
				t.Fatal(err)
			}
			o, err := opener.Open(SliverIndex{Axis(b[2]), 3})
			if err != nil {
				t.Fatal(err)
			}
			copy(entry(b, 0), append(append([]byte{3, 0}, o.Value[:]...), o.Proof[:]...))
			return b
		})
		change("a witness too few", func(b []byte) []byte { return append(b[:3+k*openingSize], b[3+(k+1)*openingSize:]...) })
		change("a witness too many", func(b []byte) []byte {
			return append(append(bytes.Clone(b[:3+(k+1)*openingSize]), entry(b, k)...), b[3+(k+1)*openingSize:]...)
		})
		if a.proof[1] == formShort {
			at := a.headerSize()
			for _, c := range [][]byte{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 16, 0}, {255, 255, 255, 127}, {0, 0, 0, 128}, {255, 255, 255, 255}} {
				change(fmt.Sprintf("stripe %x", c), func(b []byte) []byte { copy(b[at:], c); return b })
			}
		}
	}
}

// An accuser makes up a witness's symbols together with a tree over them, behind the genuine openings of an honest
// blob: everything agrees, but not with the committed values.
func TestInconsistencyForgedWitness(t *testing.T) {
	for _, n := range []int{4, 7} {
		g := mustGrid(t, n)
		for _, blob := range [][]byte{shortStripe(g, 1), threeStripeBlob(g, 2)} {
			honest := newWriter(t, n, blob, nil)
			for _, target := range []SliverIndex{{Primary, 0}, {Secondary, uint16(n - 1)}} {
				across := target.Axis.Other()
				need := g.Needed(across)
				header := 3 + (1+need)*openingSize
				for forged := range need {
					for c := range honest.l.Stripes() {
						w := newWriter(t, n, blob, func(w *writer) {
							w.symbol(SliverIndex{across, uint16(forged)}, c, int(target.Index))[0] ^= 1
						})
						of := func(w *writer) [][]byte {
							witnesses := w.sources(across, seq(0, need)...)
							return [][]byte{w.wholeProof(t, target, witnesses), w.shortProof(t, target, StripeIndex(c), witnesses)}
						}
						genuine := of(honest)
						for i, proof := range of(w) {
							if _, err := verifyInconsistency(w.meta.Blob, proof); err != nil {
								t.Fatalf("as the writer's own lie: %v", err)
							}
							proof = append(bytes.Clone(genuine[i][:header]), proof[header:]...)
							if got, err := verifyInconsistency(honest.meta.Blob, proof); !errors.Is(err, ErrProof) {
								t.Fatalf("n=%d size=%d form %d, witness %d, stripe %d: %v, %v", n, len(blob), i+1, forged, c, got, err)
							}
						}
					}
				}
				// The target's own stripe roots made up, in the short form.
				w := newWriter(t, n, blob, func(w *writer) { w.symbol(target, 0, 0)[0] ^= 1 })
				witnesses := seq(0, need)
				proof := append(honest.shortProof(t, target, 0, honest.sources(across, witnesses...))[:header],
					w.shortProof(t, target, 0, w.sources(across, witnesses...))[header:]...)
				if got, err := verifyInconsistency(honest.meta.Blob, proof); !errors.Is(err, ErrProof) {
					t.Fatalf("n=%d size=%d, forged target roots: %v, %v", n, len(blob), got, err)
				}
			}
		}
	}
}

func TestInconsistencyOfAnotherBlob(t *testing.T) {
	for _, n := range []int{5, 7} { // of 16 committed values both
		g := mustGrid(t, n)
		other := newWriter(t, n, shortStripe(g, 7), nil)
		for _, a := range accusations(t, n, shortStripe(g, 6)) {
			blob := a.w.meta.Blob
			check := func(what string, b Blob) {
				t.Helper()
				refusedAccusation(t, fmt.Sprintf("n=%d %s: %s", n, a.name, what), b, a.proof)
			}
			check("another blob", other.meta.Blob)
			for _, shards := range []int{4, 5, 6, 7, 8, 9, 100} {
				if shards != n {
					check(fmt.Sprintf("n = %d", shards), Blob{shards, blob.Size, blob.Commitment})
				}
			}
			for _, size := range []uint64{0, 1, blob.Size * 2, blob.Size + uint64(100*g.StripeSize())} {
				check(fmt.Sprintf("size %d", size), Blob{n, size, blob.Commitment})
			}
			check("no commitment", Blob{n, blob.Size, kzg.Commitment{}})
			check("infinity", Blob{n, blob.Size, kzg.Commitment{0: 0xc0}})
		}
		for _, b := range []Blob{{}, {3, 0, other.meta.Commitment}, {2049, 0, other.meta.Commitment}, {-1, 0, other.meta.Commitment}} {
			if _, err := verifyInconsistency(b, nil); !errors.Is(err, ErrShards) {
				t.Errorf("blob %+v: %v", b, err)
			}
		}
		if _, err := verifyInconsistency(Blob{n, 1 << 63, other.meta.Commitment}, nil); !errors.Is(err, ErrTooLarge) {
			t.Errorf("huge blob: %v", err)
		}
	}
}

// An accuser that serves wrong symbols cannot even build a proof, and one that puts a proof together from honest
// symbols of other places is refused.
func TestInconsistencyBuild(t *testing.T) {
	ctx := context.Background()
	g := mustGrid(t, 7)
	w := newWriter(t, 7, threeStripeBlob(g, 8), nil)
	target := SliverIndex{Secondary, 2}
	good := w.sources(Primary, 6, 0, 4)
	build := func(target SliverIndex, witnesses []SymbolSource) error {
		var b bytes.Buffer
		whole := BuildInconsistency(ctx, &b, w.meta, target, witnesses)
		short := BuildInconsistencyShort(ctx, &b, w.meta, target, w.stripeRoots(SliverIndex{Secondary, 2}), 1, witnesses)
		if (whole == nil) != (short == nil) {
			t.Errorf("whole form: %v, short form: %v", whole, short)
		}
		return whole
	}
	if err := build(target, good); err != nil {
		t.Fatal(err)
	}
	if err := build(target, good[:2]); !errors.Is(err, ErrNotEnough) {
		t.Errorf("too few: %v", err)
	}
	if err := build(target, append(w.sources(Primary, 1), good...)); err == nil {
		t.Error("a witness too many was accepted")
	}
	wantSliverError(t, build(target, append(w.sources(Primary, 0), good[:2]...)), SliverIndex{Primary, 0}, -1, ErrDuplicate)
	for _, bad := range []SliverIndex{{Secondary, 1}, {Primary, 7}, {2, 0}} {
		if err := build(target, append([]SymbolSource{&writerSource{w, bad}}, good[:2]...)); !errors.Is(err, ErrIndex) {
			t.Errorf("witness %v: %v", bad, err)
		}
	}
	for _, bad := range []SliverIndex{{Secondary, 7}, {2, 0}, {Primary, 0}} {
		if err := build(bad, good); !errors.Is(err, ErrIndex) {
			t.Errorf("target %v: %v", bad, err)
		}
	}

	liar := &askSource{SymbolSource: w.source(Primary, 4), prove: func(p *SymbolProof) (*SymbolProof, error) {
		p.Data[0] ^= 1
		return p, nil
	}}
	wantSliverError(t, build(target, []SymbolSource{good[0], good[1], liar}), SliverIndex{Primary, 4}, 0, ErrProof)
	broken := errors.New("broken")
	failing := &askSource{SymbolSource: w.source(Primary, 4), prove: func(p *SymbolProof) (*SymbolProof, error) { return nil, broken }}
	if err := build(target, []SymbolSource{good[0], good[1], failing}); !errors.Is(err, broken) {
		t.Errorf("failing witness: %v", err)
	}

	roots := w.stripeRoots(target)
	var b bytes.Buffer
	for _, c := range []StripeIndex{3, MaxStripes, 1<<32 - 1} {
		if err := BuildInconsistencyShort(ctx, &b, w.meta, target, roots, c, good); !errors.Is(err, ErrIndex) {
			t.Errorf("stripe %d: %v", c, err)
		}
	}
	wantSliverError(t, BuildInconsistencyShort(ctx, &b, w.meta, target, roots[:2], 1, good), target, -1, ErrLength)
	wantSliverError(t, BuildInconsistencyShort(ctx, &b, w.meta, target, []Hash{roots[1], roots[0], roots[2]}, 1, good), target, -1, ErrRoots)
	wantSliverError(t, BuildInconsistencyShort(ctx, &b, w.meta, target, w.stripeRoots(SliverIndex{Secondary, 3}), 1, good), target, -1, ErrRoots)

	// A writer of bytes that fails, early and late.
	size := len(w.wholeProof(t, target, good))
	for _, room := range []int{0, 100, size - 1} {
		if err := BuildInconsistency(ctx, &fullDisk{room}, w.meta, target, good); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("room for %d of %d bytes: %v", room, size, err)
		}
	}
}

// fullDisk takes some bytes and no more.
type fullDisk struct{ room int }

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), d.room)
	d.room -= n
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestInconsistencyReaderFails(t *testing.T) {
	a := accusations(t, 4, threeStripeBlob(mustGrid(t, 4), 9))[0]
	broken := errors.New("broken")
	for _, at := range []int{0, 2, 50, a.headerSize(), a.headerSize() + 100, len(a.proof) - 1, len(a.proof)} {
		_, err := VerifyInconsistency(context.Background(), a.w.meta.Blob, io.MultiReader(bytes.NewReader(a.proof[:at]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrProof) || errors.Is(err, ErrConsistent) || errors.Is(err, ErrLength) {
			t.Errorf("reader broken at %d: %v", at, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, a := range accusations(t, 4, threeStripeBlob(mustGrid(t, 4), 9)) {
		if _, err := VerifyInconsistency(ctx, a.w.meta.Blob, bytes.NewReader(a.proof)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrProof) {
			t.Errorf("%s, cancelled: %v", a.name, err)
		}
	}
}

// Values that were changed after the commitment are refused with the metadata, so nobody can be accused by them.
func TestInconsistencyAlteredMetadata(t *testing.T) {
	g := mustGrid(t, 4)
	w := newWriter(t, 4, shortStripe(g, 1), nil)
	b, err := w.meta.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseMetadata(b, w.meta.ID()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * g.n {
		for _, mask := range []byte{0x01, 0x40, 0x80} {
			bad := bytes.Clone(b)
			bad[metadataHeader+i*HashSize] ^= mask
			if _, err := ParseMetadata(bad, w.meta.ID()); !errors.Is(err, ErrMetadata) {
				t.Errorf("value %d ^ %#x: %v", i, mask, err)
			}
		}
	}
	// An accuser who uses them all the same gets openings that do not hold.
	target := SliverIndex{Primary, 0}
	forged := &Metadata{Blob: w.meta.Blob, Values: append([]Committed(nil), w.meta.Values...)}
	forged.Values[0][31] ^= 1
	var proof bytes.Buffer
	if err := BuildInconsistency(context.Background(), &proof, forged, target, w.sources(Secondary, 0, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := verifyInconsistency(w.meta.Blob, proof.Bytes()); !errors.Is(err, ErrProof) {
		t.Errorf("proof of altered metadata: %v", err)
	}
	if _, err := verifyInconsistency(forged.Blob, proof.Bytes()); !errors.Is(err, ErrProof) {
		t.Errorf("proof of altered metadata: %v", err)
	}
}

// Checking a proof needs the memory of one stripe: what is allocated for each further stripe is far less than its
// symbols, and what stays is only the trees.
func TestInconsistencyMemory(t *testing.T) {
	g := mustGrid(t, 4)
	target := SliverIndex{Primary, 0}
	w := newWriter(t, 4, randomBlob(1, 40*g.StripeSize()), func(w *writer) { w.symbol(target, 39, 3)[0] ^= 1 })
	few := newWriter(t, 4, randomBlob(1, 8*g.StripeSize()), func(w *writer) { w.symbol(target, 7, 3)[0] ^= 1 })
	allocated := func(w *writer) int {
		proof := w.wholeProof(t, target, w.sources(Secondary, 1, 2, 3))
		var before, after runtime.MemStats
		const rounds = 4
		verifyInconsistency(w.meta.Blob, proof)
		runtime.ReadMemStats(&before)
		for range rounds {
			if _, err := verifyInconsistency(w.meta.Blob, proof); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc-before.TotalAlloc) / rounds
	}
	perStripe := (allocated(w) - allocated(few)) / (40 - 8)
	// The race detector makes pools forget some of their scratch.
	if symbols := 3 * g.maxSymbol; perStripe > symbols*3/4 {
		t.Errorf("%d bytes allocated for each stripe, of %d bytes of symbols", perStripe, symbols)
	}
}
