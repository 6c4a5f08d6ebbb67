package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/selvage-network/selvage/codec/internal/naive"
	"github.com/selvage-network/selvage/codec/kzg"
)

func mustExtractor(t testing.TB, l Layout) *Extractor {
	t.Helper()
	x, err := NewExtractor(l)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func naivePath(g *naive.Grid, s SliverIndex, c StripeIndex, x int) (path Path) {
	for _, h := range g.Proof(naive.Axis(s.Axis), int(s.Index), int(c), x) {
		path = append(path, Hash(h))
	}
	return path
}

func TestSymbolProofEverywhere(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 5, 7, 10, 13} {
		g := mustGrid(t, n)
		blobs := [][]byte{nil, shortStripe(g, 1)}
		if n <= 5 {
			blobs = append(blobs, threeStripeBlob(g, 2), randomBlob(3, 9*g.StripeSize()+1)) // a tree of ten stripe roots
		}
		for _, blob := range blobs {
			e, grid := encodeBlob(t, n, blob), expanded(t, n, blob)
			l, x := e.l, mustExtractor(t, e.l)
			for _, s := range allSlivers(g) {
				if l.Stripes() > 3 && int(s.Index)%3 != 0 {
					continue
				}
				src := e.source(s.Axis, int(s.Index))
				value := e.meta.Values[l.Position(s)]
				for c := range StripeIndex(l.Stripes()) {
					for symbol := range n {
						target := SliverIndex{s.Axis.Other(), uint16(symbol)}
						p, err := x.Proof(ctx, src, target, c)
						if err != nil {
							t.Fatal(err)
						}
						if p.Sliver != s || p.Stripe != c || p.Symbol != uint16(symbol) ||
							!bytes.Equal(p.Data, grid.Symbol(naive.Axis(s.Axis), int(s.Index), int(c), symbol)) ||
							!slices.Equal(p.Path, naivePath(grid, s, c, symbol)) {
							t.Fatalf("n=%d size=%d: symbol %d of %v, stripe %d: %+v", n, len(blob), symbol, s, c, p)
						}
						inStripe, inSliver := l.PathLens(c, symbol)
						if len(p.Path) != inStripe+inSliver {
							t.Fatalf("a path of %d, PathLens says %d and %d", len(p.Path), inStripe, inSliver)
						}
						if err := p.Verify(l, value); err != nil {
							t.Fatalf("n=%d size=%d: %v", n, len(blob), err)
						}
						root, err := p.StripeRoot(l)
						if err != nil || root != e.roots[l.Position(s)][c] {
							t.Fatalf("stripe root %v, %v", root, err)
						}
					}
				}
			}
		}
	}
}

// Paths of all shapes agree with the reference, and no other length is taken.
func TestFoldPath(t *testing.T) {
	for _, count := range []int{1, 2, 7, 8, 9, 10, 16, 17, 57, 63, 64, 65, 73, 128, 513, 600} {
		leaves := make([]naive.Hash, count)
		nodes := make([]Hash, count)
		var stack treeStack
		for i := range leaves {
			leaves[i] = naive.Leaf([]byte{byte(i), byte(i >> 8)})
			nodes[i] = Hash(leaves[i])
			stack.push(nodes[i])
		}
		root := Hash(naive.Tree(leaves))
		if got := stack.root(); got != root {
			t.Errorf("%d leaves: a stack gives %v, want %v", count, got, root)
		}
		for _, index := range []int{0, 1, 7, 8, count / 2, count - 2, count - 1} {
			if index < 0 || index >= count {
				continue
			}
			path := newTree(slices.Clone(nodes)).appendPath(nil, index)
			want := naive.Path(leaves, index)
			if len(path) != len(want) || len(path) != PathLen(count, index) {
				t.Fatalf("leaf %d of %d: a path of %d, PathLen says %d, want %d", index, count, len(path), PathLen(count, index), len(want))
			}
			for i := range want {
				if path[i] != Hash(want[i]) {
					t.Fatalf("leaf %d of %d: sibling %d differs", index, count, i)
				}
			}
			if got, err := foldPath(nodes[index], index, count, path); err != nil || got != root {
				t.Errorf("leaf %d of %d: %v, %v", index, count, got, err)
			}
			for _, bad := range []Path{append(slices.Clone(path), Hash{}), append(slices.Clone(path), path...), path[:max(0, len(path)-1)]} {
				if len(bad) == len(path) {
					continue
				}
				if _, err := foldPath(nodes[index], index, count, bad); !errors.Is(err, ErrProof) {
					t.Errorf("leaf %d of %d: a path of %d, want %d: %v", index, count, len(bad), len(path), err)
				}
			}
		}
	}
}

