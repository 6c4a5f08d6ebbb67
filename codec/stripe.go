package codec

import (
	"fmt"
	"sync"

	"github.com/selvage-network/selvage/codec/rs"
)

// coder holds what does not change from stripe to stripe: the grid and its two codes, and scratch memory that is
// used again from call to call.
type coder struct {
	Grid
	row *rs.Code // cols → n, along rows
	col *rs.Code // rows → n, along columns

	workers    sync.Pool // *worker
	steps      sync.Pool // *stepBuffers
	extensions sync.Map  // extension → *rs.Plan
}

var coders sync.Map // Grid → *coder

// newCoder returns the coder of a grid; there is one per process.
func newCoder(g Grid) (*coder, error) {
	if c, ok := coders.Load(g); ok {
		return c.(*coder), nil
	}
	if g.n == 0 {
		return nil, fmt.Errorf("%w: the zero Grid", ErrShards)
	}
	row, err := rs.New(g.cols, g.n)
	if err != nil {
		return nil, err
	}
	col, err := rs.New(g.rows, g.n)
	if err != nil {
		return nil, err
	}
	c, _ := coders.LoadOrStore(g, &coder{Grid: g, row: row, col: col})
	return c.(*coder), nil
}

// along is the code along slivers of the axis, which extends their stored symbols to n.
func (c *coder) along(a Axis) *rs.Code {
	if a == Primary {
		return c.row
	}
	return c.col
}

// extension names a symbol that slivers of an axis do not store.
type extension struct {
	axis   Axis
	symbol int
}

// extension returns how such a symbol is computed from the stored ones: a sum of k products, far less than
// extending the whole sliver.
func (c *coder) extension(key extension) (*rs.Plan, error) {
	if p, ok := c.extensions.Load(key); ok {
		return p.(*rs.Plan), nil
	}
	code := c.along(key.axis)
	have := make([]int, code.K())
	for i := range have {
		have[i] = i
	}
	p, err := code.Plan(have, []int{key.symbol})
	if err != nil {
		return nil, err
	}
	actual, _ := c.extensions.LoadOrStore(key, p)
	return actual.(*rs.Plan), nil
}

// stripe is one stripe while it is encoded. Its n×n symbols lie in three places:
//
//	          0 … cols−1      cols … n−1
//	0 … rows−1   left            right
//	rows … n−1   left, if kept   nowhere: hashed in a worker's scratch and forgotten
//
// The top of left is the source, laid out as in the blob. Row i of left is primary sliver i. Secondary sliver
// j is column j of left or of right, rows symbols high.
type stripe struct {
	g     Grid
	t     int    // symbol size
	keep  bool   // keep the lower part of left, which only the slivers need
	left  []byte // n×cols symbols, row by row; rows×cols when not kept
	right []byte // rows×(n−cols) symbols, row by row

	// nodes are the nodes over each row's leaves, groups(n) for each of the n rows: columns are hashed eight at a
	// time, so that a row's leaves need not be kept until the row is whole.
	nodes []Hash
	roots []Hash // stripe roots by position
}

func newStripe(g Grid, maxSymbol int, keep bool) *stripe {
	height := g.rows
	if keep {
		height = g.n
	}
	return &stripe{
		g:     g,
		keep:  keep,
		left:  make([]byte, height*g.cols*maxSymbol),
		right: make([]byte, g.rows*(g.n-g.cols)*maxSymbol),
		nodes: make([]Hash, g.n*groups(g.n)),
		roots: make([]Hash, 2*g.n),
	}
}

// source is where the stripe's part of the blob is read to, padding included.
func (s *stripe) source(t int) []byte { return s.left[:s.g.rows*s.g.cols*t] }

// segment is a run of columns that lie in the same place.
type segment struct {
	from, to     int    // columns
	top          []byte // from symbol (0, from) on
	topStride    int
	bottom       []byte // from symbol (rows, from) on
	bottomStride int
}

