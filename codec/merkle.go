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