func cloneProof(p *SymbolProof) *SymbolProof {
	q := *p
	q.Data, q.Path = bytes.Clone(p.Data), slices.Clone(p.Path)
	return &q
}

func TestSymbolProofAltered(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 9, 10} { // nine symbols: a group of one
		g := mustGrid(t, n)
		for _, blob := range [][]byte{randomBlob(1, 2*g.rows*g.cols), shortStripe(g, 2), randomBlob(3, g.StripeSize()+4*g.rows*g.cols)} {
			e := encodeBlob(t, n, blob)
			l, x := e.l, mustExtractor(t, e.l)
			c := StripeIndex(l.Stripes() - 1)
			for _, s := range []SliverIndex{{Primary, 0}, {Secondary, uint16(n - 1)}} {
				value := e.meta.Values[l.Position(s)]
				for _, symbol := range []int{0, n - 1} {
					p, err := x.Proof(ctx, e.source(s.Axis, int(s.Index)), SliverIndex{s.Axis.Other(), uint16(symbol)}, c)
					if err != nil {
						t.Fatal(err)
					}
					refused := func(what string, f func(q *SymbolProof), sentinels ...error) {
						t.Helper()
						q := cloneProof(p)
						f(q)
						err := q.Verify(l, value)
						if err == nil {
							t.Fatalf("n=%d size=%d %v symbol %d: accepted with %s", n, len(blob), s, symbol, what)
						}
						var se *SliverError
						if !errors.As(err, &se) || se.Sliver != q.Sliver || se.Stripe != int(q.Stripe) {
							t.Fatalf("%s: %v does not name %v, stripe %d", what, err, q.Sliver, q.Stripe)
						}
						if !slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) }) {
							t.Fatalf("%s: %v wraps none of %v", what, err, sentinels)
						}
					}
					for bit := range 8 * len(p.Data) {
						refused(fmt.Sprintf("bit %d of the symbol", bit), func(q *SymbolProof) { q.Data[bit/8] ^= 1 << (bit % 8) }, ErrProof)
					}
					for bit := range 8 * HashSize * len(p.Path) {
						refused(fmt.Sprintf("bit %d of the path", bit), func(q *SymbolProof) { q.Path[bit/256][bit%256/8] ^= 1 << (bit % 8) }, ErrProof)
					}
					for bit := range 32 {
						refused(fmt.Sprintf("bit %d of the stripe", bit), func(q *SymbolProof) { q.Stripe ^= 1 << bit }, ErrProof, ErrIndex, ErrLength)
					}
					for bit := range 16 {
						refused(fmt.Sprintf("bit %d of the symbol's place", bit), func(q *SymbolProof) { q.Symbol ^= 1 << bit }, ErrProof, ErrIndex)
					}
					refused("the same with n", func(q *SymbolProof) { q.Symbol = uint16(n) }, ErrIndex)
					refused("an absurd place", func(q *SymbolProof) { q.Symbol = math.MaxUint16 }, ErrIndex)
					refused("a stripe too far", func(q *SymbolProof) { q.Stripe = c + 1 }, ErrIndex)
					refused("an absurd stripe", func(q *SymbolProof) { q.Stripe = math.MaxUint32 }, ErrIndex)
					for _, bad := range []SliverIndex{{s.Axis, uint16(n)}, {2, 0}, {255, math.MaxUint16}} {
						refused(fmt.Sprintf("sliver %v", bad), func(q *SymbolProof) { q.Sliver = bad }, ErrIndex)
					}
					refused("no symbol", func(q *SymbolProof) { q.Data = nil }, ErrLength)
					refused("a short symbol", func(q *SymbolProof) { q.Data = q.Data[1:] }, ErrLength)
					refused("a long symbol", func(q *SymbolProof) { q.Data = append(q.Data, 0) }, ErrLength)
					refused("a huge symbol", func(q *SymbolProof) { q.Data = make([]byte, 1<<20) }, ErrLength)
					refused("no path", func(q *SymbolProof) { q.Path = nil }, ErrProof)
					refused("a short path", func(q *SymbolProof) { q.Path = q.Path[1:] }, ErrProof)
					refused("a path without its end", func(q *SymbolProof) { q.Path = q.Path[:len(q.Path)-1] }, ErrProof)
					refused("a long path", func(q *SymbolProof) { q.Path = append(q.Path, Hash{}) }, ErrProof)
					refused("a path twice", func(q *SymbolProof) { q.Path = append(q.Path, q.Path...) }, ErrProof)
					refused("a huge path", func(q *SymbolProof) { q.Path = make(Path, 1<<16) }, ErrProof)
					// The sliver is bound by its committed value.
					for other, v := range e.meta.Values {
						if o := l.SliverAt(other); o != s && p.Verify(l, v) == nil {
							t.Fatalf("symbol %d of %v accepted for %v", symbol, s, o)
						}
					}
					top := value
					top[0] |= 0x80
					if p.Verify(l, top) == nil {
						t.Fatal("accepted for a value with a top bit")
					}
					var zero SymbolProof
					if err := zero.Verify(l, value); !errors.Is(err, ErrLength) {
						t.Fatalf("zero proof: %v", err)
					}
					if err := p.Verify(l, value); err != nil {
						t.Fatalf("the proof itself was changed: %v", err)
					}
					if len(p.Path) > 1 { // symbol 8 of 9 passes the first level unchanged
						refused("siblings swapped", func(q *SymbolProof) { q.Path[0], q.Path[1] = q.Path[1], q.Path[0] }, ErrProof)
					}
				}
			}
		}
	}
}

