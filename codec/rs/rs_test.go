package rs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

var params = [][2]int{{1, 2}, {2, 4}, {3, 4}, {4, 7}, {4, 10}, {7, 10}, {5, 13}, {34, 100}, {67, 100}, {86, 256}, {334, 1000}, {667, 1000}}

func randomWord(t testing.TB, c *Code, size int, seed uint64) [][]byte {
	t.Helper()
	r := rand.NewChaCha8([32]byte{byte(seed), byte(size)})
	word := make([][]byte, c.n)
	for i := range word {
		word[i] = make([]byte, size)
		if i < c.k {
			r.Read(word[i])
		}
	}
	if err := c.Extend(word); err != nil {
		t.Fatal(err)
	}
	return word
}

// Any k symbols give back any others, whichever of the two ways the plan takes.
func TestPlan(t *testing.T) {
	for _, p := range params {
		c, err := New(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{2, 6, 62, 64, 66, 130, 256} {
			word := randomWord(t, c, size, 1)
			r := rand.New(rand.NewPCG(uint64(c.n), uint64(size)))
			perm := r.Perm(c.n)
			have, want := perm[:c.k], perm[c.k:]
			in := make([][]byte, c.k)
			for i, h := range have {
				in[i] = word[h]
			}
			out, err := c.Reconstruct(have, in, want)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				if !bytes.Equal(out[i], word[w]) {
					t.Fatalf("k=%d n=%d size=%d: symbol %d differs", c.k, c.n, size, w)
				}
			}
		}
	}
}

func TestMatrixAndLeopardAgree(t *testing.T) {
	for _, p := range params {
		c, _ := New(p[0], p[1])
		for _, onlySource := range []bool{false, true} {
			word := randomWord(t, c, 192, 2)
			r := rand.New(rand.NewPCG(uint64(c.n), 3))
			perm := r.Perm(c.n)
			have := perm[:c.k]
			var want []int
			for _, w := range perm[c.k:] {
				if w < c.k || !onlySource && r.IntN(3) > 0 {
					want = append(want, w)
				}
			}
			if len(want) == 0 {
				continue
			}
			plan, err := c.Plan(have, want)
			if err != nil {
				t.Fatal(err)
			}
			in := make([][]byte, c.k)
			for i, h := range have {
				in[i] = word[h]
			}
			fresh := func() [][]byte {
				out := make([][]byte, len(want))
				for i := range out {
					out[i] = bytes.Repeat([]byte{0xee}, 192)
				}
				return out
			}
			a, b := fresh(), fresh()
			plan.applyMatrix(new(planScratch), in, a)
			if err := plan.applyLeopard(new(planScratch), in, b); err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				if !bytes.Equal(a[i], word[w]) || !bytes.Equal(b[i], word[w]) {
					t.Fatalf("k=%d n=%d: symbol %d: matrix %t, Leopard %t", c.k, c.n, w, bytes.Equal(a[i], word[w]), bytes.Equal(b[i], word[w]))
				}
			}
		}
	}
}

