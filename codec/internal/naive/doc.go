// Package naive is a slow reference implementation of the codec's format,
// design/codec.md, written for plainness: Reed-Solomon by Lagrange
// interpolation, Merkle trees by the definition, the KZG commitment by an
// inverse DFT in big.Int arithmetic and one scalar multiplication per
// coefficient. It was written from the design alone, without reading the codec.
//
// It exists so that tests can compare the fast codec with it, byte by byte.
// Production code must not import it: it is slow, holds whole grids in memory
// (4.5 blobs for the slivers, 9 or more for the full grid), and the low-level
// functions panic when they are called with parameters that make no sense.
package naive
