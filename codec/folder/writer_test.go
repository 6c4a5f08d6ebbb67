package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{4, 7, 10, 31} {
		g := mustGrid(t, n)
		for _, size := range []int{0, 1, 1000, g.StripeSize(), 2*g.StripeSize() + 77777, 1 << 20} {
			t.Run(fmt.Sprintf("n=%d/size=%d", n, size), func(t *testing.T) {
				blob := randomBlob(uint64(n), size)
				dir := encodeDir(t, n, blob)
				f := mustOpen(t, dir)
				if f.ID() != f.Metadata().ID() || len(f.Slivers()) != 2*n || len(f.Missing()) > 0 || len(f.Warnings()) > 0 {
					t.Fatalf("folder has %d slivers, lacks %v, warns %v", len(f.Slivers()), f.Missing(), f.Warnings())
				}
				for _, s := range f.Slivers() {
					info, err := os.Stat(filepath.Join(dir, SliverName(s)))
					if err != nil || info.Size() != f.Layout().SliverSize(s.Axis) {
						t.Fatalf("%v: %v, %v", s, info, err)
					}
				}
				if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
					t.Fatalf("bad: %v", bad)
				}
				if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
					t.Fatalf("decoded bytes differ: %v", err)
				}
				onlyEntries(t, filepath.Dir(dir), "slivers")
			})
		}
	}
}

// TestManySlivers goes beyond the descriptors that are kept open.
func TestManySlivers(t *testing.T) {
	const n = 150
	blob := randomBlob(1, 300_000)
	dir := encodeDir(t, n, blob)
	mustOpen(t, dir)
	for i := range n - mustGrid(t, n).Cols() {
		remove(t, sliverPath(dir, codec.Secondary, i))
	}
	for i := range n {
		if i%3 != 0 {
			remove(t, sliverPath(dir, codec.Primary, i))
		}
	}
	f := mustOpen(t, dir)
	if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
		t.Fatalf("decoded bytes differ: %v", err)
	}
}

// TestSmallStripes has many stripes in a small grid, so that buffers fill up in the middle of slivers.
func TestSmallStripes(t *testing.T) {
	g := mustGrid(t, 4)
	blob := randomBlob(2, 2200*g.StripeSize()/10+123)
	dir := encodeDir(t, 4, blob)
	f := mustOpen(t, dir)
	if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
		t.Fatalf("bad: %v", bad)
	}
}

// countingFile counts writes.
type countingFile struct {
	file
	writes *atomic.Int64
}

func (c countingFile) WriteAt(b []byte, at int64) (int, error) {
	c.writes.Add(1)
	return c.file.WriteAt(b, at)
}

func withOpenFile(t *testing.T, open func(path string, flag int) (file, error)) {
	t.Helper()
	old := openFile
	openFile = open
	t.Cleanup(func() { openFile = old })
}

func TestFewWrites(t *testing.T) {
	var writes atomic.Int64
	real := openFile
	withOpenFile(t, func(path string, flag int) (file, error) {
		f, err := real(path, flag)
		return countingFile{f, &writes}, err
	})
	g := mustGrid(t, 4)
	encodeDir(t, 4, randomBlob(2, 300*g.StripeSize()))
	// 8 slivers of 300 stripes, 3.6 or 2.4 MB each.
	if got := writes.Load(); got > 8*6+1 {
		t.Fatalf("%d writes for 8 slivers of 300 stripes", got)
	}
}

func TestInterruptedEncode(t *testing.T) {
	g := mustGrid(t, 4)
	size := 100 * g.StripeSize()
	blob := randomBlob(3, size)
	broken := errors.New("the cable is loose")
	cancelled, cancel := context.WithCancel(context.Background())
	cases := map[string]struct {
		ctx  context.Context
		r    io.Reader
		opts codec.Options
		want error
	}{
		"failing reader": {context.Background(), &failingReader{bytes.NewReader(blob[:size/2]), broken}, codec.Options{}, broken},
		"short reader":   {context.Background(), bytes.NewReader(blob[:size-1]), codec.Options{}, codec.ErrInput},
		"long reader":    {context.Background(), bytes.NewReader(append(blob, 0)), codec.Options{}, codec.ErrInput},
		"cancelled at the end": {cancelled, bytes.NewReader(blob), codec.Options{Progress: func(done uint64) {
			if done == uint64(size) {
				cancel()
			}
		}}, context.Canceled},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			_, err := Encode(c.ctx, filepath.Join(parent, "out"), g, c.r, uint64(size), c.opts)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			onlyEntries(t, parent)
		})
	}
}

// fullFile is a file on a full disk.
type fullFile struct {
	file
	left *atomic.Int64
}

func (f fullFile) WriteAt(b []byte, at int64) (int, error) {
	if f.left.Add(-int64(len(b))) < 0 {
		return 0, syscall.ENOSPC
	}
	return f.file.WriteAt(b, at)
}

