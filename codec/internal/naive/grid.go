package naive

import "slices"

// Axis says of which kind a sliver is.
type Axis int

// The two kinds of slivers.
const (
	Primary   Axis = iota // rows of the grid
	Secondary             // columns of the grid
)

// Grid is a blob after the expansion.
type Grid struct {
	Params
	Size    uint64 // of the blob
	Stripes []Stripe
}

// Stripe is one expanded stripe.
type Stripe struct {
	SymbolSize int
	Symbols    [][][]byte // [i][j], n × n
}

// Expand encodes a blob for n shards.
func Expand(blob []byte, n int) (*Grid, error) {
	params, err := NewParams(n)
	if err != nil {
		return nil, err
	}
	size := uint64(len(blob))
	plan, err := params.Plan(size)
	if err != nil {
		return nil, err
	}
	g := &Grid{Params: params, Size: size}
	for _, t := range plan {
		source := make([]byte, params.Rows*params.Cols*t)
		blob = blob[copy(source, blob):]
		g.Stripes = append(g.Stripes, Stripe{SymbolSize: t, Symbols: params.expandStripe(source, t)})
	}
	return g, nil
}

// expandStripe extends the source's rows to n symbols each, and then all of the
// n columns to n symbols each.
func (p Params) expandStripe(source []byte, t int) [][][]byte {
	symbols := make([][][]byte, p.N)
	for i := range symbols {
		symbols[i] = make([][]byte, p.N)
	}
	for i := range p.Rows {
		var row [][]byte
		for j := range p.Cols {
			offset := (i*p.Cols + j) * t
			row = append(row, source[offset:offset+t])
		}
		copy(symbols[i], EncodeSymbols(row, p.N))
	}
	for j := range p.N {
		var column [][]byte
		for i := range p.Rows {
			column = append(column, symbols[i][j])
		}
		for i, symbol := range EncodeSymbols(column, p.N) {
			symbols[i][j] = symbol
		}
	}
	return symbols
}

// line returns the n symbols of the expanded row or column of a sliver.
func (g *Grid) line(axis Axis, sliver, stripe int) [][]byte {
	symbols := g.Stripes[stripe].Symbols
	if axis == Primary {
		return symbols[sliver]
	}
	var column [][]byte
	for i := range g.N {
		column = append(column, symbols[i][sliver])
	}
	return column
}

// Symbol returns symbol x of a sliver in a stripe, of the n expanded ones.
func (g *Grid) Symbol(axis Axis, sliver, stripe, x int) []byte {
	return g.line(axis, sliver, stripe)[x]
}

// Sliver returns a sliver's bytes, without its stripe roots.
func (g *Grid) Sliver(axis Axis, sliver int) []byte {
	stored := g.Cols
	if axis == Secondary {
		stored = g.Rows
	}
	var data []byte
	for c := range g.Stripes {
		for _, symbol := range g.line(axis, sliver, c)[:stored] {
			data = append(data, symbol...)
		}
	}
	return data
}

// leaves returns the symbol leaves of a sliver in a stripe.
func (g *Grid) leaves(axis Axis, sliver, stripe int) []Hash {
	var leaves []Hash
	for _, symbol := range g.line(axis, sliver, stripe) {
		leaves = append(leaves, Leaf(symbol))
	}
	return leaves
}

// StripeRoots returns a sliver's stripe roots, in order.
func (g *Grid) StripeRoots(axis Axis, sliver int) []Hash {
	var roots []Hash
	for c := range g.Stripes {
		roots = append(roots, Tree(g.leaves(axis, sliver, c)))
	}
	return roots
}

// Root returns a sliver's root, all bits of it.
func (g *Grid) Root(axis Axis, sliver int) Hash {
	return Tree(g.StripeRoots(axis, sliver))
}

// Values returns the 2n committed values d, the primaries' first.
func (g *Grid) Values() []Hash {
	var values []Hash
	for _, axis := range []Axis{Primary, Secondary} {
		for s := range g.N {
			values = append(values, Committed(g.Root(axis, s)))
		}
	}
	return values
}

// Proof returns the path of symbol x of a sliver in a stripe: the siblings from
// the symbol's leaf to the stripe root, then those from there to the sliver root.
func (g *Grid) Proof(axis Axis, sliver, stripe, x int) []Hash {
	return slices.Concat(
		Path(g.leaves(axis, sliver, stripe), x),
		Path(g.StripeRoots(axis, sliver), stripe),
	)
}

// VerifySymbol reports whether a proof shows that symbol x in a stripe of a
// sliver with the committed value d is the one given, in a blob of the given
// size. The sliver's axis and index are in d only.
func (p Params) VerifySymbol(size uint64, d Hash, stripe, x int, symbol []byte, proof []Hash) bool {
	plan, err := p.Plan(size)
	if err != nil || stripe < 0 || stripe >= len(plan) || len(symbol) != plan[stripe] {
		return false
	}
	// The first part's length: that of any path of this shape.
	inner := len(Path(make([]Hash, p.N), min(max(x, 0), p.N-1)))
	if len(proof) < inner {
		return false
	}
	stripeRoot, ok := PathRoot(Leaf(symbol), x, p.N, proof[:inner])
	if !ok {
		return false
	}
	root, ok := PathRoot(stripeRoot, stripe, len(plan), proof[inner:])
	return ok && Committed(root) == d
}
