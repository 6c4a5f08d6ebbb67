package codec

import (
	"encoding/hex"
	"fmt"
	"unsafe"

	"github.com/selvage-network/selvage/codec/internal/sha2x"
	"github.com/selvage-network/selvage/codec/kzg"
)

// HashSize is the size of a tree node in bytes.
const HashSize = 32

// Prefixes that keep leaves and nodes of the trees apart.
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
	arity      = 8
)

// Hash is a node of a Merkle tree: a leaf, a stripe root or a sliver root.
type Hash [HashSize]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Committed returns d, the form of a sliver root that the blob commits to: the root without its two top
// bits, a scalar of BLS12-381 in big-endian form.
func (h Hash) Committed() Committed {
	h[0] &= 0x3f
	return Committed(h)
}

// Committed is a sliver root's committed value d. Every comparison with a committed root is made on d. The
// two top bits of its first byte are zero; [ParseCommitted] refuses others.
type Committed [HashSize]byte

func (d Committed) String() string { return hex.EncodeToString(d[:]) }

// ParseCommitted takes 32 bytes and refuses those with a top bit set.
func ParseCommitted(b []byte) (Committed, error) {
	if len(b) != HashSize {
		return Committed{}, fmt.Errorf("%w: a committed value has %d bytes, not %d", ErrLength, HashSize, len(b))
	}
	if b[0]&0xc0 != 0 {
		return Committed{}, fmt.Errorf("%w: a committed value has 254 bits, a top bit is set", ErrMetadata)
	}
	return Committed(b), nil
}

func (d Committed) scalar() kzg.Scalar { return kzg.Scalar(d) }

// HashBytes views nodes as the bytes that they are written and read as, one after another. It shares their memory.
func HashBytes(h []Hash) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h))), len(h)*HashSize)
}

// hashArrays views nodes as plain arrays, as sha2x gives its digests.
func hashArrays(h []Hash) [][HashSize]byte {
	return unsafe.Slice((*[HashSize]byte)(unsafe.Pointer(unsafe.SliceData(h))), len(h))
}

// leafHashes sets dst[i] to the leaf of the symbol of size bytes at data[i·stride].
func leafHashes(dst []Hash, data []byte, size, stride int) {
	sha2x.Sum(hashArrays(dst), leafPrefix, data, size, stride)
}

// nodeHashes sets dst[i] to the node over the i-th run of width nodes.
func nodeHashes(dst, nodes []Hash, width int) {
	sha2x.Sum(hashArrays(dst), nodePrefix, HashBytes(nodes), width*HashSize, width*HashSize)
}

// groups is the number of nodes one level above count nodes.
func groups(count int) int { return (count + arity - 1) / arity }

// treeRoot is tree(nodes): while more than one is left, consecutive groups of 8 become one node each, and a
// group of one passes upward unchanged. It overwrites nodes and needs scratch for groups(len(nodes)) + 8.
func treeRoot(nodes, scratch []Hash) Hash {
	for len(nodes) > 1 {
		up := scratch[:groups(len(nodes))]
		treeLevel(up, nodes)
		// The level above is smaller than the nodes that it was made of: the two buffers take turns.
		nodes, scratch = up, nodes[:cap(nodes)]
	}
	return nodes[0]
}

// treeLevel hashes nodes into the level above them, up.
func treeLevel(up, nodes []Hash) {
	whole := len(nodes) / arity
	nodeHashes(up[:whole], nodes, arity)
	switch rest := nodes[whole*arity:]; len(rest) {
	case 0:
	case 1:
		up[whole] = rest[0]
	default:
		nodeHashes(up[whole:whole+1], rest, len(rest))
	}
}

// treeStack is a Merkle tree that takes its leaves one by one and keeps at most seven nodes a level, so that
// a sliver root needs no more memory for a million stripes than for one.
type treeStack struct {
	levels [][]Hash
	count  int
}

func (s *treeStack) push(h Hash) {
	s.count++
	s.pushAt(0, h)
}

func (s *treeStack) pushAt(level int, h Hash) {
	if level == len(s.levels) {
		s.levels = append(s.levels, make([]Hash, 0, arity))
	}
	l := append(s.levels[level], h)
	if len(l) == arity {
		var up [1]Hash
		nodeHashes(up[:], l, arity)
		l = l[:0]
		s.levels[level] = l
		s.pushAt(level+1, up[0])
		return
	}
	s.levels[level] = l
}

// root closes the tree. At least one leaf must have been pushed, and none may be pushed afterwards.
func (s *treeStack) root() Hash {
	for level := 0; ; level++ {
		l := s.levels[level]
		top := level == len(s.levels)-1
		switch {
		case len(l) == 1 && top:
			return l[0]
		case len(l) == 0:
		case len(l) == 1:
			s.levels[level] = l[:0]
			s.pushAt(level+1, l[0])
		default:
			var up [1]Hash
			nodeHashes(up[:], l, len(l))
			s.levels[level] = l[:0]
			s.pushAt(level+1, up[0])
		}
	}
}
