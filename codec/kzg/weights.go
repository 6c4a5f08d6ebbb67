package kzg

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

const (
	weightsTag = "selvage/kzg/batch-weights/v1"
	weightSize = 16
)

// weights returns the function that gives opening i of the batch its weight:
//
//	seed     = SHA-256(tag ‖ count ‖ for every opening: commitment ‖ size ‖ index ‖ value ‖ proof)
//	weight i = the first 16 bytes of SHA-256(seed ‖ i), big-endian
//
// with integers as u64 LE. Everything but the tag has a fixed length, so no two batches share a seed. 128 bits are as
// good as 255 here, because the curve itself gives no more security than that, and they halve the work that the
// commitments and the right-hand side of the sum take.
func weights(openings []Opening) func(i int) fr.Element {
	h := sha256.New()
	var buf [8]byte
	writeInt := func(v int) {
		binary.LittleEndian.PutUint64(buf[:], uint64(v))
		h.Write(buf[:])
	}
	h.Write([]byte(weightsTag))
	writeInt(len(openings))
	for i := range openings {
		o := &openings[i]
		h.Write(o.Commitment[:])
		writeInt(o.Size)
		writeInt(o.Index)
		h.Write(o.Value[:])
		h.Write(o.Proof[:])
	}
	var seeded [sha256.Size + 8]byte
	h.Sum(seeded[:0])
	return func(i int) fr.Element {
		binary.LittleEndian.PutUint64(seeded[sha256.Size:], uint64(i))
		digest := sha256.Sum256(seeded[:])
		var w fr.Element
		w.SetBytes(digest[:weightSize])
		return w
	}
}
