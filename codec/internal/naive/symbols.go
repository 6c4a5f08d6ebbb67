package naive

import "fmt"

// ToElements reads a symbol's field elements. Of each 64-byte block, byte p is
// the low and byte p+32 the high byte of one element. The last r = t mod 64
// bytes are r/2 low bytes and then r/2 high bytes. The length must be even.
func ToElements(symbol []byte) []Element {
	if len(symbol)%2 != 0 {
		panic(fmt.Sprintf("naive: symbol of %d bytes", len(symbol)))
	}
	var elements []Element
	for len(symbol) > 0 {
		block := symbol[:min(64, len(symbol))]
		symbol = symbol[len(block):]
		half := len(block) / 2
		for p := range half {
			elements = append(elements, Element(block[p])|Element(block[p+half])<<8)
		}
	}
	return elements
}

// ToBytes is the inverse of ToElements.
func ToBytes(elements []Element) []byte {
	var symbol []byte
	for len(elements) > 0 {
		block := elements[:min(32, len(elements))]
		elements = elements[len(block):]
		for _, e := range block {
			symbol = append(symbol, byte(e))
		}
		for _, e := range block {
			symbol = append(symbol, byte(e>>8))
		}
	}
	return symbol
}

// EncodeSymbols returns the codeword of n symbols that begins with data, whose
// symbols must have one even length.
func EncodeSymbols(data [][]byte, n int) [][]byte {
	word := append([][]byte(nil), data...)
	return append(word, combineSymbols(newCode(len(data), n).parity(), data)...)
}

// InterpolateSymbol is Interpolate for symbols of bytes.
func InterpolateSymbol(k, n int, known map[int][]byte, want int) []byte {
	indices, symbols := sorted(known)
	return combineSymbols(newCode(k, n).coefficients(indices, []int{want}), symbols)[0]
}

// combineSymbols applies combine, for each row of coefficients, to the first
// elements of the symbols, to their second elements, and so on.
func combineSymbols(rows [][]Element, symbols [][]byte) [][]byte {
	length := len(symbols[0])
	columns := make([][]Element, length/2) // columns[e][i] is element e of symbol i
	for e := range columns {
		columns[e] = make([]Element, len(symbols))
	}
	for i, symbol := range symbols {
		if len(symbol) != length {
			panic(fmt.Sprintf("naive: symbols of %d and of %d bytes", length, len(symbol)))
		}
		for e, element := range ToElements(symbol) {
			columns[e][i] = element
		}
	}
	result := make([][]byte, len(rows))
	for r, row := range rows {
		elements := make([]Element, len(columns))
		for e, column := range columns {
			elements[e] = combine(row, column)
		}
		result[r] = ToBytes(elements)
	}
	return result
}
