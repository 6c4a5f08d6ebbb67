package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// ShardIndex names one of the n fixed storage slots, 0 ≤ i < n.
type ShardIndex uint16

// PairIndex names a sliver pair, 0 ≤ p < n: primary sliver p and secondary sliver n−1−p.
type PairIndex uint16

// StripeIndex counts a blob's stripes from 0. A blob has at most [MaxStripes].
type StripeIndex uint32

// Axis is the direction of a sliver in the grid.
type Axis uint8

// The two axes. Their values are the ones that the contract uses.
const (
	Primary   Axis = 0 // rows
	Secondary Axis = 1 // columns
)

// Other returns the axis across.
func (a Axis) Other() Axis { return a ^ 1 }

func (a Axis) String() string {
	switch a {
	case Primary:
		return "primary"
	case Secondary:
		return "secondary"
	}
	return "axis(" + strconv.Itoa(int(a)) + ")"
}

// ParseAxis is the inverse of [Axis.String].
func ParseAxis(s string) (Axis, error) {
	switch s {
	case "primary":
		return Primary, nil
	case "secondary":
		return Secondary, nil
	}
	return 0, fmt.Errorf("%w: axis %q is neither \"primary\" nor \"secondary\"", ErrSyntax, s)
}

// SliverIndex names one of a blob's 2n slivers.
type SliverIndex struct {
	Axis  Axis
	Index uint16 // 0 ≤ Index < n
}

// Across is the sliver of the other axis that crosses this one at a symbol. Symbols of a sliver are asked for by it.
func (s SliverIndex) Across(symbol uint16) SliverIndex { return SliverIndex{s.Axis.Other(), symbol} }

// String gives a name such as "primary-0007", which sorts by index.
func (s SliverIndex) String() string { return fmt.Sprintf("%s-%04d", s.Axis, s.Index) }

// ParseSliverIndex is the inverse of [SliverIndex.String]. It does not know n: see [Grid.CheckSliver].
func ParseSliverIndex(name string) (SliverIndex, error) {
	axis, digits, ok := strings.Cut(name, "-")
	a, err := ParseAxis(axis)
	if !ok || err != nil || len(digits) != 4 {
		return SliverIndex{}, fmt.Errorf("%w: %q is not a sliver name such as \"primary-0007\"", ErrSyntax, name)
	}
	i, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return SliverIndex{}, fmt.Errorf("%w: %q is not a sliver name such as \"primary-0007\"", ErrSyntax, name)
	}
	return SliverIndex{Axis: a, Index: uint16(i)}, nil
}

// Compare orders slivers as their committed values are ordered: primaries first, then by index.
func (s SliverIndex) Compare(o SliverIndex) int {
	if s.Axis != o.Axis {
		return int(s.Axis) - int(o.Axis)
	}
	return int(s.Index) - int(o.Index)
}

// Position is the place of the sliver's committed value in the metadata and in the committed vector:
// primaries 0 … n−1, secondaries n … 2n−1.
func (g Grid) Position(s SliverIndex) int {
	return int(s.Axis)*g.n + int(s.Index)
}

// SliverAt is the inverse of [Grid.Position]. The position must be below 2n.
func (g Grid) SliverAt(position int) SliverIndex {
	if position < g.n {
		return SliverIndex{Primary, uint16(position)}
	}
	return SliverIndex{Secondary, uint16(position - g.n)}
}

// CheckSliver refuses slivers that the grid does not have.
func (g Grid) CheckSliver(s SliverIndex) error {
	if s.Axis > Secondary || int(s.Index) >= g.n {
		return fmt.Errorf("%w: %v with n = %d", ErrIndex, s, g.n)
	}
	return nil
}

// Pair returns the two slivers of a pair.
func (g Grid) Pair(p PairIndex) (primary, secondary SliverIndex) {
	return SliverIndex{Primary, uint16(p)}, SliverIndex{Secondary, uint16(g.n - 1 - int(p))}
}

// PairOf returns the pair that a sliver belongs to.
func (g Grid) PairOf(s SliverIndex) PairIndex {
	if s.Axis == Primary {
		return PairIndex(s.Index)
	}
	return PairIndex(g.n - 1 - int(s.Index))
}

// rotation is the blob ID, read as a big-endian integer, modulo n.
func (g Grid) rotation(id BlobID) int {
	r := 0
	for _, b := range id {
		r = (r<<8 | int(b)) % g.n
	}
	return r
}

// ShardOf returns the shard that holds a pair of the blob, (p + blobID) mod n.
func (g Grid) ShardOf(id BlobID, p PairIndex) ShardIndex {
	return ShardIndex((int(p) + g.rotation(id)) % g.n)
}

// PairHeldBy returns the pair of the blob that a shard holds.
func (g Grid) PairHeldBy(id BlobID, s ShardIndex) PairIndex {
	return PairIndex((int(s) - g.rotation(id) + g.n) % g.n)
}
