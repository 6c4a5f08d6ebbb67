package naive

import "crypto/sha256"

// Hash is a SHA-256 value: a leaf, a node or a root.
type Hash = [sha256.Size]byte

// arity is the most children of a node.
const arity = 8

// Leaf is the hash of a symbol.
func Leaf(symbol []byte) Hash {
	return sha256.Sum256(append([]byte{0x00}, symbol...))
}

// node is the hash of the children; a single child passes unchanged.
func node(children []Hash) Hash {
	if len(children) == 1 {
		return children[0]
	}
	text := []byte{0x01}
	for _, c := range children {
		text = append(text, c[:]...)
	}
	return sha256.Sum256(text)
}

// parents returns the next level of a tree.
func parents(level []Hash) []Hash {
	var up []Hash
	for i := 0; i < len(level); i += arity {
		up = append(up, node(level[i:min(i+arity, len(level))]))
	}
	return up
}

// Tree returns the root over the leaves, of which there must be one or more.
func Tree(leaves []Hash) Hash {
	level := leaves
	for len(level) > 1 {
		level = parents(level)
	}
	return level[0]
}

// Path returns the siblings on the way from a leaf to the root: the leaf's
// level first, within a level in ascending order, the own place left out.
func Path(leaves []Hash, index int) []Hash {
	var path []Hash
	level := leaves
	for len(level) > 1 {
		first := index / arity * arity
		for i := first; i < min(first+arity, len(level)); i++ {
			if i != index {
				path = append(path, level[i])
			}
		}
		level, index = parents(level), index/arity
	}
	return path
}

// PathRoot returns the root that a path leads to from the leaf at index in a
// tree of count leaves, and false if the path is not of exactly the right shape.
func PathRoot(leaf Hash, index, count int, path []Hash) (Hash, bool) {
	if index < 0 || index >= count {
		return Hash{}, false
	}
	hash := leaf
	for count > 1 {
		first := index / arity * arity
		members := min(arity, count-first)
		if len(path) < members-1 {
			return Hash{}, false
		}
		var children []Hash
		for i := range members {
			if first+i == index {
				children = append(children, hash)
			} else {
				children = append(children, path[0])
				path = path[1:]
			}
		}
		hash = node(children)
		index, count = index/arity, (count+arity-1)/arity
	}
	return hash, len(path) == 0
}

// Committed returns d for a sliver root: its bytes with the two top bits
// cleared, a big-endian scalar.
func Committed(root Hash) Hash {
	root[0] &= 0x3f
	return root
}
