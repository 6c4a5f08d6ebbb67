package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

// rawBlob is the blob that the header of serialised metadata claims, for metadata that was changed on purpose.
func rawBlob(b []byte) Blob {
	return Blob{Shards: int(binary.LittleEndian.Uint16(b)), Size: binary.LittleEndian.Uint64(b[2:]), Commitment: [48]byte(b[10:58])}
}

func marshal(t testing.TB, m *Metadata) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMetadataRoundTrip(t *testing.T) {
	for _, n := range []int{4, 7, 10, 31, 100, 300} {
		e := encodeBlob(t, n, randomBlob(1, 1000))
		b := marshal(t, e.meta)
		if len(b) != e.l.MetadataSize() || len(b) != 2+8+48+64*n {
			t.Fatalf("n = %d: %d bytes, MetadataSize = %d", n, len(b), e.l.MetadataSize())
		}
		if rawBlob(b) != e.meta.Blob {
			t.Fatalf("n = %d: the header is of %+v", n, rawBlob(b))
		}
		for p := range 2 * n {
			s := e.l.SliverAt(p)
			if d, ok := e.meta.Committed(s); !ok || !bytes.Equal(d[:], b[58+32*p:][:32]) {
				t.Fatalf("n = %d: the value of %v is elsewhere", n, s)
			}
		}
		for _, s := range []SliverIndex{{Primary, uint16(n)}, {Secondary, uint16(n)}, {Primary, 65535}, {2, 0}} {
			if _, ok := e.meta.Committed(s); ok {
				t.Errorf("n = %d: a value of %v", n, s)
			}
		}
		m, err := ParseMetadata(b, e.meta.ID())
		if err != nil {
			t.Fatal(err)
		}
		if m.ID() != e.meta.ID() || m.Blob != e.meta.Blob || !bytes.Equal(marshal(t, m), b) {
			t.Fatalf("n = %d: other metadata comes back", n)
		}
	}
}

func TestParseMetadataRefuses(t *testing.T) {
	e := encodeBlob(t, 10, randomBlob(2, 5000))
	good, id := marshal(t, e.meta), e.meta.ID()
	refused := func(what string, b []byte, id BlobID) {
		t.Helper()
		if m, err := ParseMetadata(b, id); m != nil || !errors.Is(err, ErrMetadata) {
			t.Errorf("%s: %v, %v", what, m, err)
		}
	}
	for i := range good {
		for _, bit := range []byte{1, 0x10, 0x80} {
			b := bytes.Clone(good)
			b[i] ^= bit
			refused("a flipped bit", b, id)
			// Not even under the ID that its header then has: the values still are those of another commitment.
			if i >= 10 && (i%64 == 0 || i < 12) {
				refused("a flipped bit under its own ID", b, rawBlob(b).ID())
			}
		}
	}
	for p := range 20 {
		for _, bits := range []byte{0x40, 0x80, 0xc0} {
			b := bytes.Clone(good)
			b[58+32*p] |= bits
			refused("a set top bit", b, id)
		}
	}
	for length := range good {
		refused("a part", good[:length], id)
	}
	refused("a byte more", append(bytes.Clone(good), 0), id)
	refused("a value more", append(bytes.Clone(good), make([]byte, 32)...), id)
	refused("nothing", nil, BlobID{})
	refused("the zero ID", good, BlobID{})
	for i := range id {
		other := id
		other[i] ^= 1
		refused("another ID", good, other)
	}
	other := encodeBlob(t, 10, randomBlob(3, 5000))
	refused("another blob's ID", good, other.meta.ID())
	refused("another blob's values", append(bytes.Clone(good[:58]), marshal(t, other.meta)[58:]...), id)
	swapped := bytes.Clone(good)
	copy(swapped[58:], good[58+32:58+64])
	copy(swapped[58+32:], good[58:58+32])
	refused("two values swapped", swapped, id)

	header := func(n uint16, size uint64) []byte {
		b := bytes.Repeat([]byte{1}, 58+64*int(n))
		copy(b, good)
		binary.LittleEndian.PutUint16(b, n)
		binary.LittleEndian.PutUint64(b[2:], size)
		return b
	}
	for _, n := range []uint16{0, 3, 4, 9, 11, 20, 2048, 2049, 65535} {
		b := header(n, 5000)
		refused("another n", b, id)
		refused("another n, its own ID", b, rawBlob(b).ID())
		short := bytes.Clone(good)
		copy(short, b[:2])
		refused("another n, the same length", short, rawBlob(short).ID())
	}
	for _, size := range []uint64{MaxStripes*114688 + 1, 1 << 63, 1<<64 - 1} {
		b := header(10, size)
		refused("a size beyond the format", b, rawBlob(b).ID())
	}
	for _, size := range []uint64{0, 4999, 5001, 114688} {
		refused("another size", header(10, size), id)
		// Under its own ID it is metadata of another blob with the same slivers' values: whoever has that ID asked for it.
		b := header(10, size)
		if m, err := ParseMetadata(b, rawBlob(b).ID()); err != nil || m.Size != size {
			t.Errorf("size %d under its own ID: %v", size, err)
		}
	}
}

func TestNewMetadataCounts(t *testing.T) {
	l, err := mustGrid(t, 5).Layout(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range []int{0, 1, 9, 11, 20} {
		if _, err := NewMetadata(l, make([]Committed, count)); !errors.Is(err, ErrMetadata) {
			t.Errorf("%d values: %v", count, err)
		}
	}
	zero, err := NewMetadata(l, make([]Committed, 10))
	if err != nil {
		t.Fatal(err)
	}
	if want := append([]byte{0xc0}, make([]byte, 47)...); !bytes.Equal(zero.Commitment[:], want) {
		t.Errorf("zeros commit to %v, not to infinity", zero.Commitment)
	}
}

func TestCommitted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		var h Hash
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		d := h.Committed()
		if d[0] != h[0]&0x3f || !bytes.Equal(d[1:], h[1:]) {
			t.Fatalf("%v is committed as %v", h, d)
		}
		if back, err := ParseCommitted(d[:]); err != nil || back != d {
			t.Fatalf("%v comes back as %v, %v", d, back, err)
		}
		for _, bits := range []byte{0x40, 0x80, 0xc0} {
			bad := d
			bad[0] |= bits
			if _, err := ParseCommitted(bad[:]); !errors.Is(err, ErrMetadata) {
				t.Fatalf("%v: %v", bad, err)
			}
		}
	}
	for _, length := range []int{0, 31, 33, 64} {
		if _, err := ParseCommitted(make([]byte, length)); !errors.Is(err, ErrLength) {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}
