package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/selvage-network/selvage/codec/kzg"
)

// Metadata is what a node keeps of a blob to open its slivers and to repair them: the blob's identity and
// the committed values of all 2n slivers. Metadata from [ParseMetadata] or [Encode] is consistent: the
// commitment is the one over the values. It must not be changed and may be used concurrently.
type Metadata struct {
	Blob
	// Values are the committed values d, primaries first: see [Grid.Position].
	Values []Committed
}

// NewMetadata computes the commitment over the 2n committed values of a blob.
func NewMetadata(l Layout, values []Committed) (*Metadata, error) {
	if len(values) != 2*l.n {
		return nil, fmt.Errorf("%w: %d committed values, want %d", ErrMetadata, len(values), 2*l.n)
	}
	c, err := kzg.Commit(scalars(values))
	if err != nil {
		return nil, fmt.Errorf("codec: commit to the slivers: %w", err)
	}
	return &Metadata{Blob: Blob{Shards: l.n, Size: l.size, Commitment: c}, Values: values}, nil
}

func scalars(values []Committed) []kzg.Scalar {
	s := make([]kzg.Scalar, len(values))
	for i, d := range values {
		s[i] = d.scalar()
	}
	return s
}

const metadataHeader = 2 + 8 + 48

// MetadataSize is the number of bytes of a blob's metadata.
func (g Grid) MetadataSize() int { return metadataHeader + 2*g.n*HashSize }

// MarshalBinary gives n u16 LE ‖ size u64 LE ‖ C ‖ 2n × 32 bytes of d.
func (m *Metadata) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, metadataHeader+len(m.Values)*HashSize)
	b = binary.LittleEndian.AppendUint16(b, uint16(m.Shards))
	b = binary.LittleEndian.AppendUint64(b, m.Size)
	b = append(b, m.Commitment[:]...)
	for i := range m.Values {
		b = append(b, m.Values[i][:]...)
	}
	return b, nil
}

// ParseMetadata reads metadata and checks it against the blob ID by recomputing the commitment and the ID,
// which costs a multi-scalar multiplication. Anything wrong gives an error that wraps [ErrMetadata].
func ParseMetadata(b []byte, id BlobID) (*Metadata, error) {
	claimed, err := ParseStoredMetadata(b, id)
	if err != nil {
		return nil, err
	}
	l, err := claimed.Layout()
	if err != nil {
		return nil, err
	}
	m, err := NewMetadata(l, claimed.Values)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if m.Commitment != claimed.Commitment {
		return nil, fmt.Errorf("%w: its values are not the ones that blob %v commits to", ErrMetadata, id)
	}
	return m, nil
}

// ParseStoredMetadata is [ParseMetadata] for metadata that was checked before it was stored, and whose storage is
// trusted: it checks the form and the blob ID, but not that the values are those under the commitment.
func ParseStoredMetadata(b []byte, id BlobID) (*Metadata, error) {
	if len(b) < metadataHeader {
		return nil, fmt.Errorf("%w: %d bytes are shorter than its header", ErrMetadata, len(b))
	}
	g, err := NewGrid(int(binary.LittleEndian.Uint16(b)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if want := g.MetadataSize(); len(b) != want {
		return nil, fmt.Errorf("%w: %d bytes for n = %d, want %d", ErrMetadata, len(b), g.n, want)
	}
	m := &Metadata{Blob: Blob{Shards: g.n, Size: binary.LittleEndian.Uint64(b[2:]), Commitment: kzg.Commitment(b[10:])}}
	if _, err := m.Layout(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if got := m.ID(); got != id {
		return nil, fmt.Errorf("%w: it is of blob %v, not of %v", ErrMetadata, got, id)
	}
	m.Values = make([]Committed, 2*g.n)
	for i := range m.Values {
		at := metadataHeader + i*HashSize
		if m.Values[i], err = ParseCommitted(b[at : at+HashSize]); err != nil {
			return nil, fmt.Errorf("%w: %v: %w", ErrMetadata, g.SliverAt(i), err)
		}
	}
	return m, nil
}

// Committed returns the committed value of a sliver; false when the grid has no such sliver.
func (m *Metadata) Committed(s SliverIndex) (Committed, bool) {
	if s.Axis > Secondary || int(s.Index) >= m.Shards || len(m.Values) != 2*m.Shards {
		return Committed{}, false
	}
	return m.Values[int(s.Axis)*m.Shards+int(s.Index)], true
}
