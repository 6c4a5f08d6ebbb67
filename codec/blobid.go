package codec

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/selvage-network/selvage/codec/kzg"
)

const blobIDDomain = "selvage/blob/v1"

// BlobID names a blob: SHA-256("selvage/blob/v1" ‖ n u16 LE ‖ size u64 LE ‖ C).
type BlobID [32]byte

// String is the unpadded base64url form, 43 characters.
func (id BlobID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseBlobID is the strict inverse of [BlobID.String].
func ParseBlobID(s string) (BlobID, error) {
	var id BlobID
	if len(s) != base64.RawURLEncoding.EncodedLen(len(id)) {
		return BlobID{}, fmt.Errorf("%w: a blob ID has 43 characters, %q has %d", ErrSyntax, s, len(s))
	}
	n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(s))
	if err == nil && n < len(id) {
		err = errors.New("it has line breaks") // which the decoder skips, even a strict one
	}
	if err != nil {
		return BlobID{}, fmt.Errorf("%w: %q is not a blob ID: %w", ErrSyntax, s, err)
	}
	return id, nil
}

// MarshalText implements encoding.TextMarshaler.
func (id BlobID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *BlobID) UnmarshalText(b []byte) error {
	v, err := ParseBlobID(string(b))
	if err == nil {
		*id = v
	}
	return err
}

// Blob is what identifies a blob: everything that its ID is the hash of.
type Blob struct {
	Shards     int
	Size       uint64
	Commitment kzg.Commitment
}

// ID is the blob's ID.
func (b Blob) ID() BlobID {
	buf := make([]byte, 0, len(blobIDDomain)+2+8+len(b.Commitment))
	buf = append(buf, blobIDDomain...)
	buf = binary.LittleEndian.AppendUint16(buf, uint16(b.Shards))
	buf = binary.LittleEndian.AppendUint64(buf, b.Size)
	buf = append(buf, b.Commitment[:]...)
	return sha256.Sum256(buf)
}

// Layout checks n and size, and cuts the blob into stripes.
func (b Blob) Layout() (Layout, error) {
	g, err := NewGrid(b.Shards)
	if err != nil {
		return Layout{}, err
	}
	return g.Layout(b.Size)
}