// fullDisk makes files of this test run out of space.
func fullDisk(t *testing.T, space int64) {
	var left atomic.Int64
	left.Store(space)
	real := openFile
	withOpenFile(t, func(path string, flag int) (file, error) {
		f, err := real(path, flag)
		return fullFile{f, &left}, err
	})
}

func TestFullDisk(t *testing.T) {
	g := mustGrid(t, 10)
	blob := randomBlob(4, 40*g.StripeSize())
	for _, space := range []int64{0, 1 << 20, 17_000_000} {
		t.Run(fmt.Sprint(space), func(t *testing.T) {
			fullDisk(t, space)
			parent := t.TempDir()
			_, err := Encode(context.Background(), filepath.Join(parent, "out"), g, bytes.NewReader(blob), uint64(len(blob)), codec.Options{})
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("error %v, want %v", err, syscall.ENOSPC)
			}
			onlyEntries(t, parent)
		})
	}
}

func TestTarget(t *testing.T) {
	g := mustGrid(t, 4)
	blob := []byte("a blob")
	encode := func(dir string) error {
		_, err := Encode(context.Background(), dir, g, bytes.NewReader(blob), uint64(len(blob)), codec.Options{})
		return err
	}
	t.Run("empty folder", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := encode(dir); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, dir)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("mode %v, %v", info.Mode(), err)
		}
	})
	t.Run("link to an empty folder", func(t *testing.T) {
		dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Skip(err)
		}
		if err := encode(link + "/"); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, dir)
	})
	t.Run("not empty", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := encode(dir); !errors.Is(err, ErrExists) {
			t.Fatalf("error %v, want %v", err, ErrExists)
		}
		onlyEntries(t, dir, "x")
	})
	t.Run("a file", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := encode(path); !errors.Is(err, ErrExists) {
			t.Fatalf("error %v, want %v", err, ErrExists)
		}
		onlyEntries(t, dir, "x")
	})
	t.Run("no parent", func(t *testing.T) {
		if err := encode(filepath.Join(t.TempDir(), "a", "b")); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("error %v, want %v", err, os.ErrNotExist)
		}
	})
	t.Run("current folder", func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		for _, name := range []string{".", dir, "../" + filepath.Base(dir)} {
			if err := encode(name); !errors.Is(err, ErrInUse) {
				t.Fatalf("%s: error %v, want %v", name, err, ErrInUse)
			}
		}
		if err := encode(".."); !errors.Is(err, ErrExists) { // it has the current one in it
			t.Fatalf("error %v, want %v", err, ErrExists)
		}
		onlyEntries(t, dir)
		if err := encode("new"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("mount point", func(t *testing.T) {
		for dir, want := range map[string]bool{"/": true, "/proc": true, t.TempDir(): false} {
			info, err := os.Stat(dir)
			if err != nil || runtime.GOOS != "linux" {
				t.Skip("no such folder here")
			}
			if got := isMountPoint(dir, info); got != want {
				t.Fatalf("%s is a mount point: %v", dir, got)
			}
		}
	})
	t.Run("taken meanwhile", func(t *testing.T) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "out")
		l, _ := g.Layout(uint64(len(blob)))
		w, err := Create(dir, l)
		if err != nil {
			t.Fatal(err)
		}
		m, err := codec.Encode(context.Background(), g, bytes.NewReader(blob), int64(len(blob)), w, codec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(context.Background(), m); err == nil {
			t.Fatal("a taken name was replaced")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		onlyEntries(t, parent, "out")
		onlyEntries(t, dir, "x")
	})
}

func TestCommitRefuses(t *testing.T) {
	ctx := context.Background()
	g := mustGrid(t, 4)
	l, _ := g.Layout(6)
	m, err := codec.Encode(ctx, g, strings.NewReader("a blob"), 6, nil, codec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	w, err := Create(filepath.Join(parent, "out"), l)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(ctx, m); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("error %v, want %v", err, ErrIncomplete)
	}
	s := codec.SliverIndex{Axis: codec.Primary, Index: 1}
	if err := w.WriteStripe(ctx, s, 1, codec.Hash{}, nil); err == nil {
		t.Fatal("a stripe out of order was taken")
	}
	if err := w.WriteStripe(ctx, s, 0, codec.Hash{}, make([]byte, 7)); !errors.Is(err, codec.ErrLength) {
		t.Fatalf("error %v, want %v", err, codec.ErrLength)
	}
	if err := w.WriteStripe(ctx, codec.SliverIndex{Index: 4}, 0, codec.Hash{}, nil); !errors.Is(err, codec.ErrIndex) {
		t.Fatalf("error %v, want %v", err, codec.ErrIndex)
	}
	other := *m
	other.Size++
	if err := w.Commit(ctx, &other); !errors.Is(err, codec.ErrMetadata) {
		t.Fatalf("error %v, want %v", err, codec.ErrMetadata)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(ctx, m); err == nil {
		t.Fatal("committed after closing")
	}
	onlyEntries(t, parent)
}
