package sha2x

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

type sumFunc func(dst [][Size]byte, prefix byte, data []byte, size, stride int)

// implementations are those that can be tested on this machine.
var implementations = map[string]sumFunc{"generic": generic, "Sum": Sum}

func want(prefix byte, msg []byte) [Size]byte {
	return sha256.Sum256(append([]byte{prefix}, msg...))
}

func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// extent is the length of the data for n messages.
func extent(n, size, stride int) int {
	if n == 0 {
		return 0
	}
	return (n-1)*stride + size
}

// checkSum hashes n messages in data, and checks that the digests are right
// and that nothing beside them was written.
func checkSum(t testing.TB, sum sumFunc, n int, prefix byte, data []byte, size, stride int) {
	t.Helper()
	guard := [Size]byte{0xa5, 31: 0x5a}
	all := make([][Size]byte, n+4)
	for i := range all {
		all[i] = guard
	}
	before := bytes.Clone(data)
	sum(all[2:2+n:2+n], prefix, data, size, stride)
	for i, got := range all {
		w := guard
		if i >= 2 && i < 2+n {
			w = want(prefix, data[(i-2)*stride:][:size])
		}
		if got != w {
			t.Fatalf("n=%d size=%d stride=%d: digest %d is %x, want %x", n, size, stride, i-2, got, w)
		}
	}
	if !bytes.Equal(data, before) {
		t.Fatalf("n=%d size=%d stride=%d: data changed", n, size, stride)
	}
}

func TestImplementation(t *testing.T) {
	t.Log(Implementation())
	if s := Implementation(); s != "sha-ni x3" && s != "crypto/sha256" {
		t.Errorf("unknown implementation %q", s)
	}
}

func TestSum(t *testing.T) {
	sizes := []int{4095, 4096, 4097, 4158, 4159, 4160, 4161, 10000}
	for size := range 1101 {
		sizes = append(sizes, size)
	}
	data := randomBytes(1, 8*20011+10000)
	for name, sum := range implementations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range sizes {
				for _, stride := range []int{size, 0, 1, size / 2, size + 3, 4099, 20011} {
					for n := range 10 {
						if testing.Short() && n != size%10 {
							continue
						}
						checkSum(t, sum, n, byte(size+n), data[:extent(n, size, stride)], size, stride)
					}
				}
			}
		})
	}
}

// TestSumMany has more messages than any implementation takes at a time.
func TestSumMany(t *testing.T) {
	for name, sum := range implementations {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 1, 2, 6, 32, 54, 55, 62, 63, 64, 256, 4096} {
				for _, n := range []int{15, 16, 17, 31, 32, 33, 48, 63, 1000, 1001, 2500} {
					for _, stride := range []int{size, size/3 + 1} {
						checkSum(t, sum, n, 1, randomBytes(2, extent(n, size, stride)), size, stride)
					}
				}
			}
		})
	}
}

// TestSumUnaligned moves data and digests over all positions in a word of
// the vector registers.
func TestSumUnaligned(t *testing.T) {
	data := randomBytes(3, 2048)
	buf := make([]byte, 4096)
	for _, size := range []int{2, 33, 63, 64, 119, 256} {
		for off := range 64 {
			d := buf[off : off+3*size : off+3*size]
			copy(d, data)
			checkSum(t, Sum, 3, 0, d, size, size)
		}
	}
}

