package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/iotest"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/selvage-network/selvage/codec/internal/naive"
)

// referencePowers are the ceremony's G1 powers for up to 100 shards, from the file itself.
var referencePowers = sync.OnceValues(func() ([]bls12381.G1Affine, error) {
	b, err := os.ReadFile("kzg/setup/ethereum-ceremony.bin")
	if err != nil {
		return nil, err
	}
	powers := make([]bls12381.G1Affine, 256)
	for i := range powers {
		if _, err := powers[i].SetBytes(b[192+96*i : 192+96*(i+1)]); err != nil {
			return nil, err
		}
	}
	return powers, nil
})

// reference is what the slow implementation says of a blob.
type reference struct {
	*naive.Grid
	blob   []byte
	values []naive.Hash
}

func newReference(t testing.TB, n int, blob []byte) *reference {
	t.Helper()
	g, err := naive.Expand(blob, n)
	if err != nil {
		t.Fatal(err)
	}
	return &reference{Grid: g, blob: blob, values: g.Values()}
}

// checkValues compares the committed values.
func (r *reference) checkValues(t testing.TB, m *Metadata) {
	t.Helper()
	if m.Shards != r.N || m.Size != r.Size || len(m.Values) != 2*r.N {
		t.Fatalf("metadata of %d bytes on %d shards with %d values", m.Size, m.Shards, len(m.Values))
	}
	for i, v := range r.values {
		if naive.Hash(m.Values[i]) != v {
			t.Fatalf("committed value %d: %v, the reference has %x", i, m.Values[i], v)
		}
	}
}

// checkID compares the commitment and the blob ID, computed by the reference from its own values.
func (r *reference) checkID(t testing.TB, m *Metadata) {
	t.Helper()
	powers, err := referencePowers()
	if err != nil {
		t.Fatal(err)
	}
	c, err := naive.Commit(r.values, powers)
	if err != nil {
		t.Fatal(err)
	}
	if m.Commitment != c {
		t.Fatalf("commitment %v, the reference has %x", m.Commitment, c)
	}
	if id := naive.BlobID(r.N, r.Size, c); m.ID() != id || m.ID().String() != naive.BlobIDText(id) {
		t.Fatalf("blob %v, the reference has %s", m.ID(), naive.BlobIDText(id))
	}
}

// checkSlivers compares every byte and every stripe root that a sink was given.
func (r *reference) checkSlivers(t testing.TB, sink *memSink) {
	t.Helper()
	for _, a := range []Axis{Primary, Secondary} {
		for i := range r.N {
			s := SliverIndex{a, uint16(i)}
			p := sink.l.Position(s)
			if want := r.Sliver(naive.Axis(a), i); !bytes.Equal(sink.data[p], want) {
				t.Fatalf("%v differs from the reference (%d bytes, want %d)", s, len(sink.data[p]), len(want))
			}
			want := r.StripeRoots(naive.Axis(a), i)
			if len(sink.roots[p]) != len(want) {
				t.Fatalf("%v has %d stripe roots, want %d", s, len(sink.roots[p]), len(want))
			}
			for c, root := range want {
				if naive.Hash(sink.roots[p][c]) != root {
					t.Fatalf("%v: root of stripe %d is %v, the reference has %x", s, c, sink.roots[p][c], root)
				}
			}
			if int64(len(sink.data[p]))+int64(len(want))*HashSize != sink.l.SliverSize(a) {
				t.Fatalf("%v: the layout says %d bytes", s, sink.l.SliverSize(a))
			}
		}
	}
}

// sizeForSymbol is a size of a blob of one stripe with symbols of t bytes and some padding.
func sizeForSymbol(g Grid, t int) int { return g.Rows()*g.Cols()*(t-1) + 1 }