// Packing many symbols into shared blocks gives the same code as packing each alone.
func TestPackedVectorsAreTheSameCode(t *testing.T) {
	c, _ := New(7, 10)
	for _, size := range []int{2, 4, 10, 22, 30, 34, 62, 64, 70, 128, 190} {
		for _, count := range []int{1, 2, 5, 33} {
			p, err := NewPacking(size)
			if err != nil {
				t.Fatal(err)
			}
			words := make([][][]byte, count)
			vectors := make([][]byte, c.n)
			stride := size + 3
			for i := range vectors {
				vectors[i] = make([]byte, p.PackedSize(count))
			}
			for w := range words {
				words[w] = randomWord(t, c, size, uint64(w))
			}
			for i := range c.k {
				src := make([]byte, count*stride)
				for w := range words {
					copy(src[w*stride:], words[w][i])
				}
				p.Pack(vectors[i], src, count, stride)
			}
			if err := c.Encode(vectors); err != nil {
				t.Fatal(err)
			}
			for i := range c.n {
				dst := make([]byte, count*stride)
				p.Unpack(dst, vectors[i], count, stride)
				for w := range words {
					if !bytes.Equal(dst[w*stride:][:size], words[w][i]) {
						t.Fatalf("size %d count %d: word %d symbol %d differs", size, count, w, i)
					}
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, p := range [][2]int{{0, 4}, {4, 4}, {5, 4}, {-1, 2}, {1, MaxSymbols + 1}} {
		if _, err := New(p[0], p[1]); !errors.Is(err, ErrParams) {
			t.Errorf("New%v: %v", p, err)
		}
	}
	c, _ := New(3, 5)
	for name, p := range map[string][2][]int{
		"too few":         {{0, 1}, {2}},
		"twice":           {{0, 1, 1}, {2}},
		"wanted and had":  {{0, 1, 2}, {2}},
		"negative":        {{0, 1, -1}, nil},
		"beyond the code": {{0, 1, 2}, {5}},
	} {
		if _, err := c.Plan(p[0], p[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	plan, err := c.Plan([]int{0, 1, 2}, []int{4})
	if err != nil {
		t.Fatal(err)
	}
	v := func(sizes ...int) (out [][]byte) {
		for _, s := range sizes {
			out = append(out, make([]byte, s))
		}
		return
	}
	for _, bad := range [][2][][]byte{{v(64, 64), v(64)}, {v(64, 64, 128), v(64)}, {v(64, 64, 64), v(128)}, {v(32, 32, 32), v(32)}, {v(64, 64, 64), v()}} {
		if err := plan.Apply(bad[0], bad[1]); !errors.Is(err, ErrShape) {
			t.Errorf("Apply: %v", err)
		}
	}
	if err := c.Extend(v(3, 3, 3, 3, 3)); !errors.Is(err, ErrShape) {
		t.Errorf("odd symbols: %v", err)
	}
	if err := c.Extend(v(2, 2, 4, 2, 2)); !errors.Is(err, ErrShape) {
		t.Errorf("uneven symbols: %v", err)
	}
}

func FuzzReconstruct(f *testing.F) {
	f.Add(uint8(4), uint8(3), uint8(1), uint64(7), []byte("hello, selvage"))
	f.Add(uint8(1), uint8(1), uint8(33), uint64(0), []byte{})
	f.Fuzz(func(t *testing.T, k, parity, half uint8, seed uint64, data []byte) {
		c, err := New(int(k%40)+1, int(k%40)+1+int(parity%40)+1)
		if err != nil {
			t.Fatal(err)
		}
		size := 2 * (int(half) + 1)
		word := make([][]byte, c.n)
		for i := range word {
			word[i] = make([]byte, size)
			if i < c.k {
				data = data[copy(word[i], data):]
			}
		}
		if err := c.Extend(word); err != nil {
			t.Fatal(err)
		}
		perm := rand.New(rand.NewPCG(seed, 0)).Perm(c.n)
		in := make([][]byte, c.k)
		for i := range in {
			in[i] = word[perm[i]]
		}
		out, err := c.Reconstruct(perm[:c.k], in, perm[c.k:])
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range perm[c.k:] {
			if !bytes.Equal(out[i], word[w]) {
				t.Fatalf("symbol %d differs", w)
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	for _, p := range [][2]int{{7, 10}, {67, 100}, {667, 1000}, {334, 1000}} {
		for _, size := range []int{256, 4096, 65536} {
			c, _ := New(p[0], p[1])
			have := make([]int, c.k)
			var missing []int
			for i := range have {
				have[i] = i + c.n - c.k
			}
			for i := range min(c.n-c.k, c.k) {
				missing = append(missing, i)
			}
			for _, want := range [][]int{missing[:1], missing} {
				plan, err := c.Plan(have, want)
				if err != nil {
					b.Fatal(err)
				}
				in, out := make([][]byte, c.k), make([][]byte, len(want))
				for i := range in {
					in[i] = make([]byte, size)
				}
				for i := range out {
					out[i] = make([]byte, size)
				}
				for name, f := range map[string]func() error{
					"matrix":  func() error { plan.applyMatrix(new(planScratch), in, out); return nil },
					"leopard": func() error { return plan.applyLeopard(new(planScratch), in, out) },
				} {
					if name == "matrix" && len(want)*c.k*size > 1<<30 {
						continue
					}
					b.Run(fmt.Sprintf("k=%d/n=%d/size=%d/want=%d/%s", c.k, c.n, size, len(want), name), func(b *testing.B) {
						b.SetBytes(int64(c.k * size))
						for b.Loop() {
							if err := f(); err != nil {
								b.Fatal(err)
							}
						}
					})
				}
			}
		}
	}
}