// TestVectors are fixed: the messages of FIPS 180-2 and others whose digests
// are widely published, with the first byte as prefix.
func TestVectors(t *testing.T) {
	for _, v := range []struct{ msg, digest string }{
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
		{"a", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
		{"\x00", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"The quick brown fox jumps over the lazy dog", "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592"},
		{string(bytes.Repeat([]byte("a"), 1e6)), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	} {
		for name, sum := range implementations {
			for n := 1; n <= 3; n++ {
				dst := make([][Size]byte, n)
				sum(dst, v.msg[0], []byte(v.msg[1:]), len(v.msg)-1, 0)
				for i := range dst {
					if got := hex.EncodeToString(dst[i][:]); got != v.digest {
						t.Errorf("%s, %.20q, digest %d of %d: %s, want %s", name, v.msg, i, n, got, v.digest)
					}
				}
			}
		}
	}
}

func TestSumPanics(t *testing.T) {
	for _, v := range []struct {
		n, length, size, stride int
		panics                  bool
	}{
		{0, 0, 0, 0, false},
		{0, 0, 100, 100, false},
		{5, 0, 0, 0, false},
		{3, 20, 0, 10, false},
		{3, 30, 10, 10, false},
		{3, 10, 10, 0, false},
		{1, 10, 10, math.MaxInt, false},
		{0, 0, -1, 0, true},
		{0, 0, 0, -1, true},
		{1, 9, 10, 0, true},
		{3, 19, 0, 10, true},
		{3, 29, 10, 10, true},
		{2, 10, 10, 1, true},
		{2, 10, 1, math.MaxInt, true},
		{3, 10, 2, math.MaxInt/2 + 1, true},
		{5, 10, 2, math.MaxInt/4 + 1, true},
		{1, 10, math.MaxInt, 0, true},
		{2, 10, math.MaxInt, math.MaxInt, true},
	} {
		func() {
			defer func() {
				if r := recover(); (r != nil) != v.panics {
					t.Errorf("%+v: %v", v, r)
				}
			}()
			Sum(make([][Size]byte, v.n), 0, make([]byte, v.length), v.size, v.stride)
		}()
	}
}

func TestSumAllocs(t *testing.T) {
	data := make([]byte, 5*5000)
	dst := make([][Size]byte, 5)
	for name, sum := range implementations {
		for _, size := range []int{0, 2, 54, 55, 62, 63, 256, 1000, 4096, 5000} {
			if size == 5000 && raceEnabled {
				continue // sync.Pool forgets on purpose
			}
			if n := testing.AllocsPerRun(100, func() { sum(dst, 0, data, size, size) }); n != 0 {
				t.Errorf("%s, size %d: %v allocations", name, size, n)
			}
		}
	}
}

func TestSumConcurrent(t *testing.T) {
	data := randomBytes(4, 8192)
	for g := range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for i := range 200 {
				size := (g + i*7) % 300
				checkSum(t, Sum, 9, byte(g), data, size, size)
			}
		})
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte("abcdefghij"), byte(0), uint16(2), uint16(2), uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, prefix byte, size, stride uint16, n uint8) {
		// Reduce the parameters to what fits.
		sz := int(size) % (len(data) + 1)
		count := int(n)
		if stride > 0 {
			count = min(count, (len(data)-sz)/int(stride)+1)
		}
		data = bytes.Clone(data)[:len(data):len(data)]
		for _, sum := range implementations {
			checkSum(t, sum, count, prefix, data, sz, int(stride))
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for _, v := range []struct{ size, stride, n int }{
		{2, 2, 4096},
		{6, 6, 4096},
		{64, 64, 4096},
		{256, 256, 1024},
		{4096, 4096, 256},
		{64, 64, 1},
		{4096, 4096, 1},
		// Columns of a matrix that is much larger than the caches.
		{2, 171 << 10, 1000},
		{64, 171 << 10, 1000},
		{256, 171 << 10, 1000},
		{4096, 171 << 10, 1000},
	} {
		data := randomBytes(5, v.n*v.stride)
		dst := make([][Size]byte, v.n)
		run := func(name string, sum sumFunc) {
			b.Run(fmt.Sprintf("size=%d/stride=%d/n=%d/%s", v.size, v.stride, v.n, name), func(b *testing.B) {
				b.SetBytes(int64(v.n * v.size))
				for col := 0; b.Loop(); col += v.size {
					if col+v.size > v.stride {
						col = 0
					}
					sum(dst, 0, data[col:], v.size, v.stride)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*v.n), "ns/msg")
			})
		}
		run("stdlib", generic)
		run("sha2x", Sum)
	}
}