// partSource reads parts of stripes, and counts them.
type partSource struct {
	*memSource
	fail error
}

func (p *partSource) ReadPart(_ context.Context, c StripeIndex, offset int, dst []byte) error {
	if p.fail != nil {
		return p.fail
	}
	if offset+len(dst) > p.l.SliverStripeSize(p.s.Axis, c) {
		return io.ErrUnexpectedEOF
	}
	at := p.l.SliverStripeOffset(p.s.Axis, c) + int64(offset)
	copy(dst, p.data[at:])
	p.reads.Add(int64(len(dst)))
	return nil
}

func TestExtractorSymbols(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 5, 7, 10, 13} {
		g := mustGrid(t, n)
		blobs := [][]byte{nil, shortStripe(g, 1), randomBlob(2, 129*g.rows*g.cols+1), randomBlob(3, 64*g.rows*g.cols)}
		if n <= 5 {
			blobs = append(blobs, threeStripeBlob(g, 2))
		}
		for _, blob := range blobs {
			e, grid := encodeBlob(t, n, blob), expanded(t, n, blob)
			l, x := e.l, mustExtractor(t, e.l)
			stripes := StripeIndex(l.Stripes())
			for _, s := range allSlivers(g) {
				for symbol := range n {
					target := SliverIndex{s.Axis.Other(), uint16(symbol)}
					for first := StripeIndex(0); first <= stripes; first++ {
						for end := first; end <= stripes; end++ {
							var want []byte
							whole := int64(0)
							for c := first; c < end; c++ {
								want = append(want, grid.Symbol(naive.Axis(s.Axis), int(s.Index), int(c), symbol)...)
								whole += int64(l.SliverStripeSize(s.Axis, c))
							}
							if got := l.SymbolRun(first, end); got != len(want) {
								t.Fatalf("n=%d size=%d: SymbolRun(%d, %d) = %d, want %d", n, len(blob), first, end, got, len(want))
							}
							src := e.source(s.Axis, int(s.Index))
							part := &partSource{memSource: src}
							cheap := whole
							if symbol < l.Stored(s.Axis) {
								cheap = int64(len(want))
							}
							for _, one := range []struct {
								src   Source
								bytes int64
							}{{src, whole}, {part, cheap}} {
								e.reads.Store(0)
								got := make([]byte, len(want))
								read, err := x.Symbols(ctx, one.src, target, first, end, got)
								if err != nil || !bytes.Equal(got, want) {
									t.Fatalf("n=%d size=%d: symbol %d of %v, stripes %d to %d: wrong, %v", n, len(blob), symbol, s, first, end, err)
								}
								if read != one.bytes || e.reads.Load() != one.bytes {
									t.Fatalf("n=%d size=%d: symbol %d of %v, stripes %d to %d: %d bytes read, says %d, want %d",
										n, len(blob), symbol, s, first, end, e.reads.Load(), read, one.bytes)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestExtractorRefuses(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 1))
	l, x := e.l, mustExtractor(t, e.l)
	src := e.source(Primary, 2)
	target := SliverIndex{Secondary, 1}
	symbols := func(src Source, target SliverIndex, first, end StripeIndex, size int) error {
		_, err := x.Symbols(ctx, src, target, first, end, make([]byte, size))
		return err
	}
	for _, size := range []int{0, 1, 4095, 4097, 8192, 1 << 20} {
		if err := symbols(src, target, 0, 1, size); !errors.Is(err, ErrLength) {
			t.Errorf("%d bytes for a symbol: %v", size, err)
		}
	}
	for _, r := range [][2]StripeIndex{{0, 4}, {3, 4}, {2, 1}, {0, math.MaxUint32}, {math.MaxUint32, math.MaxUint32}, {math.MaxUint32, 0}} {
		if err := symbols(src, target, r[0], r[1], 4096); !errors.Is(err, ErrIndex) {
			t.Errorf("stripes %d to %d: %v", r[0], r[1], err)
		}
	}
	for _, bad := range []SliverIndex{{Primary, 1}, {Primary, 2}, {Secondary, 7}, {2, 0}, {255, math.MaxUint16}} {
		if err := symbols(src, bad, 0, 1, 4096); !errors.Is(err, ErrIndex) {
			t.Errorf("target %v: %v", bad, err)
		}
		if _, err := x.Proof(ctx, src, bad, 0); !errors.Is(err, ErrIndex) {
			t.Errorf("proof for target %v: %v", bad, err)
		}
	}
	if err := symbols(&memSource{l: l, s: SliverIndex{Primary, 7}}, target, 0, 1, 4096); !errors.Is(err, ErrIndex) {
		t.Errorf("a source that the grid does not have: %v", err)
	}
	for _, c := range []StripeIndex{3, 4, math.MaxUint32 - 1, math.MaxUint32} {
		if _, err := x.Proof(ctx, src, target, c); !errors.Is(err, ErrIndex) {
			t.Errorf("proof of stripe %d: %v", c, err)
		}
	}

	broken := errors.New("broken")
	failing := e.source(Primary, 2)
	failing.fail = broken
	wantSliverError(t, symbols(failing, target, 1, 2, 4096), failing.s, 1, broken)
	wantSliverError(t, symbols(&partSource{memSource: src, fail: broken}, target, 1, 2, 4096), src.s, 1, broken)
	_, err := x.Proof(ctx, failing, target, 1)
	wantSliverError(t, err, failing.s, -1, broken)
	for _, roots := range [][]Hash{nil, src.roots[:2], append(slices.Clone(src.roots), Hash{})} {
		short := e.source(Primary, 2)
		short.roots = roots
		_, err := x.Proof(ctx, short, target, 1)
		wantSliverError(t, err, short.s, -1, ErrLength)
	}
	cut := e.source(Primary, 2)
	cut.data = cut.data[:100]
	_, err = x.Proof(ctx, cut, target, 1)
	wantSliverError(t, err, cut.s, 1, io.ErrUnexpectedEOF)
	if _, err := NewExtractor(Layout{}); err == nil {
		t.Error("an extractor for no layout")
	}
	// A refused call leaves nothing behind.
	got := make([]byte, 4096)
	if _, err := x.Symbols(ctx, src, target, 0, 1, got); err != nil || !bytes.Equal(got, src.data[4096:8192]) {
		t.Errorf("after all that: %v", err)
	}
	// Roots that the extractor works on are left as they are.
	before := slices.Clone(src.roots)
	if _, err := x.Proof(ctx, src, target, 1); err != nil || !slices.Equal(before, src.roots) {
		t.Errorf("a proof changed the source's roots, %v", err)
	}
}

func TestNewSymbolSourceCounts(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 1))
	var told int64
	s, err := NewSymbolSource(e.l, &partSource{memSource: e.source(Primary, 1)}, func(n int64) { told += n })
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, e.l.SymbolBytes())
	for _, target := range []SliverIndex{{Secondary, 0}, {Secondary, 6}} {
		told = 0
		e.reads.Store(0)
		if err := s.ReadSymbols(ctx, target, 0, 3, dst); err != nil || told != e.reads.Load() || told == 0 {
			t.Errorf("%v: %d bytes read, told of %d, %v", target, e.reads.Load(), told, err)
		}
	}
}

func mustOpener(t testing.TB, m *Metadata) *Opener {
	t.Helper()
	o, err := NewOpener(m)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func mustOpen(t testing.TB, o *Opener, s SliverIndex) SliverOpening {
	t.Helper()
	got, err := o.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// allOpenings are openings of all slivers of a blob.
func allOpenings(t testing.TB, m *Metadata) (all []BlobOpening) {
	t.Helper()
	opener := mustOpener(t, m)
	for _, s := range allSlivers(mustGrid(t, m.Shards)) {
		all = append(all, BlobOpening{m.Blob, mustOpen(t, opener, s)})
	}
	return all
}

func TestMetadataCommitted(t *testing.T) {
	for _, n := range []int{4, 10} {
		blob := shortStripe(mustGrid(t, n), 1)
		e := encodeBlob(t, n, blob)
		for p, d := range expanded(t, n, blob).Values() {
			if got, ok := e.meta.Committed(e.l.SliverAt(p)); !ok || got != Committed(d) {
				t.Errorf("n=%d %v: %v, %v, want %x", n, e.l.SliverAt(p), got, ok, d)
			}
		}
		for _, bad := range []SliverIndex{{Primary, uint16(n)}, {Secondary, uint16(n)}, {2, 0}, {255, math.MaxUint16}, {Primary, math.MaxUint16}} {
			if got, ok := e.meta.Committed(bad); ok || got != (Committed{}) {
				t.Errorf("n=%d %v: %v, %v", n, bad, got, ok)
			}
		}
	}
}

func TestVerifyOpenings(t *testing.T) {
	ctx := context.Background()
	if err := VerifyOpenings(ctx, nil); err != nil {
		t.Errorf("no openings: %v", err)
	}
	var many []BlobOpening
	for _, n := range []int{4, 5, 7, 31} {
		e := encodeBlob(t, n, shortStripe(mustGrid(t, n), uint64(n)))
		all := allOpenings(t, e.meta)
		for p, o := range all {
			if o.Sliver != e.l.SliverAt(p) || o.Value != e.meta.Values[p] {
				t.Fatalf("n=%d: opening %d is of %v with %v", n, p, o.Sliver, o.Value)
			}
			if p%5 == 0 {
				if err := VerifyOpenings(ctx, all[p:p+1]); err != nil {
					t.Errorf("n=%d %v alone: %v", n, o.Sliver, err)
				}
			}
		}
		if err := VerifyOpenings(ctx, all); err != nil {
			t.Errorf("n=%d, all of one blob: %v", n, err)
		}
		if err := VerifyOpenings(ctx, append(all, all[0])); err != nil {
			t.Errorf("n=%d, one of them twice: %v", n, err)
		}
		many = append(many, all...)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(many), func(i, j int) { many[i], many[j] = many[j], many[i] })
	if err := VerifyOpenings(ctx, many); err != nil {
		t.Errorf("of many blobs: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	e := encodeBlob(t, 4, []byte("x"))
	opener := mustOpener(t, e.meta)
	for _, bad := range []SliverIndex{{Primary, 4}, {Secondary, 4}, {2, 0}, {255, math.MaxUint16}} {
		if _, err := opener.Open(bad); !errors.Is(err, ErrIndex) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, err := NewOpener(&Metadata{Blob: Blob{Shards: 3}}); !errors.Is(err, ErrShards) {
		t.Errorf("three shards: %v", err)
	}
	if _, err := NewOpener(&Metadata{Blob: Blob{Shards: 4}}); err == nil {
		t.Error("no values, no error")
	}
}

func TestVerifyOpeningsBad(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 5, shortStripe(mustGrid(t, 5), 1)) // 10 values, as of 7 shards 14, in a vector of 16
	seven := encodeBlob(t, 7, shortStripe(mustGrid(t, 7), 2))
	other := encodeBlob(t, 5, shortStripe(mustGrid(t, 5), 3))
	all, foreign := allOpenings(t, e.meta), allOpenings(t, other.meta)
	around := append(allOpenings(t, seven.meta)[:3], foreign[:2]...)

	cases := []struct {
		name string
		f    func(o *BlobOpening)
		want error
	}{
		{"last bit of the value", func(o *BlobOpening) { o.Value[31] ^= 1 }, ErrProof},
		{"first bit of the value", func(o *BlobOpening) { o.Value[0] ^= 0x20 }, ErrProof},
		{"top bit", func(o *BlobOpening) { o.Value[0] |= 0x80 }, ErrProof},
		{"second bit", func(o *BlobOpening) { o.Value[0] |= 0x40 }, ErrProof},
		{"no value", func(o *BlobOpening) { o.Value = Committed{} }, ErrProof},
		{"all bits", func(o *BlobOpening) { copy(o.Value[:], bytes.Repeat([]byte{255}, 32)) }, ErrProof},
		{"another index", func(o *BlobOpening) { o.Sliver.Index ^= 1 }, ErrProof},
		{"another axis", func(o *BlobOpening) { o.Sliver.Axis ^= 1 }, ErrProof},
		{"another sliver's proof", func(o *BlobOpening) { o.Proof = all[0].Proof }, ErrProof},
		{"another sliver's value", func(o *BlobOpening) { o.Value = all[0].Value }, ErrProof},
		{"another blob", func(o *BlobOpening) { o.Blob = other.meta.Blob }, ErrProof},
		{"another blob's commitment", func(o *BlobOpening) { o.Blob.Commitment = other.meta.Commitment }, ErrProof},
		{"another blob's opening", func(o *BlobOpening) { o.SliverOpening = foreign[3].SliverOpening }, ErrProof},
		{"twice as many values", func(o *BlobOpening) { o.Blob.Shards = 9 }, ErrProof},
		{"no proof", func(o *BlobOpening) { o.Proof = kzg.Proof{} }, ErrProof},
		{"infinity as proof", func(o *BlobOpening) { o.Proof = kzg.Proof{0xc0} }, ErrProof},
		{"no point as proof", func(o *BlobOpening) { o.Proof[5] ^= 1 }, ErrProof},
		{"no commitment", func(o *BlobOpening) { o.Blob.Commitment = kzg.Commitment{} }, ErrProof},
		{"infinity as commitment", func(o *BlobOpening) { o.Blob.Commitment = kzg.Commitment{0xc0} }, ErrProof},
		{"index too great", func(o *BlobOpening) { o.Sliver.Index = 5 }, ErrIndex},
		{"absurd index", func(o *BlobOpening) { o.Sliver.Index = math.MaxUint16 }, ErrIndex},
		{"absurd axis", func(o *BlobOpening) { o.Sliver.Axis = 2 }, ErrIndex},
		{"no shards", func(o *BlobOpening) { o.Blob.Shards = 0 }, ErrShards},
		{"too many shards", func(o *BlobOpening) { o.Blob.Shards = 2049 }, ErrShards},
		{"negative shards", func(o *BlobOpening) { o.Blob.Shards = -5 }, ErrShards},
	}
	for _, c := range cases {
		bad := all[7]
		c.f(&bad)
		for place, batch := range [][]BlobOpening{{bad}, append([]BlobOpening{bad}, around...), append(slices.Clone(around), bad), append(slices.Clone(all), bad)} {
			err := VerifyOpenings(ctx, batch)
			if err == nil || !errors.Is(err, c.want) {
				t.Errorf("%s, batch %d: %v", c.name, place, err)
				continue
			}
			if c.want == ErrShards {
				continue
			}
			if !strings.Contains(err.Error(), bad.Sliver.String()) {
				t.Errorf("%s, batch %d: %q does not name %v", c.name, place, err, bad.Sliver)
			}
			for _, good := range around {
				if c.want == ErrProof && good.Sliver != bad.Sliver && strings.Contains(err.Error(), good.Sliver.String()) {
					t.Errorf("%s, batch %d: %q names %v, which is good", c.name, place, err, good.Sliver)
				}
			}
		}
		if err := VerifyOpenings(ctx, all); err != nil {
			t.Fatalf("the good ones were changed by %q", c.name)
		}
	}

	// Every bad one is named, and can be found with errors.As.
	bad := slices.Clone(all)
	bad[2].Value[31] ^= 1
	bad[8].Proof, bad[9].Proof = bad[9].Proof, bad[8].Proof
	err := VerifyOpenings(ctx, bad)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	var named []SliverIndex
	for _, one := range joined.Unwrap() {
		var se *SliverError
		if !errors.As(one, &se) || !errors.Is(one, ErrProof) {
			t.Fatalf("%v", one)
		}
		named = append(named, se.Sliver)
	}
	if !slices.Equal(named, []SliverIndex{bad[2].Sliver, bad[8].Sliver, bad[9].Sliver}) {
		t.Errorf("named: %v", named)
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := VerifyOpenings(cancelled, bad); !errors.Is(err, context.Canceled) || errors.Is(err, ErrProof) {
		t.Errorf("cancelled: %v", err)
	}
}

// A malformed opening in a batch must not hide the others that are bad.
func TestVerifyOpeningsNamesAllBad(t *testing.T) {
	e := encodeBlob(t, 5, []byte("all of them"))
	bad := allOpenings(t, e.meta)
	bad[1].Value[31] ^= 1
	bad[6].Value[0] |= 0x80
	bad[8].Value[31] ^= 1
	err := VerifyOpenings(context.Background(), bad)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, i := range []int{1, 6, 8} {
		if !strings.Contains(err.Error(), bad[i].Sliver.String()) {
			t.Errorf("%q does not name %v", err, bad[i].Sliver)
		}
	}
}

// The commitment does not say how many values there are: 5 and 7 shards have vectors of 16 both. The blob ID does.
func TestOpeningsBindTheBlobID(t *testing.T) {
	e := encodeBlob(t, 5, shortStripe(mustGrid(t, 5), 1))
	o := allOpenings(t, e.meta)[0]
	for _, b := range []Blob{{7, o.Blob.Size, o.Blob.Commitment}, {5, o.Blob.Size + 1, o.Blob.Commitment}} {
		// It holds for primary 0, which is at the same place of the vector, but under another blob ID.
		if b.ID() == o.Blob.ID() {
			t.Errorf("%+v has the same ID", b)
		}
		if err := VerifyOpenings(context.Background(), []BlobOpening{{b, o.SliverOpening}}); err != nil {
			t.Errorf("%+v: the commitment binds more than the design says: %v", b, err)
		}
	}
	// Secondary 0 of five shards is primary 5 of seven.
	secondary := allOpenings(t, e.meta)[5]
	seven := Blob{7, o.Blob.Size, o.Blob.Commitment}
	if err := VerifyOpenings(context.Background(), []BlobOpening{{seven, secondary.SliverOpening}}); !errors.Is(err, ErrProof) {
		t.Errorf("secondary 0 at another place of the vector: %v", err)
	}
}

func TestOpeningsAsCommitments(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 1))
	opener := mustOpener(t, e.meta)
	var some []SliverOpening
	for _, i := range []uint16{0, 2, 5} {
		some = append(some, mustOpen(t, opener, SliverIndex{Primary, i}))
	}
	o, err := NewOpenings(ctx, e.meta.Blob, some)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range allSlivers(e.l.Grid) {
		d, ok := o.Committed(s)
		if opened := s.Axis == Primary && (s.Index == 0 || s.Index == 2 || s.Index == 5); ok != opened || ok && d != e.meta.Values[e.l.Position(s)] {
			t.Errorf("%v: %v, %v", s, d, ok)
		}
	}
	d, err := NewDecoder(e.meta.Blob, o, e.sources(Primary, 5, 0, 2), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := d.Decode(ctx, &got); err != nil || !bytes.Equal(got.Bytes(), e.blob) {
		t.Errorf("decoded with openings: %d bytes, %v", got.Len(), err)
	}
	for _, bad := range []SliverIndex{{Primary, 1}, {Secondary, 0}} {
		_, err := NewDecoder(e.meta.Blob, o, append(e.sources(Primary, 0), e.sources(bad.Axis, int(bad.Index))...), Options{})
		wantSliverError(t, err, bad, -1, ErrUnknown)
	}

	some[1].Value[31] ^= 1
	if _, err := NewOpenings(ctx, e.meta.Blob, some); !errors.Is(err, ErrProof) {
		t.Errorf("a wrong value: %v", err)
	}
	if _, err := NewOpenings(ctx, Blob{}, some); !errors.Is(err, ErrShards) {
		t.Errorf("no blob: %v", err)
	}
	if o, err := NewOpenings(ctx, e.meta.Blob, nil); err != nil {
		t.Errorf("no openings: %v", err)
	} else if _, ok := o.Committed(SliverIndex{}); ok {
		t.Error("a value from nowhere")
	}
}

// Whoever uses an opener from many goroutines gets the same openings.
func TestOpenerConcurrently(t *testing.T) {
	e := encodeBlob(t, 7, []byte("concurrently"))
	opener := mustOpener(t, e.meta)
	want := mustOpen(t, opener, SliverIndex{Secondary, 3})
	got := make(chan SliverOpening)
	for range 8 {
		go func() {
			o, _ := opener.Open(SliverIndex{Secondary, 3})
			got <- o
		}()
	}
	for range 8 {
		if o := <-got; o != want {
			t.Errorf("%+v, want %+v", o, want)
		}
	}
}