// segmentAt returns the columns from … to, which must lie on one side of cols. The lower part of columns that
// are not kept goes to spare.
func (s *stripe) segmentAt(from, to int, spare []byte) segment {
	g, t := s.g, s.t
	seg := segment{from: from, to: to}
	seg.top, seg.topStride = s.column(from)
	if from < g.cols && s.keep {
		seg.bottom, seg.bottomStride = s.left[(g.rows*g.cols+from)*t:], seg.topStride
		return seg
	}
	seg.bottomStride = (to - from) * t
	seg.bottom = spare[:(g.n-g.rows)*seg.bottomStride]
	return seg
}

// column is where the upper symbols of column j lie: symbol (i, j) at i·stride.
func (s *stripe) column(j int) (top []byte, stride int) {
	g, t := s.g, s.t
	if j < g.cols {
		return s.left[j*t:], g.cols * t
	}
	return s.right[(j-g.cols)*t:], (g.n - g.cols) * t
}

// primary is the stripe's part of primary sliver i. The stripe must have kept its lower part for i ≥ rows.
func (s *stripe) primary(i int) []byte {
	size := s.g.cols * s.t
	return s.left[i*size : (i+1)*size]
}

// secondary gathers the stripe's part of secondary sliver j into dst, which has rows·t bytes.
func (s *stripe) secondary(dst []byte, j int) {
	top, stride := s.column(j)
	for i := range s.g.rows {
		copy(dst[i*s.t:(i+1)*s.t], top[i*stride:])
	}
}

// Sizes in bytes, found by measurement. The library's transforms want vectors of a few KiB, so that each call does
// enough work; the symbols of a call are hashed right after it, before they leave the cache.
const (
	rowVector    = 2048 // vector of a call that extends several rows at once
	columnVector = 4096 // vector of a call that extends several columns at once
	columnTask   = 256  // least width of a task of columns
	directVector = 512  // symbols at least this long are extended in place, without packing
)

// rowsPerCall is how many rows are extended in one call.
func rowsPerCall(t int) int { return max(1, min(rowVector/t, 64)) }

// columnsPerTask is the width of a task: whole groups of the tree.
func columnsPerTask(t int) int {
	return max(1, columnTask/(arity*t)) * arity
}

// columnsPerCall is how many columns are extended in one call and hashed right after it, at most one task.
func columnsPerCall(t int) int {
	if t%rs.BlockSize != 0 {
		return columnsPerTask(t)
	}
	return max(1, min(columnVector/t, columnsPerTask(t)))
}

// worker is one core's scratch memory.
type worker struct {
	c       *coder
	vectors [][]byte
	packed  []byte // vectors of packed symbols
	stripe  []byte // one stripe of a stored sliver
	spare   []byte // lower part of columns that are not kept
	leaves  []Hash // of one column or row
	tree    []Hash
	group   []Hash // leaves of a task of columns: for each group of eight columns, row by row
	up      []Hash // one level above a group
}

func newWorker(c *coder) *worker {
	return &worker{
		c:       c,
		vectors: make([][]byte, c.n),
		leaves:  make([]Hash, c.n),
		tree:    make([]Hash, groups(c.n)+arity),
		up:      make([]Hash, c.n),
	}
}

func grow[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	return (*buf)[:n]
}

// extendRows computes columns cols … n−1 of the source rows from … to.
func (w *worker) extendRows(s *stripe, from, to int) error {
	g, t := s.g, s.t
	leftStride, rightStride := g.cols*t, (g.n-g.cols)*t
	if t%rs.BlockSize == 0 && t >= directVector {
		for i := from; i < to; i++ {
			row, parity := s.left[i*leftStride:], s.right[i*rightStride:]
			for j := range g.cols {
				w.vectors[j] = row[j*t : (j+1)*t]
			}
			for j := range g.n - g.cols {
				w.vectors[g.cols+j] = parity[j*t : (j+1)*t]
			}
			if err := w.c.row.Encode(w.vectors); err != nil {
				return err
			}
		}
		return nil
	}
	p, err := rs.NewPacking(t)
	if err != nil {
		return err
	}
	per := rowsPerCall(t)
	for i := from; i < to; i += per {
		count := min(per, to-i)
		w.packedVectors(p.PackedSize(count))
		for j := range g.cols {
			p.Pack(w.vectors[j], s.left[i*leftStride+j*t:], count, leftStride)
		}
		if err := w.c.row.Encode(w.vectors); err != nil {
			return err
		}
		for j := range g.n - g.cols {
			p.Unpack(s.right[i*rightStride+j*t:], w.vectors[g.cols+j], count, rightStride)
		}
	}
	return nil
}

