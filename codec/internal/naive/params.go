package naive

import "fmt"

// The bounds of the design.
const (
	minShards  = 4
	maxShards  = 2048
	maxStripes = 1 << 20
)

// Params are the numbers that follow from the number of shards.
type Params struct {
	N, F      int
	Rows      int // source symbols of a column; primary slivers needed to decode
	Cols      int // source symbols of a row; secondary slivers needed to decode
	MaxSymbol int // bytes of a symbol of a full stripe
}

// NewParams returns the parameters for n shards.
func NewParams(n int) (Params, error) {
	if n < minShards || n > maxShards {
		return Params{}, fmt.Errorf("naive: %d shards", n)
	}
	f := (n - 1) / 3
	p := Params{N: n, F: f, Rows: n - 2*f, Cols: n - f}
	p.MaxSymbol = min(4096, max(64, 64*((1<<26)/(p.Rows*p.Cols)/64)))
	return p, nil
}

// Plan returns the symbol size of each stripe of a blob of the given size.
func (p Params) Plan(size uint64) ([]int, error) {
	symbols := uint64(p.Rows * p.Cols)
	stripe := symbols * uint64(p.MaxSymbol)
	full, remaining := size/stripe, size%stripe
	count := full
	if remaining > 0 || size == 0 {
		count++
	}
	if count > maxStripes {
		return nil, fmt.Errorf("naive: %d stripes", count)
	}
	var plan []int
	for range full {
		plan = append(plan, p.MaxSymbol)
	}
	if count > full {
		e := int((remaining + symbols - 1) / symbols)
		e += e % 2
		plan = append(plan, max(2, e))
	}
	return plan, nil
}