// compareWithReference encodes in every way and compares all that comes out.
func compareWithReference(t *testing.T, n int, blob []byte) {
	t.Helper()
	g := mustGrid(t, n)
	l, err := g.Layout(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	r := newReference(t, n, blob)
	for i, c := range []struct {
		workers int
		size    int64
		keep    bool
	}{
		{1, int64(len(blob)), true},
		{4, -1, true},
		{4, int64(len(blob)), false},
		{1, -1, false},
	} {
		var sink Sink
		var kept *memSink
		if c.keep {
			kept = newMemSink(l)
			sink = kept
		}
		m, err := Encode(context.Background(), g, bytes.NewReader(blob), c.size, sink, Options{Workers: c.workers})
		if err != nil {
			t.Fatalf("n = %d, size = %d, %+v: %v", n, len(blob), c, err)
		}
		r.checkValues(t, m)
		if i == 0 {
			r.checkID(t, m) // a function of the values, which are compared each time
		}
		if c.keep {
			r.checkSlivers(t, kept)
		}
	}
}

func TestEncodeAgainstReference(t *testing.T) {
	for n := 4; n <= 40; n++ {
		g := mustGrid(t, n)
		symbols := []int{2 + n%3*32} // 2, 34 or 66
		if n <= 5 || n == 7 || n == 10 {
			symbols = []int{2, 4, 30, 62, 64, 66, 126, 128, 130, 510, 512, 514, 4096}
		}
		for _, symbol := range symbols {
			size := sizeForSymbol(g, symbol)
			t.Run(fmt.Sprintf("n=%d/t=%d", n, symbol), func(t *testing.T) {
				compareWithReference(t, n, randomBlob(uint64(n*symbol), size))
			})
		}
	}
	for _, c := range []struct{ n, symbol int }{{64, 2}, {64, 62}, {64, 128}, {100, 2}, {100, 66}} {
		t.Run(fmt.Sprintf("n=%d/t=%d", c.n, c.symbol), func(t *testing.T) {
			compareWithReference(t, c.n, randomBlob(uint64(c.n), sizeForSymbol(mustGrid(t, c.n), c.symbol)))
		})
	}
}

// Several stripes, where the last is short, full, or holds one byte; few enough for one step of the pipeline, or more.
func TestEncodeStripesAgainstReference(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		g := mustGrid(t, n)
		stripe, cells := g.StripeSize(), g.Rows()*g.Cols()
		for _, size := range []int{0, 1, stripe - 1, stripe, stripe + 1, 2*stripe + 63*cells, 2 * stripe, 9*stripe - 65*cells + 1} {
			if size > 300_000 {
				continue
			}
			t.Run(fmt.Sprintf("n=%d/size=%d", n, size), func(t *testing.T) {
				compareWithReference(t, n, randomBlob(uint64(size), size))
			})
		}
	}
	// A stripe that all workers share, and a tail.
	t.Run("n=31", func(t *testing.T) {
		g := mustGrid(t, 31)
		compareWithReference(t, 31, randomBlob(31, g.StripeSize()+sizeForSymbol(g, 70)))
	})
}

