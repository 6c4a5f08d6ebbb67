package codec

import (
	"fmt"
	"math"
	"math/bits"
)

// Limits of the format.
const (
	MinShards  = 4
	MaxShards  = 2048
	MaxStripes = 1 << 20

	minSymbol = 2
	symbolCap = 4096
	stripeCap = 1 << 26 // a stripe's source is at most 64 MiB, where symbols of 64 bytes allow it
)

// Grid holds the code parameters of a network with n shards. The zero Grid is not valid; [NewGrid] makes
// one. It is a small value, safe to copy and compare.
type Grid struct {
	n, f, rows, cols, maxSymbol int
}

// NewGrid returns the parameters for n shards, [MinShards] ≤ n ≤ [MaxShards], or [ErrShards].
func NewGrid(n int) (Grid, error) {
	if n < MinShards || n > MaxShards {
		return Grid{}, fmt.Errorf("%w: n = %d, want %d to %d", ErrShards, n, MinShards, MaxShards)
	}
	g := Grid{n: n, f: (n - 1) / 3}
	g.rows = n - 2*g.f
	g.cols = n - g.f
	g.maxSymbol = min(symbolCap, max(64, stripeCap/(g.rows*g.cols)/64*64))
	return g, nil
}

// Shards is n.
func (g Grid) Shards() int { return g.n }

// Faults is f = ⌊(n−1)/3⌋, the number of shards that may be held by Byzantine nodes.
func (g Grid) Faults() int { return g.f }

// Rows is n − 2f: the number of source rows, and of primary slivers that decode a blob.
func (g Grid) Rows() int { return g.rows }

// Cols is n − f: the number of source columns, and of secondary slivers that decode a blob.
func (g Grid) Cols() int { return g.cols }

// MaxSymbolSize is the symbol size of a full stripe, in bytes.
func (g Grid) MaxSymbolSize() int { return g.maxSymbol }

// StripeSize is the number of source bytes of a full stripe.
func (g Grid) StripeSize() int { return g.rows * g.cols * g.maxSymbol }

// Needed is the number of slivers of an axis that decode a blob: [Grid.Rows] primaries or [Grid.Cols]
// secondaries. It is also the number of symbols that recover a sliver of the other axis.
func (g Grid) Needed(a Axis) int {
	if a == Primary {
		return g.rows
	}
	return g.cols
}

// Stored is the number of symbols of each stripe that a sliver of the axis stores: [Grid.Cols] in a
// primary, [Grid.Rows] in a secondary.
func (g Grid) Stored(a Axis) int { return g.Needed(a.Other()) }

// PreferDecode reports whether decoding the whole blob moves fewer bytes than recovering the given numbers
// of missing slivers one by one.
func (g Grid) PreferDecode(missingPrimaries, missingSecondaries int) bool {
	return missingPrimaries*g.cols+missingSecondaries*g.rows > g.rows*g.cols
}

// Layout is a grid together with a blob's size: it knows every length and offset of the blob's stripes and
// slivers. The zero Layout is not valid; [Grid.Layout] makes one. It is a small value, safe to copy.
type Layout struct {
	Grid
	size uint64
	full uint64 // number of full stripes
	tail int    // symbol size of the last stripe, or 0 when all stripes are full
}

// Layout cuts a blob of the given size into stripes. A blob of more than [MaxStripes] gives [ErrTooLarge].
func (g Grid) Layout(size uint64) (Layout, error) {
	if g.n == 0 {
		return Layout{}, ErrShards
	}
	stripe := uint64(g.StripeSize())
	l := Layout{Grid: g, size: size, full: size / stripe}
	if rest := size % stripe; rest > 0 || size == 0 {
		l.tail = g.tailSymbol(int(rest))
	}
	if l.full > MaxStripes || l.full == MaxStripes && l.tail > 0 {
		return Layout{}, fmt.Errorf("%w: %d bytes are more than %d stripes of %d bytes", ErrTooLarge, size, MaxStripes, stripe)
	}
	return l, nil
}

// tailSymbol is the symbol size of a last stripe with rest source bytes: ⌈rest / (rows·cols)⌉ rounded up to
// even, at least 2.
func (g Grid) tailSymbol(rest int) int {
	cells := g.rows * g.cols
	t := (rest + cells - 1) / cells
	return max(minSymbol, t+t&1)
}

// Size is the blob's size in bytes.
func (l Layout) Size() uint64 { return l.size }

// Stripes is the number of stripes, at least 1.
func (l Layout) Stripes() int {
	if l.tail > 0 {
		return int(l.full) + 1
	}
	return int(l.full)
}

// SymbolSize is the symbol size of a stripe, in bytes.
func (l Layout) SymbolSize(c StripeIndex) int {
	if uint64(c) < l.full {
		return l.maxSymbol
	}
	return l.tail
}

// SymbolBytes is Σt, the sum of the symbol sizes of all stripes.
func (l Layout) SymbolBytes() uint64 {
	return l.full*uint64(l.maxSymbol) + uint64(l.tail)
}

// StripeRange is the part of the blob that a stripe holds: its offset and its length, padding left out.
func (l Layout) StripeRange(c StripeIndex) (offset uint64, length int) {
	stripe := uint64(l.StripeSize())
	offset = uint64(c) * stripe
	return offset, int(min(stripe, l.size-offset))
}

// SourceSize is the number of source bytes of a stripe with its padding, rows·cols·t.
func (l Layout) SourceSize(c StripeIndex) int { return l.rows * l.cols * l.SymbolSize(c) }

// SliverStripeSize is the number of bytes of one stripe in a sliver of the axis.
func (l Layout) SliverStripeSize(a Axis, c StripeIndex) int { return l.Stored(a) * l.SymbolSize(c) }

// SliverStripeOffset is the offset of a stripe among the stripes of a sliver. In the stored form the
// stripe roots stand in front: add [Layout.RootsSize].
func (l Layout) SliverStripeOffset(a Axis, c StripeIndex) int64 {
	return int64(c) * int64(l.Stored(a)*l.maxSymbol)
}

// SliverDataSize is the number of bytes of all stripes of a sliver.
func (l Layout) SliverDataSize(a Axis) int64 { return int64(l.Stored(a)) * int64(l.SymbolBytes()) }

// RootsSize is the number of bytes of a sliver's stripe roots.
func (l Layout) RootsSize() int64 { return int64(l.Stripes()) * HashSize }

// SliverSize is the number of bytes of a sliver as it travels and is stored: stripe roots ‖ stripes.
func (l Layout) SliverSize(a Axis) int64 { return l.RootsSize() + l.SliverDataSize(a) }

// EncodedSize is what storage is charged for, n·(rows+cols)·Σt + maxNodes·(64·n + 512) bytes. It saturates
// at the greatest uint64, which no blob of the format reaches.
func (l Layout) EncodedSize(maxNodes uint32) uint64 {
	hi, slivers := bits.Mul64(uint64(l.n*(l.rows+l.cols)), l.SymbolBytes())
	metadata := uint64(maxNodes) * uint64(64*l.n+512)
	sum, carry := bits.Add64(slivers, metadata, 0)
	if hi > 0 || carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// StripesOf returns the stripes that hold the bytes [offset, offset+length) of the blob: first ≤ c < end.
// The range must lie inside the blob and not be empty.
func (l Layout) StripesOf(offset, length uint64) (first, end StripeIndex) {
	stripe := uint64(l.StripeSize())
	return StripeIndex(offset / stripe), StripeIndex((offset+length-1)/stripe) + 1
}
