package naive

import (
	"bytes"
	"slices"
	"testing"
)

func TestParams(t *testing.T) {
	for _, want := range []Params{ // the design's table
		{N: 4, F: 1, Rows: 2, Cols: 3, MaxSymbol: 4096},
		{N: 10, F: 3, Rows: 4, Cols: 7, MaxSymbol: 4096},
		{N: 100, F: 33, Rows: 34, Cols: 67, MaxSymbol: 4096},
		{N: 1000, F: 333, Rows: 334, Cols: 667, MaxSymbol: 256},
		{N: 2048, F: 682, Rows: 684, Cols: 1366, MaxSymbol: 64},
	} {
		got, err := NewParams(want.N)
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	for _, n := range []int{-1, 0, 3, 2049} {
		if _, err := NewParams(n); err == nil {
			t.Errorf("n = %d is accepted", n)
		}
	}
}

func TestPlan(t *testing.T) {
	p, _ := NewParams(10) // 28 symbols, a full stripe is 114688
	for _, c := range []struct {
		size uint64
		want []int
	}{
		{0, []int{2}},
		{1, []int{2}},
		{56, []int{2}},
		{57, []int{4}},
		{28 * 3, []int{4}},
		{114688 - 57, []int{4094}},
		{114688 - 56, []int{4094}},
		{114688 - 55, []int{4096}},
		{114688, []int{4096}},
		{114689, []int{4096, 2}},
		{2*114688 + 5000, []int{4096, 4096, 180}},
	} {
		got, err := p.Plan(c.size)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d bytes: %v, %v, want %v", c.size, got, err, c.want)
		}
	}
	if plan, err := p.Plan(maxStripes * 114688); err != nil || len(plan) != maxStripes {
		t.Error("the most stripes are refused")
	}
	for _, size := range []uint64{maxStripes*114688 + 1, 1<<64 - 1} {
		if _, err := p.Plan(size); err == nil {
			t.Errorf("%d bytes are accepted", size)
		}
	}
}

// Every row and column of the grid is a codeword, and the slivers are its parts.
func TestGrid(t *testing.T) {
	for _, n := range []int{4, 5, 6, 7, 10, 13} {
		blob := formula(3000)
		g, err := Expand(blob, n)
		if err != nil {
			t.Fatal(err)
		}
		var back []byte
		for c, s := range g.Stripes {
			for i := range n {
				row := g.line(Primary, i, c)
				if !slices.EqualFunc(EncodeSymbols(row[:g.Cols], n), row, bytes.Equal) {
					t.Fatalf("n = %d: row %d is no codeword", n, i)
				}
				column := g.line(Secondary, i, c)
				if !slices.EqualFunc(EncodeSymbols(column[:g.Rows], n), column, bytes.Equal) {
					t.Fatalf("n = %d: column %d is no codeword", n, i)
				}
				for j := range n {
					if len(s.Symbols[i][j]) != s.SymbolSize ||
						!bytes.Equal(g.Symbol(Primary, i, c, j), g.Symbol(Secondary, j, c, i)) {
						t.Fatalf("n = %d: symbol (%d, %d)", n, i, j)
					}
				}
			}
		}
		for i := range g.Rows { // one stripe: the systematic primaries are the blob
			back = append(back, g.Sliver(Primary, i)...)
		}
		if len(g.Stripes) != 1 || !bytes.Equal(back[:len(blob)], blob) || len(bytes.Trim(back[len(blob):], "\x00")) > 0 {
			t.Fatalf("n = %d: the blob is not in the primary slivers", n)
		}
	}
}

func TestSlivers(t *testing.T) {
	g, err := Expand(formula(2*24576+100), 4)
	if err != nil {
		t.Fatal(err)
	}
	sum := 4096 + 4096 + 18
	for s := range 4 {
		p, q := g.Sliver(Primary, s), g.Sliver(Secondary, s)
		if len(p) != 3*sum || len(q) != 2*sum {
			t.Fatalf("slivers of %d and %d bytes", len(p), len(q))
		}
		if !bytes.Equal(p[3*4096:][:4096], g.Stripes[1].Symbols[s][0]) ||
			!bytes.Equal(q[2*4096+4096:][:4096], g.Stripes[1].Symbols[1][s]) {
			t.Fatalf("sliver %d is not in order", s)
		}
	}
}

func TestProofs(t *testing.T) {
	for _, c := range []struct{ n, size int }{{4, 100}, {10, 3000}, {13, 100}, {4, 24576*9 + 1}} {
		g, err := Expand(formula(c.size), c.n)
		if err != nil {
			t.Fatal(err)
		}
		for _, axis := range []Axis{Primary, Secondary} {
			for stripe := range g.Stripes {
				for x := range c.n {
					const sliver = 1
					d := Committed(g.Root(axis, sliver))
					symbol := bytes.Clone(g.Symbol(axis, sliver, stripe, x))
					proof := g.Proof(axis, sliver, stripe, x)
					verify := func() bool { return g.VerifySymbol(g.Size, d, stripe, x, symbol, proof) }
					if !verify() {
						t.Fatalf("n = %d: proof of %d in stripe %d is refused", c.n, x, stripe)
					}
					for i := range proof {
						proof[i][5] ^= 1
						if verify() {
							t.Fatal("a false proof is accepted")
						}
						proof[i][5] ^= 1
					}
					symbol[1] ^= 1
					if verify() {
						t.Fatal("a false symbol is accepted")
					}
					symbol[1] ^= 1
					for _, bad := range [][]Hash{proof[1:], proof[:len(proof)-1], append(slices.Clone(proof), Hash{}), nil} {
						if g.VerifySymbol(g.Size, d, stripe, x, symbol, bad) {
							t.Fatal("a proof of another shape is accepted")
						}
					}
					for _, y := range []int{-1, c.n, c.n + 8} {
						if g.VerifySymbol(g.Size, d, stripe, y, symbol, proof) {
							t.Fatal("a symbol that does not exist is accepted")
						}
					}
					if g.VerifySymbol(g.Size, d, len(g.Stripes), x, symbol, proof) ||
						g.VerifySymbol(g.Size, d, -1, x, symbol, proof) ||
						g.VerifySymbol(g.Size, d, stripe, x, append(symbol, 0, 0), proof) {
						t.Fatal("a wrong stripe or symbol size is accepted")
					}
				}
			}
		}
	}
}

// The tree's shape, written out by hand for a few counts.
func TestTree(t *testing.T) {
	var l []Hash
	for i := range 73 {
		l = append(l, Leaf([]byte{byte(i), 0}))
	}
	for _, c := range []struct {
		count int
		want  Hash
	}{
		{1, l[0]},
		{2, node(l[:2])},
		{8, node(l[:8])},
		{9, node([]Hash{node(l[:8]), l[8]})},
		{10, node([]Hash{node(l[:8]), node(l[8:10])})},
		{65, node([]Hash{Tree(l[:64]), l[64]})},
		{73, node([]Hash{Tree(l[:64]), node([]Hash{node(l[64:72]), l[72]})})},
	} {
		if Tree(l[:c.count]) != c.want {
			t.Errorf("tree of %d leaves", c.count)
		}
	}
	for count := 1; count <= len(l); count++ {
		for i := range count {
			root, ok := PathRoot(l[i], i, count, Path(l[:count], i))
			if !ok || root != Tree(l[:count]) {
				t.Fatalf("path of leaf %d of %d", i, count)
			}
		}
	}
	if got := len(Path(l[:9], 8)); got != 1 { // alone in its group: no sibling there
		t.Errorf("path of leaf 8 of 9 has %d hashes", got)
	}
}
