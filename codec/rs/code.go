package rs

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"github.com/klauspost/reedsolomon"
)

// MaxSymbols is the greatest n that the package accepts.
const MaxSymbols = 4096

// BlockSize is the size in bytes of a block of 32 field elements. Vectors are whole blocks.
const BlockSize = 64

// Errors of the package; what is returned wraps one of them.
var (
	ErrParams = errors.New("rs: bad code parameters")
	ErrShape  = errors.New("rs: wrong number or size of vectors")
	ErrIndex  = errors.New("rs: symbol index out of range or given twice")
)

// Code is the systematic code from k to n symbols.
type Code struct {
	k, n    int
	parity  int // m: parity symbols sit at the points 0 … n−k−1, source symbols at m … m+k−1
	domain  int // N: the power of two that the points are part of; points m+k … N−1 are zeros of every codeword
	leopard reedsolomon.Encoder

	source func() *basis // the interpolation basis of symbols 0 … k−1
}

var codes sync.Map // [2]int{k, n} → *Code

// New returns the code from k to n symbols, 1 ≤ k < n ≤ [MaxSymbols]. Codes are made once per process.
func New(k, n int) (*Code, error) {
	if k < 1 || n <= k || n > MaxSymbols {
		return nil, fmt.Errorf("%w: k = %d, n = %d", ErrParams, k, n)
	}
	key := [2]int{k, n}
	if c, ok := codes.Load(key); ok {
		return c.(*Code), nil
	}
	enc, err := reedsolomon.New(k, n-k, reedsolomon.WithLeopardGF16(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrParams, err)
	}
	c := &Code{k: k, n: n, parity: ceilPow2(n - k), leopard: enc}
	c.domain = ceilPow2(c.parity + k)
	c.source = sync.OnceValue(func() *basis {
		have := make([]int, k)
		for i := range have {
			have[i] = i
		}
		return newBasis(c, have)
	})
	actual, _ := codes.LoadOrStore(key, c)
	return actual.(*Code), nil
}

func ceilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }

// K is the number of source symbols.
func (c *Code) K() int { return c.k }

// N is the number of all symbols.
func (c *Code) N() int { return c.n }

// Encode computes the vectors k … n−1 from the vectors 0 … k−1. All n vectors must have the same length, a
// multiple of [BlockSize]; source vectors are only read.
func (c *Code) Encode(vectors [][]byte) error {
	if err := checkVectors(vectors, c.n); err != nil {
		return err
	}
	if len(vectors[0]) == 0 {
		return nil
	}
	return c.leopard.Encode(vectors)
}

// Extend computes the symbols k … n−1 of one row or column from its symbols 0 … k−1, for any even symbol
// size. All n slices must have the same length.
func (c *Code) Extend(symbols [][]byte) error {
	if len(symbols) != c.n {
		return fmt.Errorf("%w: %d symbols, want %d", ErrShape, len(symbols), c.n)
	}
	p, err := NewPacking(len(symbols[0]))
	if err != nil {
		return err
	}
	vectors, err := packEach(p, symbols)
	if err != nil {
		return err
	}
	if err := c.Encode(vectors); err != nil {
		return err
	}
	if !p.Direct() {
		for i := c.k; i < c.n; i++ {
			p.Unpack(symbols[i], vectors[i], 1, 0)
		}
	}
	return nil
}

// packEach packs every symbol into a vector of its own; symbols of whole blocks are their own vectors.
func packEach(p Packing, symbols [][]byte) ([][]byte, error) {
	for i, s := range symbols {
		if len(s) != p.size {
			return nil, fmt.Errorf("%w: symbol %d has %d bytes, symbol 0 has %d", ErrShape, i, len(s), p.size)
		}
	}
	if p.Direct() {
		return symbols, nil
	}
	size := p.PackedSize(1)
	buf := make([]byte, len(symbols)*size)
	vectors := make([][]byte, len(symbols))
	for i, s := range symbols {
		vectors[i] = buf[i*size : (i+1)*size]
		p.Pack(vectors[i], s, 1, 0)
	}
	return vectors, nil
}

// Reconstruct computes the wanted symbols of one row or column from any k of its symbols, for any even
// symbol size: symbols[i] is symbol have[i], and the result's entry i is symbol want[i]. For more than one
// row or column with the same symbols missing, make a [Plan] once.
func (c *Code) Reconstruct(have []int, symbols [][]byte, want []int) ([][]byte, error) {
	plan, err := c.Plan(have, want)
	if err != nil {
		return nil, err
	}
	if len(symbols) != c.k {
		return nil, fmt.Errorf("%w: %d symbols, want %d", ErrShape, len(symbols), c.k)
	}
	p, err := NewPacking(len(symbols[0]))
	if err != nil {
		return nil, err
	}
	in, err := packEach(p, symbols)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(want))
	for i := range out {
		out[i] = make([]byte, p.PackedSize(1))
	}
	if err := plan.Apply(in, out); err != nil {
		return nil, err
	}
	if !p.Direct() {
		for i, v := range out {
			out[i] = make([]byte, p.size)
			p.Unpack(out[i], v, 1, 0)
		}
	}
	return out, nil
}

func checkVectors(vectors [][]byte, count int) error {
	if len(vectors) != count {
		return fmt.Errorf("%w: %d vectors, want %d", ErrShape, len(vectors), count)
	}
	if count == 0 {
		return nil
	}
	size := len(vectors[0])
	if size%BlockSize != 0 {
		return fmt.Errorf("%w: vectors of %d bytes are not whole blocks of %d", ErrShape, size, BlockSize)
	}
	for i, v := range vectors {
		if len(v) != size {
			return fmt.Errorf("%w: vector %d has %d bytes, vector 0 has %d", ErrShape, i, len(v), size)
		}
	}
	return nil
}
