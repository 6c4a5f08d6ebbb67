package naive

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"
)

// leopard encodes with klauspost's library; the shards' size is a multiple of 64.
func leopard(t *testing.T, data [][]byte, n int) [][]byte {
	t.Helper()
	k := len(data)
	codec, err := reedsolomon.New(k, n-k, reedsolomon.WithLeopardGF16(true))
	if err != nil {
		t.Fatal(err)
	}
	shards := append([][]byte(nil), data...)
	for range n - k {
		shards = append(shards, make([]byte, len(data[0])))
	}
	if err := codec.Encode(shards); err != nil {
		t.Fatal(err)
	}
	return shards
}

func randomSymbols(r *rand.Rand, k, size int) [][]byte {
	data := make([][]byte, k)
	for i := range data {
		data[i] = make([]byte, size)
		for j := range data[i] {
			data[i][j] = byte(r.Uint32())
		}
	}
	return data
}

func testedCodes() [][2]int {
	var codes [][2]int
	for k := 1; k <= 20; k++ {
		for p := 1; p <= 20; p++ {
			codes = append(codes, [2]int{k, k + p})
		}
	}
	for n := minShards; n <= 70; n++ {
		p, _ := NewParams(n)
		codes = append(codes, [2]int{p.Rows, n}, [2]int{p.Cols, n})
	}
	return append(codes,
		[2]int{34, 100}, [2]int{67, 100}, [2]int{99, 100}, [2]int{1, 100},
		[2]int{86, 256}, [2]int{171, 256}, [2]int{127, 128}, [2]int{129, 200},
		[2]int{128, 256}, [2]int{128, 257}, [2]int{64, 65}, [2]int{64, 192},
		[2]int{200, 201}, [2]int{333, 335}, [2]int{334, 400},
	)
}

func TestEncodeIsLeopard(t *testing.T) {
	r := testRand()
	for _, c := range testedCodes() {
		checkCode(t, r, c[0], c[1], 64)
	}
	checkCode(t, r, 7, 10, 4096)
	checkCode(t, r, 334, 1000, 64)
	checkCode(t, r, 667, 1000, 64)
}

// checkCode compares with klauspost, and interpolates from random symbols.
func checkCode(t *testing.T, r *rand.Rand, k, n, size int) {
	t.Helper()
	data := randomSymbols(r, k, size)
	want := leopard(t, data, n)
	got := EncodeSymbols(data, n)
	if len(got) != n {
		t.Fatalf("%d -> %d: %d symbols", k, n, len(got))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("%d -> %d: symbol %d is not klauspost's", k, n, i)
		}
	}
	known := map[int][]byte{}
	for _, i := range r.Perm(n)[:k] {
		known[i] = want[i]
	}
	for range 2 {
		i := r.IntN(n)
		if !bytes.Equal(InterpolateSymbol(k, n, known, i), want[i]) {
			t.Fatalf("%d -> %d: symbol %d is not interpolated from others", k, n, i)
		}
	}
}

// The largest n of the design, a few parity symbols only.
func TestLargestCodeIsLeopard(t *testing.T) {
	const n = maxShards
	r := testRand()
	params, _ := NewParams(n)
	for _, k := range []int{params.Rows, params.Cols} {
		data := randomSymbols(r, k, 64)
		want := leopard(t, data, n)
		symbols := []int{k, k + 1, n - 1, k + r.IntN(n-k)}
		rows := newCode(k, n).coefficients(upTo(0, k), symbols)
		for i, got := range combineSymbols(rows, data) {
			if !bytes.Equal(got, want[symbols[i]]) {
				t.Fatalf("%d -> %d: symbol %d is not klauspost's", k, n, symbols[i])
			}
		}
	}
}

// Every choice of k symbols of a small codeword gives all the others.
func TestInterpolateAll(t *testing.T) {
	r := testRand()
	for _, c := range [][2]int{{1, 2}, {1, 5}, {2, 4}, {3, 4}, {3, 7}, {5, 7}, {4, 10}, {7, 10}} {
		k, n := c[0], c[1]
		data := make([]Element, k)
		for i := range data {
			data[i] = Element(r.Uint32())
		}
		word := Encode(data, n)
		for set := range 1 << n {
			known := map[int]Element{}
			for i := range n {
				if set>>i&1 == 1 {
					known[i] = word[i]
				}
			}
			if len(known) != k {
				continue
			}
			for i := range n {
				if got := Interpolate(k, n, known, i); got != word[i] {
					t.Fatalf("%d -> %d from %v: symbol %d is %#04x, want %#04x", k, n, known, i, got, word[i])
				}
			}
		}
	}
}

// A symbol of any even size is coded as the design says: its whole blocks as
// they are, the rest as a block of low bytes at 0, high bytes at 32 and zeros.
func TestSymbolSizes(t *testing.T) {
	const k, n = 4, 10
	for size := 2; size <= 200; size += 2 {
		data := randomSymbols(testRand(), k, size)
		whole, rest := size/64*64, size%64
		padded := make([][]byte, k)
		for i, symbol := range data {
			padded[i] = append([]byte(nil), symbol[:whole]...)
			if rest > 0 {
				block := make([]byte, 64)
				copy(block, symbol[whole:whole+rest/2])
				copy(block[32:], symbol[whole+rest/2:])
				padded[i] = append(padded[i], block...)
			}
		}
		got := EncodeSymbols(data, n)
		for i, shard := range leopard(t, padded, n) {
			want := append([]byte(nil), shard[:whole]...)
			if rest > 0 {
				want = append(want, shard[whole:whole+rest/2]...)
				want = append(want, shard[whole+32:whole+32+rest/2]...)
			}
			if !bytes.Equal(got[i], want) {
				t.Fatalf("size %d: symbol %d differs", size, i)
			}
			if !bytes.Equal(ToBytes(ToElements(want)), want) {
				t.Fatalf("size %d: ToBytes is no inverse", size)
			}
		}
	}
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no data":      func() { Encode(nil, 4) },
		"no parity":    func() { Encode(make([]Element, 4), 4) },
		"too long":     func() { Encode(make([]Element, 1<<15+1), 1<<16) },
		"too few":      func() { Interpolate(2, 4, map[int]Element{0: 1}, 1) },
		"too many":     func() { Interpolate(2, 4, map[int]Element{0: 1, 1: 1, 2: 1}, 1) },
		"no such":      func() { Interpolate(2, 4, map[int]Element{0: 1, 1: 1}, 4) },
		"odd size":     func() { ToElements(make([]byte, 3)) },
		"odd sizes":    func() { EncodeSymbols([][]byte{{1, 2}, {1, 2, 3, 4}}, 4) },
		"zero inverse": func() { Inv(0) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r == nil || !bytes.HasPrefix([]byte(fmt.Sprint(r)), []byte("naive: ")) {
					t.Errorf("panic is %v", r)
				}
			}()
			f()
		})
	}
}