// The whole grid of a large n takes the reference long, single slivers of it do not.
func TestEncodeLargeGridAgainstReference(t *testing.T) {
	for _, n := range []int{300, 1000} {
		g := mustGrid(t, n)
		rows, cols := g.Rows(), g.Cols()
		blob := randomBlob(uint64(n), rows*cols*2-1)
		l, err := g.Layout(uint64(len(blob)))
		if err != nil {
			t.Fatal(err)
		}
		sink := newMemSink(l)
		m, err := Encode(context.Background(), g, bytes.NewReader(blob), int64(len(blob)), sink, Options{})
		if err != nil {
			t.Fatal(err)
		}
		source := append(bytes.Clone(blob), 0)
		row := func(i int) (symbols [][]byte) { // of the source
			for j := range cols {
				symbols = append(symbols, source[(i*cols+j)*2:][:2])
			}
			return symbols
		}
		column := func(j int) (symbols [][]byte) {
			for i := range rows {
				symbols = append(symbols, source[(i*cols+j)*2:][:2])
			}
			return symbols
		}
		check := func(s SliverIndex, stored [][]byte) {
			t.Helper()
			var leaves []naive.Hash
			for _, symbol := range naive.EncodeSymbols(stored, n) {
				leaves = append(leaves, naive.Leaf(symbol))
			}
			p := g.Position(s)
			if !bytes.Equal(sink.data[p], bytes.Join(stored, nil)) {
				t.Fatalf("n = %d: %v differs from the reference", n, s)
			}
			root := naive.Tree(leaves)
			if naive.Hash(sink.roots[p][0]) != root || naive.Hash(m.Values[p]) != naive.Committed(root) {
				t.Fatalf("n = %d: %v has root %v and value %v, the reference has %x", n, s, sink.roots[p][0], m.Values[p], root)
			}
		}
		for _, i := range []int{0, 1, rows / 2, rows - 1} {
			check(SliverIndex{Primary, uint16(i)}, row(i))
		}
		for _, j := range []int{0, 7, 8, cols / 2, cols - 1} {
			check(SliverIndex{Secondary, uint16(j)}, column(j))
		}
		// Of the parity slivers some symbols are computed, and the root from the sliver as it is.
		split := func(data []byte) (symbols [][]byte) {
			for ; len(data) > 0; data = data[2:] {
				symbols = append(symbols, data[:2])
			}
			return symbols
		}
		for _, i := range []int{rows, n - 1} {
			s := SliverIndex{Primary, uint16(i)}
			got := split(sink.data[g.Position(s)])
			for _, j := range []int{0, 1, cols / 3, cols - 1} {
				if want := naive.EncodeSymbols(column(j), n)[i]; !bytes.Equal(got[j], want) {
					t.Fatalf("n = %d: symbol %d of %v is %x, the reference has %x", n, j, s, got[j], want)
				}
			}
			check(s, got)
		}
		for _, j := range []int{cols, n - 1} {
			s := SliverIndex{Secondary, uint16(j)}
			got := split(sink.data[g.Position(s)])
			for _, i := range []int{0, 1, rows / 3, rows - 1} {
				if want := naive.EncodeSymbols(row(i), n)[j]; !bytes.Equal(got[i], want) {
					t.Fatalf("n = %d: symbol %d of %v is %x, the reference has %x", n, i, s, got[i], want)
				}
			}
			check(s, got)
		}
	}
}

func TestEncodeFromAnyReader(t *testing.T) {
	for _, c := range []struct{ n, size int }{{4, 0}, {4, 1}, {4, 24576}, {4, 3*24576 + 100}, {10, 5000}} {
		g := mustGrid(t, c.n)
		blob := randomBlob(9, c.size)
		want := encodeBlob(t, c.n, blob)
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"one byte":      iotest.OneByteReader,
			"half":          iotest.HalfReader,
			"data and EOF":  iotest.DataErrReader,
			"one byte, EOF": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
			"empty reads":   func(r io.Reader) io.Reader { return &emptyReads{r: r} },
		} {
			for _, size := range []int64{-1, int64(c.size)} {
				sink := newMemSink(want.l)
				m, err := Encode(context.Background(), g, wrap(bytes.NewReader(blob)), size, sink, Options{})
				if err != nil {
					t.Fatalf("n = %d, size = %d, announced %d, %s: %v", c.n, c.size, size, name, err)
				}
				if m.ID() != want.meta.ID() {
					t.Fatalf("n = %d, size = %d, announced %d, %s: another blob", c.n, c.size, size, name)
				}
				for p := range sink.data {
					if !bytes.Equal(sink.data[p], want.data[p]) {
						t.Fatalf("n = %d, size = %d, announced %d, %s: %v differs", c.n, c.size, size, name, g.SliverAt(p))
					}
				}
			}
		}
	}
}

// emptyReads returns nothing, without an error, every other time.
type emptyReads struct {
	r    io.Reader
	next bool
}

func (e *emptyReads) Read(b []byte) (int, error) {
	if e.next = !e.next; e.next {
		return 0, nil
	}
	return e.r.Read(b[:min(len(b), 1000)])
}

func randomHashes(r *rand.Rand, count int) ([]Hash, []naive.Hash) {
	a, b := make([]Hash, count), make([]naive.Hash, count)
	for i := range a {
		for k := range a[i] {
			a[i][k] = byte(r.Uint32())
		}
		b[i] = naive.Hash(a[i])
	}
	return a, b
}

// treeCounts are 1 … 200 and the borders of deeper trees.
func treeCounts() []int {
	return append(seq(1, 201), 255, 256, 257, 510, 511, 512, 513, 514, 519, 520, 521, 575, 576, 577, 2048, 4095, 4096, 4097, 4104, 4105, 4608, 4609)
}

func TestTreesAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, count := range treeCounts() {
		leaves, plain := randomHashes(r, count)
		want := Hash(naive.Tree(plain))
		if got := treeRoot(append([]Hash(nil), leaves...), make([]Hash, groups(count)+arity)); got != want {
			t.Fatalf("%d leaves: treeRoot gives %v, want %v", count, got, want)
		}
		var s treeStack
		for _, h := range leaves {
			s.push(h)
		}
		if got := s.root(); got != want {
			t.Fatalf("%d leaves: treeStack gives %v, want %v", count, got, want)
		}
		for level, nodes := range s.levels {
			if cap(nodes) > arity {
				t.Fatalf("%d leaves: %d nodes on level %d of the stack", count, cap(nodes), level)
			}
		}
	}
}

func TestLeavesAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, size := range []int{2, 4, 30, 54, 56, 62, 64, 66, 118, 120, 126, 128, 4096} {
		for count := range 12 {
			stride := size + 2*r.IntN(3)
			data := make([]byte, count*stride+size)
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			got := make([]Hash, count)
			leafHashes(got, data, size, stride)
			for i := range got {
				if want := naive.Leaf(data[i*stride:][:size]); naive.Hash(got[i]) != want {
					t.Fatalf("leaf %d of %d, %d bytes every %d: %v, want %x", i, count, size, stride, got[i], want)
				}
			}
		}
	}
}

func TestPathsAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, count := range treeCounts() {
		leaves, plain := randomHashes(r, count)
		root := naive.Tree(plain)
		tree := newTree(leaves)
		if top := tree[len(tree)-1]; len(top) != 1 || naive.Hash(top[0]) != root {
			t.Fatalf("%d leaves: newTree gives %v, want %x", count, top, root)
		}
		indices := seq(0, count)
		if count > 100 {
			indices = append([]int{0, 7, 8, count / 8 * 8 % count, count - 2, count - 1}, r.Perm(count)[:10]...)
		}
		for _, index := range indices {
			want := naive.Path(plain, index)
			got := tree.appendPath(nil, index)
			if len(got) != len(want) || PathLen(count, index) != len(want) {
				t.Fatalf("leaf %d of %d: a path of %d, PathLen = %d, want %d", index, count, len(got), PathLen(count, index), len(want))
			}
			for i := range want {
				if naive.Hash(got[i]) != want[i] {
					t.Fatalf("leaf %d of %d: sibling %d differs", index, count, i)
				}
			}
			folded, err := foldPath(leaves[index], index, count, got)
			if err != nil || naive.Hash(folded) != root {
				t.Fatalf("leaf %d of %d folds to %v, %v", index, count, folded, err)
			}
			if second := tree.appendPath(Path{root}, index); len(second) != 1+len(want) || second[0] != Hash(root) {
				t.Fatalf("leaf %d of %d: the path is not appended", index, count)
			}

			// Nothing but the path of the right shape and place will do.
			wrong := []Path{append(append(Path(nil), got...), Hash{}), append(Path{{}}, got...)}
			if len(got) > 0 {
				wrong = append(wrong, got[1:], got[:len(got)-1], nil)
			}
			for _, p := range wrong {
				if _, err := foldPath(leaves[index], index, count, p); !errors.Is(err, ErrProof) {
					t.Fatalf("leaf %d of %d: a path of %d gives %v", index, count, len(p), err)
				}
			}
			if len(got) > 0 {
				i := r.IntN(len(got))
				got[i][r.IntN(32)] ^= 1 << r.IntN(8)
				if folded, err := foldPath(leaves[index], index, count, got); err == nil && naive.Hash(folded) == root {
					t.Fatalf("leaf %d of %d: sibling %d may be anything", index, count, i)
				}
			}
		}
		// Another place never leads to the root, even where its path has the same length.
		if count > 1 {
			path := tree.appendPath(nil, 0)
			if folded, err := foldPath(leaves[0], 1, count, path); err == nil && naive.Hash(folded) == root {
				t.Fatalf("leaf 0 of %d may also be leaf 1", count)
			}
		}
	}
}
