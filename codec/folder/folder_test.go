package folder

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

func TestOpenRefuses(t *testing.T) {
	a := encodeDir(t, 4, randomBlob(1, 5000))
	b := encodeDir(t, 4, randomBlob(2, 5000))
	idA, idB := mustOpen(t, a).ID(), mustOpen(t, b).ID()
	pathA := filepath.Join(a, MetadataName(idA))
	good, err := os.ReadFile(pathA)
	if err != nil {
		t.Fatal(err)
	}

	copyFile(t, filepath.Join(b, MetadataName(idB)), filepath.Join(a, MetadataName(idB)))
	_, err = Open(a)
	var many *ManyBlobsError
	if !errors.As(err, &many) || !errors.Is(err, ErrManyBlobs) || len(many.IDs) != 2 || !strings.Contains(err.Error(), idA.String()) {
		t.Fatalf("two blobs: %v", err)
	}
	f, err := OpenBlob(a, idA)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Warnings()) != 1 {
		t.Fatalf("warnings %v", f.Warnings())
	}
	if _, err := OpenBlob(a, codec.BlobID{1}); !errors.Is(err, ErrNoMetadata) {
		t.Fatalf("unknown ID: %v", err)
	}
	remove(t, filepath.Join(a, MetadataName(idB)))

	// The metadata of one blob under the name of another, and every kind of damage.
	copyFile(t, filepath.Join(b, MetadataName(idB)), pathA)
	if _, err := Open(a); !errors.Is(err, codec.ErrMetadata) {
		t.Fatalf("foreign metadata: %v", err)
	}
	for _, content := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), 0), make([]byte, 1<<20)} {
		if err := os.WriteFile(pathA, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(a); !errors.Is(err, codec.ErrMetadata) {
			t.Fatalf("metadata of %d bytes: %v", len(content), err)
		}
	}
	for at := 0; at < len(good); at += 17 {
		if err := os.WriteFile(pathA, good, 0o644); err != nil {
			t.Fatal(err)
		}
		flip(t, pathA, int64(at))
		if _, err := Open(a); !errors.Is(err, codec.ErrMetadata) {
			t.Fatalf("metadata with a wrong byte %d: %v", at, err)
		}
	}
	remove(t, pathA)
	if _, err := Open(a); !errors.Is(err, ErrNoMetadata) {
		t.Fatalf("no metadata: %v", err)
	}
	if err := os.Mkdir(pathA, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a); !errors.Is(err, ErrNotRegular) {
		t.Fatalf("a folder as metadata: %v", err)
	}
	if _, err := Open(filepath.Join(a, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("no folder: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	dir := encodeDir(t, 4, randomBlob(1, 5000))
	for _, name := range []string{
		"primary-0004.sliver", "secondary-9999.sliver", "primary-12345.sliver", "tertiary-0001.sliver", "primary-0001.sliver.bak",
		".DS_Store", "blob-x.metadata", repairPrefix + "primary-0001-abc",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := mustOpen(t, dir)
	if len(f.Warnings()) != 8 || len(f.Slivers()) != 8 {
		t.Fatalf("warnings %v, slivers %v", f.Warnings(), f.Slivers())
	}
	if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
		t.Fatalf("bad: %v", bad)
	}
}

// TestCheckFindsEveryByte damages a sliver at many places: in its roots, at the borders of stripes and symbols.
func TestCheckFindsEveryByte(t *testing.T) {
	const n = 7
	g := mustGrid(t, n)
	dir := encodeDir(t, n, randomBlob(5, 2*g.StripeSize()+9999))
	f := mustOpen(t, dir)
	l := f.Layout()
	for _, s := range []codec.SliverIndex{{Axis: codec.Primary, Index: 0}, {Axis: codec.Primary, Index: 6}, {Axis: codec.Secondary, Index: 2}, {Axis: codec.Secondary, Index: 5}} {
		path := filepath.Join(dir, SliverName(s))
		type place struct {
			at     int64
			stripe int
			want   error
		}
		places := []place{}
		for at := int64(0); at < l.RootsSize(); at += 5 {
			places = append(places, place{at, -1, codec.ErrRoots})
		}
		for c := range codec.StripeIndex(l.Stripes()) {
			begin, size := l.RootsSize()+l.SliverStripeOffset(s.Axis, c), int64(l.SliverStripeSize(s.Axis, c))
			t := int64(l.SymbolSize(c))
			for _, off := range []int64{0, 1, t - 1, t, size / 2, size - t, size - 1} {
				places = append(places, place{begin + off, int(c), codec.ErrStripe})
			}
		}
		for _, p := range places {
			flip(t, path, p.at)
			bad := mustCheck(t, f).Bad()
			if len(bad) != 1 || bad[0].Sliver != s || bad[0].State != Corrupt || bad[0].Err.Stripe != p.stripe || !errors.Is(bad[0].Err, p.want) {
				t.Fatalf("%v with a wrong byte %d: found %v, want stripe %d: %v", s, p.at, bad, p.stripe, p.want)
			}
			flip(t, path, p.at)
		}
	}
	if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
		t.Fatalf("bad: %v", bad)
	}
}

// TestBadFiles puts all kinds of things in the place of slivers. Check names each, decoding goes round them, and
// repairing puts everything right.
func TestBadFiles(t *testing.T) {
	const n = 10
	blob := randomBlob(6, 300_000)
	dir := encodeDir(t, n, blob)
	want := snapshot(t, dir)
	foreign := encodeDir(t, n, randomBlob(7, 300_000))
	p := func(i int) string { return sliverPath(dir, codec.Primary, i) }
	s := func(i int) string { return sliverPath(dir, codec.Secondary, i) }

	cases := map[string]struct {
		damage func(t *testing.T)
		bad    []string // sliver and error
	}{
		"truncated": {func(t *testing.T) { os.Truncate(p(0), 1000) }, []string{"primary-0000 wrong length"}},
		"empty":     {func(t *testing.T) { os.Truncate(s(9), 0) }, []string{"secondary-0009 wrong length"}},
		"oversized": {func(t *testing.T) {
			if err := os.WriteFile(p(1), []byte(want["primary-0001.sliver"]+"x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"primary-0001 wrong length"}},
		"swapped": {func(t *testing.T) {
			os.Rename(p(0), p(0)+".x")
			os.Rename(p(3), p(0))
			os.Rename(p(0)+".x", p(3))
		}, []string{"primary-0000 do not match", "primary-0003 do not match"}},
		"duplicated": {func(t *testing.T) { copyFile(t, s(1), s(2)) }, []string{"secondary-0002 do not match"}},
		"of the other axis": {func(t *testing.T) { copyFile(t, s(1), p(1)) },
			[]string{"primary-0001 wrong length"}},
		"foreign": {func(t *testing.T) { copyFile(t, sliverPath(foreign, codec.Primary, 2), p(2)) }, []string{"primary-0002 do not match"}},
		"link": {func(t *testing.T) {
			remove(t, p(2))
			if err := os.Symlink(p(3), p(2)); err != nil {
				t.Skip(err)
			}
		}, []string{"primary-0002 symbolic link"}},
		"dangling link": {func(t *testing.T) {
			remove(t, p(2))
			if err := os.Symlink(p(3)+"x", p(2)); err != nil {
				t.Skip(err)
			}
		}, []string{"primary-0002 symbolic link"}},
		"missing": {func(t *testing.T) { remove(t, p(2), s(4)) }, []string{"primary-0002 missing", "secondary-0004 missing"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.damage(t)
			f := mustOpen(t, dir)
			bad := mustCheck(t, f).Bad()
			if len(bad) != len(c.bad) {
				t.Fatalf("found %v, want %v", bad, c.bad)
			}
			for i, b := range bad {
				sliver, reason, _ := strings.Cut(c.bad[i], " ")
				text := b.State.String()
				if b.State == Corrupt {
					text = b.Err.Error()
				}
				if b.Sliver.String() != sliver || !strings.Contains(text, reason) {
					t.Fatalf("found %v %s, want %s", b.Sliver, text, c.bad[i])
				}
			}
			if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
				t.Fatalf("decoded bytes differ: %v", err)
			}
			if err := f.Repair(context.Background(), nil, RepairOptions{}, nil); err != nil {
				t.Fatal(err)
			}
			sameSnapshot(t, snapshot(t, dir), want)
			if info, err := os.Lstat(p(2)); err != nil || !info.Mode().IsRegular() {
				t.Fatalf("%v, %v", info, err)
			}
		})
	}
}

func TestFolderInPlaceOfSliver(t *testing.T) {
	dir := encodeDir(t, 4, randomBlob(6, 3000))
	path := sliverPath(dir, codec.Primary, 1)
	remove(t, path, sliverPath(dir, codec.Primary, 0))
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, dir)
	err := f.Repair(context.Background(), nil, RepairOptions{}, nil)
	var left *RepairError
	if !errors.As(err, &left) || len(left.Left) != 1 || !errors.Is(err, ErrNotRegular) || errors.Is(err, codec.ErrNotEnough) {
		t.Fatalf("error %v", err)
	}
	if bad := mustCheck(t, f).Bad(); len(bad) != 1 || !errors.Is(bad[0].Err, ErrNotRegular) {
		t.Fatalf("bad: %v", bad)
	}
}

func TestSourceRefuses(t *testing.T) {
	ctx := context.Background()
	dir := encodeDir(t, 4, randomBlob(6, 3000))
	f := mustOpen(t, dir)
	if _, err := f.Source(codec.SliverIndex{Index: 4}); !errors.Is(err, codec.ErrIndex) {
		t.Fatalf("error %v", err)
	}
	src, err := f.Source(codec.SliverIndex{Index: 1})
	if err != nil {
		t.Fatal(err)
	}
	size := f.Layout().SliverStripeSize(codec.Primary, 0)
	for _, c := range []struct {
		stripe         codec.StripeIndex
		offset, length int
	}{{1, 0, 1}, {0, -1, 1}, {0, size, 1}, {0, 0, size + 1}, {0, 1 << 62, 1 << 20}} {
		err := src.ReadPart(ctx, c.stripe, c.offset, make([]byte, c.length))
		var bad *codec.SliverError
		if !errors.Is(err, codec.ErrIndex) || !errors.As(err, &bad) {
			t.Fatalf("%v: error %v", c, err)
		}
	}
	if src.BytesRead() != 0 {
		t.Fatalf("%d bytes read", src.BytesRead())
	}
	if err := src.ReadPart(ctx, 0, 2, make([]byte, 5)); err != nil || src.BytesRead() != 5 {
		t.Fatalf("%d bytes read, %v", src.BytesRead(), err)
	}
	// The file is open now and becomes shorter behind the source's back.
	if err := os.Truncate(sliverPath(dir, codec.Primary, 1), 40); err != nil {
		t.Fatal(err)
	}
	if err := src.ReadStripe(ctx, 0, make([]byte, size)); !errors.Is(err, codec.ErrLength) {
		t.Fatalf("error %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := src.StripeRoots(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if _, err := f.Check(cancelled, codec.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"primary-0007.sliver", "secondary-65535.sliver", "primary-+007.sliver", MetadataName(codec.BlobID{0xfb}), "blob-.metadata", ".repair-x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		switch n := parseName(file); n.kind {
		case kindSliver:
			if got := SliverName(n.sliver); got != file {
				t.Fatalf("%q parsed as %q", file, got)
			}
		case kindMetadata:
			if got := MetadataName(n.id); got != file {
				t.Fatalf("%q parsed as %q", file, got)
			}
		}
	})
}
