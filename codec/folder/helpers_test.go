package folder

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

func mustGrid(t testing.TB, n int) codec.Grid {
	t.Helper()
	g, err := codec.NewGrid(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func randomBlob(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// encodeDir encodes a blob into a new folder and returns its path.
func encodeDir(t testing.TB, n int, blob []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "slivers")
	if _, err := Encode(context.Background(), dir, mustGrid(t, n), bytes.NewReader(blob), uint64(len(blob)), codec.Options{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustOpen(t testing.TB, dir string) *Folder {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func mustCheck(t testing.TB, f *Folder) *CheckReport {
	t.Helper()
	r, err := f.Check(context.Background(), codec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func decode(t testing.TB, f *Folder) ([]byte, error) {
	t.Helper()
	d, err := f.Decoder(codec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = d.Decode(context.Background(), &out)
	return out.Bytes(), err
}

// snapshot is the content of a folder.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func sameSnapshot(t testing.TB, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if g, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if g != content {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is too much", name)
		}
	}
}

func sliverPath(dir string, a codec.Axis, i int) string {
	return filepath.Join(dir, SliverName(codec.SliverIndex{Axis: a, Index: uint16(i)}))
}

func remove(t testing.TB, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes one byte of a file.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x20
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// onlyEntries fails unless a folder has exactly the given entries.
func onlyEntries(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if len(got) != len(want) {
		t.Fatalf("%s has %v, want %v", dir, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s has %v, want %v", dir, got, want)
		}
	}
}

// failingReader gives some bytes and then an error.
type failingReader struct {
	r   io.Reader
	err error
}

func (f *failingReader) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err == io.EOF {
		err = f.err
	}
	return n, err
}
