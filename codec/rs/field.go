package rs

import "sync"

// order is the order of the multiplicative group of GF(2^16).
const order = 1<<16 - 1

// logTables are discrete logarithms in the representation of the field that Leopard uses, where a symbol's
// evaluation point is its number and adding points is XOR.
type logTables struct {
	log [order + 1]uint16
	exp [order]uint16
}

var tables = sync.OnceValue(func() *logTables {
	for g := uint16(2); ; g++ {
		t := new(logTables)
		e, i := uint16(1), 0
		for {
			t.exp[i], t.log[e] = e, uint16(i)
			e, i = field.GF16Mul(e, g), i+1
			if e == 1 || i == order {
				break
			}
		}
		if i == order { // g generates the group
			return t
		}
	}
})

// basis holds the weights of Lagrange interpolation through k symbols of a codeword.
//
// With parity symbol j at the point j and source symbol i at m+i, a codeword is f = Z·g at those points, where
// Z is the product of (x − z) over the zeros z = m+k … N−1 of the shortened code and g has degree below k.
// Hence, for symbols s of a set S of k points and any other point x,
//
//	f(x) = Σ_s f(s) · Z(x)/Z(s) · Π_{s'≠s} (x−s')/(s−s').
type basis struct {
	code    *Code
	points  []int
	weights []uint32 // log of 1 / (Z(s)·Π_{s'≠s} (s−s'))
}

func (c *Code) point(symbol int) int {
	if symbol < c.k {
		return c.parity + symbol
	}
	return symbol - c.k
}

func newBasis(c *Code, have []int) *basis {
	b := &basis{code: c, points: make([]int, len(have)), weights: make([]uint32, len(have))}
	for i, h := range have {
		b.points[i] = c.point(h)
	}
	for i, s := range b.points {
		b.weights[i] = uint32(order-b.logProduct(s)) % order
	}
	return b
}

// logProduct is the log of Z(x)·Π_{s∈S, s≠x} (x−s).
func (b *basis) logProduct(x int) int {
	log := &tables().log
	sum := 0
	for _, s := range b.points {
		if s != x {
			sum += int(log[x^s])
		}
	}
	for z := b.code.parity + b.code.k; z < b.code.domain; z++ {
		sum += int(log[x^z])
	}
	return sum % order
}

// coefficients returns what each of the given symbols is multiplied with to give the wanted one.
func (b *basis) coefficients(want int) []uint16 {
	t := tables()
	x := b.code.point(want)
	product := b.logProduct(x)
	c := make([]uint16, len(b.points))
	for i, s := range b.points {
		c[i] = t.exp[(product+int(b.weights[i])+order-int(t.log[x^s]))%order]
	}
	return c
}
