//go:build amd64 && !purego

package sha2x

import (
	"encoding/binary"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

var accelerated = cpuid.CPU.Supports(cpuid.SHA, cpuid.SSSE3, cpuid.SSE4)

func implementation() string {
	if accelerated {
		return "sha-ni x3"
	}
	return "crypto/sha256"
}

func sum(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	switch {
	case !accelerated:
		generic(dst, prefix, data, size, stride)
	case size < directSize:
		sumShort(dst, prefix, data, size, stride)
	default:
		sumLong(dst, prefix, data, size, stride)
	}
}

const (
	blockSize = 64

	// lanes is how many messages the assembly hashes at a time.
	lanes = 3

	// directSize is the size from which the first block is full, and is read
	// straight from the data. Shorter messages are assembled in memory.
	directSize = blockSize - 1

	// singleSize is the size from which crypto/sha256 is faster for a single
	// message.
	singleSize = 512

	// shortBlocks is how many blocks sumShort assembles at a time, a multiple
	// of lanes and of 2*lanes since messages have one or two.
	shortBlocks = 6 * lanes

	// callBytes bounds the data hashed in one call of the assembly, which
	// cannot be preempted, to well below 100 µs (unless a single group is
	// longer).
	callBytes = 128 << 10

	// prefetchLines bounds how much of the next group is prefetched.
	prefetchLines = 8
)

// scratch holds what long3 needs to know of messages of one size, and the
// room for their last blocks. The offsets are known to the assembly.
type scratch struct {
	prefix [4]uint32 // the prefix as part of the first word, then zeros
	full   uint64    // number of blocks full of data, at least 1
	tails  uint64    // number of blocks with padding, 1 or 2
	rest   uint64    // bytes of data in those
	lines  uint64    // cache lines of the next group to prefetch, at least 1
	_      [16]byte
	lane   [lanes]struct {
		slack [blockSize]byte // overwritten by long3
		tail  [2 * blockSize]byte
	}
}

// The compiler rejects a negative array length, i.e. offsets other than
// those in sha2x_amd64.s.
var (
	_ [128 - unsafe.Offsetof(scratch{}.lane) - blockSize]struct{}
	_ [unsafe.Offsetof(scratch{}.lane) + blockSize - 128]struct{}
	_ [192 - unsafe.Sizeof(scratch{}.lane[0])]struct{}
	_ [unsafe.Sizeof(scratch{}.lane[0]) - 192]struct{}
)

// long3 hashes groups of three messages of size >= directSize bytes, at data,
// data+b and data+c. The groups are step bytes apart, the digests adjacent.
//
//go:noescape
func long3(dst *[Size]byte, data *byte, groups, size, b, c, step int, s *scratch)

// short3 hashes groups of three messages of n complete blocks each (with
// prefix and padding), which are adjacent in blocks.
//
//go:noescape
func short3(dst *[Size]byte, blocks *byte, groups, n int)

func sumLong(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	var s scratch
	length := uint64(size) + 1
	s.prefix[0] = uint32(prefix) << 24
	s.full = length / blockSize
	s.rest = length % blockSize
	s.tails = 1
	if s.rest+9 > blockSize {
		s.tails = 2
	}
	s.lines = min((uint64(size)+blockSize-1)/blockSize, prefetchLines)
	for i := range s.lane {
		tail := s.lane[i].tail[:s.tails*blockSize]
		tail[s.rest] = 0x80
		binary.BigEndian.PutUint64(tail[len(tail)-8:], length*8)
	}

	groups, perCall := len(dst)/lanes, max(callBytes/lanes/size, 1)
	for g := 0; g < groups; g += perCall {
		i := g * lanes
		long3(&dst[i], &data[i*stride], min(perCall, groups-g), size, stride, 2*stride, lanes*stride, &s)
	}
	switch left := len(dst) % lanes; {
	case left == 0:
	case left == 1 && size >= singleSize && size < len(longBuffer{}):
		i := len(dst) - 1
		generic(dst[i:], prefix, data[i*stride:], size, stride)
	default:
		// The lanes without a message of their own repeat the first one.
		var out [lanes][Size]byte
		i, b := len(dst)-left, 0
		if left == 2 {
			b = stride
		}
		long3(&out[0], &data[i*stride], 1, size, b, 0, 0, &s)
		copy(dst[i:], out[:])
	}
}

func sumShort(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	var buf [shortBlocks * blockSize]byte
	n := (1 + size + 1 + 8 + blockSize - 1) / blockSize // 1 or 2
	msg := n * blockSize
	for i := 0; i < min(len(buf), len(dst)*msg); i += msg {
		m := buf[i : i+msg]
		m[0] = prefix
		m[1+size] = 0x80
		binary.BigEndian.PutUint16(m[msg-2:], uint16(1+size)*8)
	}

	for i := 0; i < len(dst); {
		count := min(len(dst)-i, len(buf)/msg)
		gather(&buf[1], msg, data[i*stride:], count, size, stride)
		groups, left := count/lanes, count%lanes
		if groups > 0 {
			short3(&dst[i], &buf[0], groups, n)
		}
		i += count
		if left != 0 {
			// The other lanes hash whatever follows in buf.
			var out [lanes][Size]byte
			short3(&out[0], &buf[(count-left)*msg], 1, n)
			copy(dst[i-left:i], out[:])
		}
	}
}

// gather copies count messages of size bytes, stride apart in src, to dst,
// where they are step apart. It is a copy in a loop, without a call for
// every message; size is less than directSize.
func gather(dst *byte, step int, src []byte, count, size, stride int) {
	if size == 0 {
		return
	}
	_ = src[(count-1)*stride+size-1]
	d, s := unsafe.Pointer(dst), unsafe.Pointer(unsafe.SliceData(src))
	switch {
	case size > 32:
		moves[[16]byte](d, s, count, step, stride, size-16)
		moves[[16]byte](unsafe.Add(d, 16), unsafe.Add(s, 16), count, step, stride, size-16-32)
	case size >= 16:
		moves[[16]byte](d, s, count, step, stride, size-16)
	case size >= 8:
		moves[[8]byte](d, s, count, step, stride, size-8)
	case size >= 4:
		moves[[4]byte](d, s, count, step, stride, size-4)
	case size >= 2:
		moves[[2]byte](d, s, count, step, stride, size-2)
	default:
		moves[byte](d, s, count, step, stride, 0)
	}
}

// moves copies, count times, the T (so many bytes) at from and that at offset
// last from there, which may overlap, to the same places of to. It makes
// no pointer but to what it copies.
func moves[T any](to, from unsafe.Pointer, count, step, stride, last int) {
	for i, j := 0, 0; count > 0; count-- {
		*(*T)(unsafe.Add(to, i)) = *(*T)(unsafe.Add(from, j))
		*(*T)(unsafe.Add(to, i+last)) = *(*T)(unsafe.Add(from, j+last))
		i += step
		j += stride
	}
}
