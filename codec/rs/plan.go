package rs

import (
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/reedsolomon"
)

// Plan is the way from k given symbols of a codeword to some wanted ones. It may be applied to any number of
// vectors, concurrently.
type Plan struct {
	code       *Code
	have, want []int
	matrix     func() [][]uint16 // want × k coefficients
	scratch    sync.Pool         // *planScratch
}

// Plan prepares to compute the symbols want from the symbols have. There must be exactly k symbols to have,
// in any order, and none may be given twice or be wanted too.
func (c *Code) Plan(have, want []int) (*Plan, error) {
	if len(have) != c.k {
		return nil, fmt.Errorf("%w: %d symbols to have, want %d", ErrShape, len(have), c.k)
	}
	seen := make([]bool, c.n)
	for _, list := range [][]int{have, want} {
		for _, i := range list {
			if i < 0 || i >= c.n || seen[i] {
				return nil, fmt.Errorf("%w: %d of %d", ErrIndex, i, c.n)
			}
			seen[i] = true
		}
	}
	p := &Plan{code: c, have: slices.Clone(have), want: slices.Clone(want)}
	p.matrix = sync.OnceValue(p.makeMatrix)
	return p, nil
}

// isSource reports whether have is 0 … k−1 in order.
func (p *Plan) isSource() bool {
	for i, h := range p.have {
		if h != i {
			return false
		}
	}
	return true
}

func (p *Plan) makeMatrix() [][]uint16 {
	var b *basis
	if p.isSource() {
		b = p.code.source()
	} else {
		b = newBasis(p.code, p.have)
	}
	m := make([][]uint16, len(p.want))
	for i, w := range p.want {
		m[i] = b.coefficients(w)
	}
	return m
}

// Nanoseconds on the machine of the README. Only the speed depends on them, never a result: both ways give the same
// bytes.
const (
	leopardFixed     = 900_000 // a call of the library's decoder
	leopardButterfly = 0.044   // a byte of a vector, for each of the N·log2 N places of the transforms
	multiplyAdd      = 0.055   // a byte of a vector, multiplied and added to one of eight others
)

// useLeopard decides between the library's decoder and the matrix for vectors of the given size.
func (p *Plan) useLeopard(size int) bool {
	c := p.code
	log := 0
	for 1<<log < c.domain {
		log++
	}
	matrix := multiplyAdd * float64(size) * float64(len(p.want)*c.k)
	leopard := leopardFixed + leopardButterfly*float64(size)*float64(c.domain*log)
	return leopard < matrix
}

// Apply computes out[i], symbol want[i], from in, where in[i] is symbol have[i]. All vectors must have the
// same length, a multiple of [BlockSize], and out must not overlap in.
func (p *Plan) Apply(in, out [][]byte) error {
	if err := checkVectors(in, p.code.k); err != nil {
		return err
	}
	if err := checkVectors(out, len(p.want)); err != nil {
		return err
	}
	if len(out) == 0 {
		return nil
	}
	size := len(in[0])
	if len(out[0]) != size {
		return fmt.Errorf("%w: output of %d bytes, input of %d", ErrShape, len(out[0]), size)
	}
	if size == 0 {
		return nil
	}
	s, _ := p.scratch.Get().(*planScratch)
	if s == nil {
		s = new(planScratch)
	}
	defer p.scratch.Put(s)
	if p.useLeopard(size) {
		return p.applyLeopard(s, in, out)
	}
	p.applyMatrix(s, in, out)
	return nil
}

// planScratch is what an application of a plan needs, kept between calls.
type planScratch struct {
	shards   [][]byte
	unwanted []byte
	spare    []byte
}

// matrixChunk keeps eight outputs and an input in the first-level cache.
const matrixChunk = 2048

var field reedsolomon.LowLevel

func (p *Plan) applyMatrix(s *planScratch, in, out [][]byte) {
	m := p.matrix()
	size := len(in[0])
	for off := 0; off < size; off += matrixChunk {
		end := min(off+matrixChunk, size)
		for w := 0; w < len(out); w += 8 {
			group := out[w:min(w+8, len(out))]
			for _, o := range group {
				clear(o[off:end])
			}
			if len(group) < 4 {
				for i, o := range group {
					for j, v := range in {
						field.GF16MulSliceXor(m[w+i][j], v[off:end], o[off:end])
					}
				}
				continue
			}
			var outs [8][]byte
			for i := range outs {
				if i < len(group) {
					outs[i] = group[i][off:end]
					continue
				}
				// The kernel wants eight outputs; the ones that nobody wants get coefficient 0.
				if len(s.spare) < matrixChunk {
					s.spare = make([]byte, matrixChunk)
				}
				outs[i] = s.spare[:end-off]
			}
			for j, v := range in {
				var scalars [8]uint16
				for i := range group {
					scalars[i] = m[w+i][j]
				}
				field.GF16MulSliceXor8(&scalars, v[off:end], &outs)
			}
		}
	}
}

// applyLeopard runs the library's decoder, which reveals all missing source symbols and, if parity is wanted,
// all missing parity too. Those that nobody wants go to scratch.
func (p *Plan) applyLeopard(s *planScratch, in, out [][]byte) error {
	c := p.code
	size := len(in[0])
	if s.shards == nil {
		s.shards = make([][]byte, c.n)
	}
	shards := s.shards
	clear(shards)
	parity := false
	for i, h := range p.have {
		shards[h] = in[i]
	}
	for i, w := range p.want {
		shards[w] = out[i][:0:size]
		parity = parity || w >= c.k
	}
	end := c.k
	if parity {
		end = c.n
	}
	missing := 0
	for _, v := range shards[:end] {
		if v == nil {
			missing++
		}
	}
	if need := missing * size; len(s.unwanted) < need {
		s.unwanted = make([]byte, need)
	}
	at := 0
	for i, v := range shards[:end] {
		if v == nil {
			shards[i] = s.unwanted[at : at : at+size]
			at += size
		}
	}
	defer clear(shards)
	if parity {
		return c.leopard.Reconstruct(shards)
	}
	return c.leopard.ReconstructData(shards)
}
