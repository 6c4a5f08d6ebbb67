package rs

import "fmt"

// Packing places symbols of one even size into vectors of whole blocks. The whole 64-byte blocks of a symbol
// stay as they are; its last r = size mod 64 bytes are r/2 low bytes and r/2 high bytes of r/2 field elements,
// and the rests of several symbols share a block.
type Packing struct {
	size     int // of a symbol
	whole    int // bytes of a symbol in whole blocks
	half     int // r/2
	perBlock int // rests in one block
}

// NewPacking returns the packing of symbols of the given size in bytes, even and positive.
func NewPacking(size int) (Packing, error) {
	if size <= 0 || size%2 != 0 {
		return Packing{}, fmt.Errorf("%w: symbols of %d bytes, want a positive even number", ErrShape, size)
	}
	p := Packing{size: size, whole: size / BlockSize * BlockSize, half: size % BlockSize / 2}
	if p.half > 0 {
		p.perBlock = BlockSize / 2 / p.half
	}
	return p, nil
}

// Direct reports whether symbols are whole blocks, so that adjacent symbols already are a vector.
func (p Packing) Direct() bool { return p.half == 0 }

// PackedSize is the length of the vector that holds count symbols.
func (p Packing) PackedSize(count int) int {
	size := count * p.whole
	if p.half > 0 {
		size += (count + p.perBlock - 1) / p.perBlock * BlockSize
	}
	return size
}

// Pack places count symbols, the i-th at src[i·stride], into dst, which must have [Packing.PackedSize] bytes.
func (p Packing) Pack(dst, src []byte, count, stride int) {
	if p.whole > 0 {
		for i := range count {
			copy(dst[i*p.whole:(i+1)*p.whole], src[i*stride:])
		}
	}
	if p.half == 0 {
		return
	}
	blocks := dst[count*p.whole : p.PackedSize(count)]
	clear(blocks)
	for i := 0; i < count; i += p.perBlock {
		block := blocks[:BlockSize]
		blocks = blocks[BlockSize:]
		for u := range min(p.perBlock, count-i) {
			rest := src[(i+u)*stride+p.whole:][:2*p.half]
			copyShort(block[u*p.half:][:p.half], rest)
			copyShort(block[BlockSize/2+u*p.half:][:p.half], rest[p.half:])
		}
	}
}

// Unpack is the inverse of [Packing.Pack]: it puts the i-th symbol to dst[i·stride].
func (p Packing) Unpack(dst, src []byte, count, stride int) {
	if p.whole > 0 {
		for i := range count {
			copy(dst[i*stride:][:p.whole], src[i*p.whole:])
		}
	}
	if p.half == 0 {
		return
	}
	blocks := src[count*p.whole : p.PackedSize(count)]
	for i := 0; i < count; i += p.perBlock {
		block := blocks[:BlockSize]
		blocks = blocks[BlockSize:]
		for u := range min(p.perBlock, count-i) {
			rest := dst[(i+u)*stride+p.whole:][:2*p.half]
			copyShort(rest[:p.half], block[u*p.half:])
			copyShort(rest[p.half:], block[BlockSize/2+u*p.half:])
		}
	}
}

// copyShort copies len(dst) bytes; a loop beats a call of memmove for the one to four bytes that most rests have.
func copyShort(dst, src []byte) {
	if len(dst) > 8 {
		copy(dst, src)
		return
	}
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = src[i]
	}
}
