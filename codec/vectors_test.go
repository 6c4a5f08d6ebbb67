package codec

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// vector is a case of testdata/blob-ids.json, computed by an independent implementation of design/codec.md.
type vector struct {
	N              int    `json:"n"`
	Size           int    `json:"size"`
	Data           string `json:"data"`
	BlobID         string `json:"blob_id"`
	Commitment     string `json:"commitment"`
	PrimaryRoot0   string `json:"primary_root_0"`
	SecondaryRoot0 string `json:"secondary_root_0"`
}

func (v vector) blob() []byte {
	if s, ok := strings.CutPrefix(v.Data, "ascii: "); ok {
		return []byte(s)
	}
	return formula(v.Size)
}

// formula is the test data of the vectors: byte i is (i²·31 + i·7 + (i>>8)·13) mod 256.
func formula(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*i*31 + i*7 + (i>>8)*13)
	}
	return b
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/blob-ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no vectors")
	}
	return file.Cases
}

func mustGrid(t testing.TB, n int) Grid {
	t.Helper()
	g, err := NewGrid(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(fmt.Sprintf("n=%d/size=%d", v.N, v.Size), func(t *testing.T) {
			g := mustGrid(t, v.N)
			blob := v.blob()
			for _, size := range []int64{-1, int64(len(blob))} {
				for _, workers := range []int{1, 3} {
					for _, keep := range []bool{false, true} {
						l, err := g.Layout(uint64(len(blob)))
						if err != nil {
							t.Fatal(err)
						}
						var sink Sink
						if keep {
							sink = newMemSink(l)
						}
						m, err := Encode(context.Background(), g, bytes.NewReader(blob), size, sink, Options{Workers: workers})
						if err != nil {
							t.Fatal(err)
						}
						if got := m.Commitment.String(); got != v.Commitment {
							t.Errorf("commitment %s, want %s", got, v.Commitment)
						}
						if got := m.ID().String(); got != v.BlobID {
							t.Errorf("blob ID %s, want %s", got, v.BlobID)
						}
						for i, want := range map[int]string{0: v.PrimaryRoot0, g.n: v.SecondaryRoot0} {
							// The vectors give whole roots; metadata keeps what is committed of them.
							var root Hash
							if _, err := hex.Decode(root[:], []byte(want)); err != nil {
								t.Fatal(err)
							}
							if got := m.Values[i]; got != root.Committed() {
								t.Errorf("committed value %d: %v, want %v", i, got, root.Committed())
							}
						}
					}
				}
			}
		})
	}
}
