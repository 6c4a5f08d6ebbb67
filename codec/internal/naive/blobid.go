package naive

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// BlobID returns the identity of a blob of the given size, encoded for n shards,
// with the sliver commitment c.
func BlobID(n int, size uint64, c [48]byte) [32]byte {
	text := []byte("selvage/blob/v1")
	text = binary.LittleEndian.AppendUint16(text, uint16(n))
	text = binary.LittleEndian.AppendUint64(text, size)
	text = append(text, c[:]...)
	return sha256.Sum256(text)
}

// BlobIDText returns a blob ID as it is shown to people.
func BlobIDText(id [32]byte) string {
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// Identify does everything: it returns a blob's grid, commitment and ID.
func Identify(blob []byte, n int, powers []bls12381.G1Affine) (g *Grid, commitment [48]byte, id [32]byte, err error) {
	g, err = Expand(blob, n)
	if err != nil {
		return nil, commitment, id, err
	}
	commitment, err = Commit(g.Values(), powers)
	if err != nil {
		return nil, commitment, id, err
	}
	return g, commitment, BlobID(n, g.Size, commitment), nil
}
