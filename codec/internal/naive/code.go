package naive

import (
	"fmt"
	"slices"
	"sync"
)

// The code (k → n), with p = n-k parity symbols: let m be the smallest power of
// two ≥ p and size the smallest power of two ≥ m+k. A codeword is the values of
// a polynomial f of degree < size-m that vanishes at every point in [m+k, size).
// Its parity symbol j is f(j) and its data symbol i is f(m+i).
//
// So f = Z·g, where Z is the product of (x-z) over z in [m+k, size) and g is any
// polynomial of degree < (size-m) - (size-m-k) = k. Any k symbols of a codeword,
// each divided by Z at its point, determine g.
//
// Symbols of a codeword are numbered 0..n-1, the data first.
type code struct {
	k, n, m, size int
}

func newCode(k, n int) code {
	if k < 1 || n <= k {
		panic(fmt.Sprintf("naive: no code %d -> %d", k, n))
	}
	m := powerOfTwoAtLeast(n - k)
	size := powerOfTwoAtLeast(m + k)
	if size > 1<<16 {
		panic(fmt.Sprintf("naive: code %d -> %d is too long", k, n))
	}
	return code{k: k, n: n, m: m, size: size}
}

func powerOfTwoAtLeast(a int) int {
	m := 1
	for m < a {
		m *= 2
	}
	return m
}

// point is the evaluation point of symbol i.
func (c code) point(i int) Element {
	switch {
	case i < 0 || i >= c.n:
		panic(fmt.Sprintf("naive: no symbol %d of %d", i, c.n))
	case i < c.k:
		return Element(c.m + i)
	default:
		return Element(i - c.k)
	}
}

// vanishing is Z(x).
func (c code) vanishing(x Element) Element {
	product := Element(1)
	for z := c.m + c.k; z < c.size; z++ {
		product = Mul(product, x^Element(z))
	}
	return product
}

// coefficients returns, for each wanted symbol w, the coefficients L with
// symbol w = sum of L[i] · symbol known[i], by Lagrange's formula for g:
//
//	f(w) = Z(w) · sum_i f(x_i)/Z(x_i) · prod_{j≠i} (w-x_j)/(x_i-x_j)
func (c code) coefficients(known, want []int) [][]Element {
	if len(known) != c.k {
		panic(fmt.Sprintf("naive: %d symbols given, want %d", len(known), c.k))
	}
	xs := make([]Element, c.k)
	for i, s := range known {
		xs[i] = c.point(s)
	}
	weights := make([]Element, c.k) // 1 / (Z(x_i) · prod_{j≠i} (x_i-x_j))
	for i, x := range xs {
		denominator := c.vanishing(x)
		for j, y := range xs {
			if j != i {
				denominator = Mul(denominator, x^y)
			}
		}
		weights[i] = Inv(denominator)
	}
	result := make([][]Element, len(want))
	for r, s := range want {
		result[r] = make([]Element, c.k)
		if i := slices.Index(known, s); i >= 0 {
			result[r][i] = 1
			continue
		}
		w := c.point(s)
		numerator := c.vanishing(w) // Z(w) · prod_j (w-x_j)
		for _, x := range xs {
			numerator = Mul(numerator, w^x)
		}
		for i, x := range xs {
			result[r][i] = Mul(Mul(numerator, Inv(w^x)), weights[i])
		}
	}
	return result
}

var (
	parityMutex sync.Mutex
	parityCache = map[code][][]Element{}
)

// parity returns the coefficients of the parity symbols in the data symbols.
func (c code) parity() [][]Element {
	parityMutex.Lock()
	defer parityMutex.Unlock()
	rows, ok := parityCache[c]
	if !ok {
		rows = c.coefficients(upTo(0, c.k), upTo(c.k, c.n))
		parityCache[c] = rows
	}
	return rows
}

// upTo returns from, from+1, …, to-1.
func upTo(from, to int) []int {
	list := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// combine returns the sum of coefficients[i] · values[i].
func combine(coefficients, values []Element) Element {
	var sum Element
	for i, c := range coefficients {
		sum ^= Mul(c, values[i])
	}
	return sum
}

// Encode returns the codeword of n symbols that begins with data.
// It panics unless 1 ≤ len(data) < n and the code fits into the field.
func Encode(data []Element, n int) []Element {
	word := slices.Clone(data)
	for _, row := range newCode(len(data), n).parity() {
		word = append(word, combine(row, data))
	}
	return word
}

// Interpolate returns symbol want of the codeword of the (k → n) code that has
// the k known symbols. It panics unless exactly k are known.
func Interpolate(k, n int, known map[int]Element, want int) Element {
	indices, values := sorted(known)
	return combine(newCode(k, n).coefficients(indices, []int{want})[0], values)
}

// sorted returns the keys of a map in ascending order, and their values.
func sorted[V any](m map[int]V) (keys []int, values []V) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		values = append(values, m[k])
	}
	return keys, values
}
