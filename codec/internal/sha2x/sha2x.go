package sha2x

import (
	"crypto/sha256"
	"hash"
	"sync"
)

// Size is the length of a digest in bytes.
const Size = sha256.Size

// Sum sets dst[i] to SHA-256(prefix || data[i*stride : i*stride+size]) for
// every i in [0, len(dst)). The messages may overlap (stride < size, even 0),
// dst must not overlap data. Sum does not allocate, reads nothing outside
// data and may be called concurrently.
//
// It panics if size or stride is negative or if data is too short for
// len(dst) messages: that is a mistake of the caller, not of the input.
func Sum(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	check(len(dst), len(data), size, stride)
	if len(dst) == 0 {
		return
	}
	sum(dst, prefix, data, size, stride)
}

// Implementation says which implementation Sum uses on this machine:
// "sha-ni x3" or "crypto/sha256".
func Implementation() string { return implementation() }

// check panics unless n messages of size bytes, stride apart, lie within
// length bytes. It is written so that no product can overflow.
func check(n, length, size, stride int) {
	switch {
	case size < 0:
		panic("sha2x: negative size")
	case stride < 0:
		panic("sha2x: negative stride")
	case n == 0:
		return
	case size > length:
		panic("sha2x: data shorter than one message")
	case stride > 0 && n-1 > (length-size)/stride:
		panic("sha2x: data too short for the messages")
	}
}

// generic is the implementation on top of crypto/sha256. It hands every
// message over in one piece, copied behind its prefix, which for short
// messages is much cheaper than the streaming interface.
func generic(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	switch {
	case size < len(shortBuffer{}):
		var buf shortBuffer
		genericCopy(dst, prefix, data, size, stride, buf[:])
	case size < len(longBuffer{}):
		var buf longBuffer
		genericCopy(dst, prefix, data, size, stride, buf[:])
	default:
		genericStream(dst, prefix, data, size, stride)
	}
}

type (
	shortBuffer [320]byte
	longBuffer  [4160]byte
)

func genericCopy(dst [][Size]byte, prefix byte, data []byte, size, stride int, buf []byte) {
	msg := buf[:size+1]
	msg[0] = prefix
	for i := range dst {
		copy(msg[1:], data[i*stride:i*stride+size])
		dst[i] = sha256.Sum256(msg)
	}
}

// stream is the state for messages too long for a buffer on the stack.
type stream struct {
	h      hash.Hash
	prefix [1]byte
	out    [Size]byte
}

var streams = sync.Pool{New: func() any { return &stream{h: sha256.New()} }}

func genericStream(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	s := streams.Get().(*stream)
	s.prefix[0] = prefix
	for i := range dst {
		s.h.Reset()
		s.h.Write(s.prefix[:])
		s.h.Write(data[i*stride : i*stride+size])
		s.h.Sum(s.out[:0])
		dst[i] = s.out
	}
	streams.Put(s)
}
