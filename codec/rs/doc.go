// Package rs is the one-dimensional code of the grid: a systematic Reed-Solomon code over GF(2^16), k source
// symbols to n symbols of which any k give back the rest. It computes what klauspost/reedsolomon computes
// with WithLeopardGF16 (field polynomial 0x1002D, Cantor basis, high-rate form), for every n, and adds what
// that library leaves to its callers:
//
//   - symbols of any even size. Leopard works on vectors whose length is a multiple of 64 bytes, in which
//     byte p and byte p+32 of each block are one field element. [Packing] places shorter symbols as
//     design/codec.md says, and packs many of them into one block, since the code works on each element alone.
//   - [Plan], the way from k given symbols to some wanted ones, made once and applied to many vectors. The
//     library's decoder costs about 0.9 ms a call however short the vectors are (a Walsh-Hadamard transform over
//     all 65536 field elements); a plan multiplies by Lagrange coefficients instead where that is cheaper. One
//     parity symbol of a stored sliver, which a neighbour's repair asks for, then costs k multiplications.
//
// The package knows nothing of slivers and stripes. Its values are safe for concurrent use; none of its calls
// keeps a reference to a caller's buffer.
package rs
