package sha2x

import (
	"bytes"
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns memory of at least n bytes, a multiple of the page size,
// between two pages that cannot be accessed.
func guarded(t *testing.T, n int) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	n = (n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, n+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip("mmap:", err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for _, guard := range [][]byte{mem[:page], mem[page+n:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Skip("mprotect:", err)
		}
	}
	return mem[page : page+n : page+n]
}

// TestSumGuard has data and digests end right before, and begin right after,
// memory that cannot be accessed; access to it crashes the test.
func TestSumGuard(t *testing.T) {
	data := guarded(t, 9*5000)
	out := guarded(t, 9*Size)
	copy(data, randomBytes(6, len(data)))
	ref := bytes.Clone(data)
	sizes := []int{511, 512, 513, 1000, 4095, 4096, 4097, 4159, 4160, 5000}
	for size := range 330 {
		sizes = append(sizes, size)
	}
	for name, sum := range implementations {
		for _, size := range sizes {
			for _, stride := range []int{size, 0, size/2 + 1, size + 1} {
				for n := 1; n <= 7; n++ {
					ext := extent(n, size, stride)
					for _, off := range []int{0, len(data) - ext} {
						for _, o := range []int{0, len(out) - n*Size} {
							dst := unsafe.Slice((*[Size]byte)(unsafe.Pointer(&out[o])), n)
							clear(dst)
							sum(dst, 7, data[off:off+ext:off+ext], size, stride)
							for i := range dst {
								if dst[i] != want(7, ref[off+i*stride:][:size]) {
									t.Fatalf("%s: n=%d size=%d stride=%d off=%d: digest %d is wrong", name, n, size, stride, off, i)
								}
							}
						}
					}
				}
			}
		}
	}
	if !bytes.Equal(data, ref) {
		t.Error("data changed")
	}
}