// packedVectors points the worker's vectors to scratch of the given size each.
func (w *worker) packedVectors(size int) {
	buf := grow(&w.packed, len(w.vectors)*size)
	for i := range w.vectors {
		w.vectors[i] = buf[i*size : (i+1)*size]
	}
}

// extendColumns computes rows rows … n−1 of a segment's columns.
func (w *worker) extendColumns(g Grid, t int, seg segment) error {
	width := (seg.to - seg.from) * t
	if t%rs.BlockSize == 0 {
		for off := 0; off < width; off += columnVector {
			end := min(off+columnVector, width)
			for i := range g.rows {
				w.vectors[i] = seg.top[i*seg.topStride:][off:end]
			}
			for i := range g.n - g.rows {
				w.vectors[g.rows+i] = seg.bottom[i*seg.bottomStride:][off:end]
			}
			if err := w.c.col.Encode(w.vectors); err != nil {
				return err
			}
		}
		return nil
	}
	p, err := rs.NewPacking(t)
	if err != nil {
		return err
	}
	count := seg.to - seg.from
	w.packedVectors(p.PackedSize(count))
	for i := range g.rows {
		p.Pack(w.vectors[i], seg.top[i*seg.topStride:], count, t)
	}
	if err := w.c.col.Encode(w.vectors); err != nil {
		return err
	}
	for i := range g.n - g.rows {
		p.Unpack(seg.bottom[i*seg.bottomStride:], w.vectors[g.rows+i], count, t)
	}
	return nil
}

// columns extends the columns from … to (from a multiple of 8), hashes their symbols, and gives the stripe
// roots of these secondaries and the first level of nodes of all rows.
func (w *worker) columns(s *stripe, from, to int) error {
	g, t := s.g, s.t
	group := grow(&w.group, groups(to-from)*arity*g.n)
	step := columnsPerCall(t)
	for at := from; at < to; {
		end := min(at+step, to)
		if at < g.cols {
			end = min(end, g.cols)
		}
		seg := s.segmentAt(at, end, grow(&w.spare, (g.n-g.rows)*(end-at)*t))
		if err := w.extendColumns(g, t, seg); err != nil {
			return err
		}
		for j := at; j < end; j++ {
			off := (j - at) * t
			leafHashes(w.leaves[:g.rows], seg.top[off:], t, seg.topStride)
			leafHashes(w.leaves[g.rows:], seg.bottom[off:], t, seg.bottomStride)
			// Beside the column's own tree, its leaves go where they lie next to those of their row.
			base, place := (j-from)/arity*arity*g.n, (j-from)%arity
			width := min(arity, to-from-(j-from)/arity*arity)
			for i, h := range w.leaves {
				group[base+i*width+place] = h
			}
			s.roots[g.n+j] = treeRoot(w.leaves, w.tree)
		}
		at = end
	}
	perRow := groups(g.n)
	for k := range groups(to - from) {
		width := min(arity, to-from-k*arity)
		leaves := group[k*arity*g.n:][:width*g.n]
		up := leaves
		if width > 1 {
			up = w.up
			nodeHashes(up, leaves, width)
		}
		for i := range g.n {
			s.nodes[i*perRow+from/arity+k] = up[i]
		}
	}
	return nil
}

// rowTrees gives the stripe roots of the primaries from … to, once all columns are done.
func (w *worker) rowTrees(s *stripe, from, to int) {
	per := groups(s.g.n)
	for i := from; i < to; i++ {
		s.roots[i] = treeRoot(s.nodes[i*per:(i+1)*per:(i+1)*per], w.tree)
	}
}

// encode does a whole stripe.
func (w *worker) encode(s *stripe) error {
	if err := w.extendRows(s, 0, s.g.rows); err != nil {
		return err
	}
	for j := 0; j < s.g.n; j += columnsPerTask(s.t) {
		if err := w.columns(s, j, min(j+columnsPerTask(s.t), s.g.n)); err != nil {
			return err
		}
	}
	w.rowTrees(s, 0, s.g.n)
	return nil
}
