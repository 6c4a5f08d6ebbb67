package codec

import "fmt"

// Path is the list of siblings on the way from a node of a tree to its root: leaf level first, within a
// level in ascending order with the own place left out. Its shape follows from the number of leaves and the
// place of the leaf, so it carries no lengths.
type Path []Hash

// PathLen is the number of siblings in the path of a leaf in a tree of count leaves, 0 ≤ index < count.
func PathLen(count, index int) int {
	n := 0
	for count > 1 {
		first := index / arity * arity
		n += min(arity, count-first) - 1
		count, index = groups(count), index/arity
	}
	return n
}

// merkleTree is a whole tree, level by level from the leaves to the root, for whoever makes many paths.
type merkleTree [][]Hash

// newTree builds a tree. It keeps leaves as its lowest level.
func newTree(leaves []Hash) merkleTree {
	t := merkleTree{leaves}
	for len(leaves) > 1 {
		up := make([]Hash, groups(len(leaves)))
		treeLevel(up, leaves)
		t = append(t, up)
		leaves = up
	}
	return t
}

func (t merkleTree) root() Hash { return t[len(t)-1][0] }

// appendPath appends the path of leaf index.
func (t merkleTree) appendPath(path Path, index int) Path {
	for _, nodes := range t[:len(t)-1] {
		first := index / arity * arity
		end := min(first+arity, len(nodes))
		path = append(path, nodes[first:index]...)
		path = append(path, nodes[index+1:end]...)
		index /= arity
	}
	return path
}

// foldPath hashes from a leaf up to the root of a tree of count leaves. The path must have exactly the
// length that its place demands.
func foldPath(node Hash, index, count int, path Path) (Hash, error) {
	if want := PathLen(count, index); len(path) != want {
		return Hash{}, fmt.Errorf("%w: a path of %d siblings, want %d", ErrProof, len(path), want)
	}
	for count > 1 {
		first := index / arity * arity
		width := min(arity, count-first)
		if width > 1 {
			var group [arity]Hash
			own := index - first
			copy(group[:own], path[:own])
			group[own] = node
			copy(group[own+1:width], path[own:width-1])
			path = path[width-1:]
			var up [1]Hash
			nodeHashes(up[:], group[:width], width)
			node = up[0]
		}
		count, index = groups(count), index/arity
	}
	return node, nil
}

// SliverTree is the tree over a sliver's stripe roots, for whoever sends some stripes of a sliver with the path of
// each root to the committed value. It is immutable.
type SliverTree struct {
	layout Layout
	tree   merkleTree
}

// NewSliverTree builds the tree over all stripe roots of a sliver, which nobody may change afterwards.
func NewSliverTree(l Layout, roots []Hash) (*SliverTree, error) {
	if len(roots) != l.Stripes() {
		return nil, fmt.Errorf("%w: %d stripe roots, want %d", ErrLength, len(roots), l.Stripes())
	}
	return &SliverTree{layout: l, tree: newTree(roots)}, nil
}

// Root is the sliver root.
func (t *SliverTree) Root() Hash { return t.tree.root() }

// Path returns the siblings from a stripe root to the sliver root.
func (t *SliverTree) Path(c StripeIndex) (Path, error) {
	if int64(c) >= int64(t.layout.Stripes()) {
		return nil, fmt.Errorf("%w: stripe %d of %d", ErrIndex, c, t.layout.Stripes())
	}
	return t.tree.appendPath(nil, int(c)), nil
}

// VerifyStripeRoot checks the path of a stripe root against a sliver's committed value. Where a blob has a single
// stripe, its stripe root is the sliver root, of which only d is committed: compare it by [Hash.Committed].
func VerifyStripeRoot(l Layout, value Committed, c StripeIndex, root Hash, path Path) error {
	if int64(c) >= int64(l.Stripes()) {
		return fmt.Errorf("%w: stripe %d of %d", ErrIndex, c, l.Stripes())
	}
	top, err := foldPath(root, int(c), l.Stripes(), path)
	if err != nil {
		return err
	}
	if top.Committed() != value {
		return fmt.Errorf("%w: %w", ErrProof, ErrRoots)
	}
	return nil
}
