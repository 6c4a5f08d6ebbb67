package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/selvage-network/selvage/codec"
)

// scatter damages every sliver, each in a stripe of its own as far as there are enough.
func scatter(t testing.TB, f *Folder) {
	t.Helper()
	l := f.Layout()
	for p := range 2 * l.Shards() {
		s := l.SliverAt(p)
		c := codec.StripeIndex(p % l.Stripes())
		flip(t, f.path(s), l.RootsSize()+l.SliverStripeOffset(s.Axis, c)+int64(p)%int64(l.SliverStripeSize(s.Axis, c)))
	}
}

// noMoreGoroutines fails unless there are as few goroutines again as there were.
func noMoreGoroutines(t testing.TB, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
}

// TestRepairScattered damages every sliver in another stripe: none is whole, and the blob can still be decoded.
func TestRepairScattered(t *testing.T) {
	for _, c := range []struct{ n, stripes int }{{4, 7}, {10, 19}, {10, 8}, {31, 20}} {
		t.Run(fmt.Sprintf("n=%d/%d", c.n, c.stripes), func(t *testing.T) {
			g := mustGrid(t, c.n)
			blob := randomBlob(1, c.stripes*g.StripeSize()+1234)
			dir := encodeDir(t, c.n, blob)
			want := snapshot(t, dir)
			f := mustOpen(t, dir)
			scatter(t, f)
			report := mustCheck(t, f)
			if report.Sufficient() || !report.Decodable() || len(report.Bad()) != 2*c.n || report.Stripes != c.stripes+1 {
				t.Fatalf("%d bad, sufficient %v, %d of %d stripes can't be decoded", len(report.Bad()), report.Sufficient(), report.Undecodable, report.Stripes)
			}
			for p, s := range report.Slivers {
				if s.BadStripes != 1 || s.Err.Stripe != p%report.Stripes {
					t.Fatalf("%+v", s)
				}
			}
			before := runtime.NumGoroutine()
			var pass *Pass
			count, told := 0, uint64(0)
			opts := RepairOptions{Options: codec.Options{Progress: func(done uint64) { told = done }}}
			err := f.Repair(context.Background(), report, opts, func(r Repaired) {
				if count++; r.Pass == nil || pass != nil && r.Pass != pass || r.Was.State != Corrupt || r.SymbolBytes+r.ReadBytes > 0 {
					t.Errorf("%+v", r)
				}
				pass = r.Pass
			})
			if err != nil {
				t.Fatal(err)
			}
			noMoreGoroutines(t, before)
			l := f.Layout()
			lost := int64(c.n) * (l.SliverDataSize(codec.Primary) + l.SliverDataSize(codec.Secondary))
			if count != 2*c.n || pass.Slivers != count || pass.LostBytes != lost || pass.ReadBytes < int64(len(blob)) || told != l.Size() {
				t.Fatalf("%d repaired, %+v, lost %d, told of %d", count, pass, lost, told)
			}
			sameSnapshot(t, snapshot(t, dir), want)
		})
	}
}

// TestOneStripeLost has one stripe too bad for decoding, and all slivers bad elsewhere.
func TestOneStripeLost(t *testing.T) {
	const n = 10 // rows 4, cols 7
	g := mustGrid(t, n)
	dir := encodeDir(t, n, randomBlob(1, 20*g.StripeSize()))
	f := mustOpen(t, dir)
	l := f.Layout()
	damage := func(a codec.Axis, i int, c codec.StripeIndex) {
		s := codec.SliverIndex{Axis: a, Index: uint16(i)}
		flip(t, f.path(s), l.RootsSize()+l.SliverStripeOffset(a, c)+9)
	}
	for i := range 7 {
		damage(codec.Primary, i, 5)
	}
	for i := range 4 {
		damage(codec.Secondary, i, 5)
	}
	before := snapshot(t, dir)
	for _, whole := range []bool{false, true} {
		report := mustCheck(t, f)
		if report.Undecodable != 1 || report.Sufficient() {
			t.Fatalf("%+v", report)
		}
		err := f.Repair(context.Background(), report, RepairOptions{Whole: whole}, nil)
		var left *RepairError
		if !errors.As(err, &left) || !errors.Is(err, codec.ErrNotEnough) || len(left.Left) != 11 {
			t.Fatalf("error %v", err)
		}
		sameSnapshot(t, snapshot(t, dir), before)
	}
	// A report that knows nothing of the stripes: decoding is tried, and says which stripe it is.
	report := mustCheck(t, f)
	report.Undecodable = 0
	err := f.Repair(context.Background(), report, RepairOptions{}, nil)
	var few *codec.NotEnoughError
	if !errors.As(err, &few) || few.Stripe != 5 {
		t.Fatalf("error %v", err)
	}
	sameSnapshot(t, snapshot(t, dir), before)
}

// TestRepairWhole makes all that can be lost in one pass, of the slivers of one axis, and of each.
func TestRepairWhole(t *testing.T) {
	for _, n := range []int{4, 10, 31} {
		g := mustGrid(t, n)
		for _, size := range []int{0, 5000, 3*g.StripeSize() + 4321} {
			for _, kept := range []codec.Axis{codec.Primary, codec.Secondary} {
				t.Run(fmt.Sprintf("n=%d/size=%d/%v", n, size, kept), func(t *testing.T) {
					dir := encodeDir(t, n, randomBlob(uint64(n), size))
					want := snapshot(t, dir)
					for i := range n {
						remove(t, sliverPath(dir, kept.Other(), i))
						if i < n-g.Needed(kept) {
							remove(t, sliverPath(dir, kept, i))
						}
					}
					f := mustOpen(t, dir)
					report := mustCheck(t, f)
					if !report.PreferDecode() {
						t.Fatal("most slivers are lost, and decoding is not preferred")
					}
					var last Repaired
					if err := f.Repair(context.Background(), report, RepairOptions{Whole: true}, func(r Repaired) { last = r }); err != nil {
						t.Fatal(err)
					}
					if last.Pass == nil || last.Pass.Slivers != 2*n-g.Needed(kept) {
						t.Fatalf("%+v", last)
					}
					// What decodes the blob, once, with its roots.
					if most := int64(g.Needed(kept)) * f.Layout().SliverSize(kept); last.Pass.ReadBytes != most {
						t.Fatalf("%d bytes read, want %d", last.Pass.ReadBytes, most)
					}
					sameSnapshot(t, snapshot(t, dir), want)
				})
			}
		}
	}
}

// TestPassFails breaks passes on either side: nothing is left behind, no goroutine goes on.
func TestPassFails(t *testing.T) {
	const n = 10
	g := mustGrid(t, n)
	dir := encodeDir(t, n, randomBlob(1, 150*g.StripeSize()))
	scatter(t, mustOpen(t, dir))
	before := snapshot(t, dir)
	cancelled, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		prepare  func(t *testing.T)
		progress func(uint64)
		want     error
	}{
		"full disk":     {context.Background(), func(t *testing.T) { fullDisk(t, 3<<20) }, nil, syscall.ENOSPC},
		"no space left": {context.Background(), func(t *testing.T) { fullDisk(t, 0) }, nil, syscall.ENOSPC},
		"cancelled": {cancelled, func(*testing.T) {}, func(done uint64) {
			if done > 5<<20 {
				cancel()
			}
		}, context.Canceled},
		"no descriptors": {context.Background(), func(t *testing.T) {
			opened := 0
			withOpenRead(t, func(path string) (*os.File, error) {
				if opened++; opened > 3 {
					return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EMFILE}
				}
				return os.Open(path)
			})
		}, nil, ErrMachine},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustOpen(t, dir)
			report := mustCheck(t, f)
			c.prepare(t)
			goroutines := runtime.NumGoroutine()
			opts := RepairOptions{Options: codec.Options{Reads: 1, Progress: c.progress}}
			err := f.Repair(c.ctx, report, opts, func(r Repaired) { t.Errorf("repaired %v", r.Sliver) })
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			noMoreGoroutines(t, goroutines)
			sameSnapshot(t, snapshot(t, dir), before)
		})
	}
}

// TestPassWriterLied decodes a blob that is not the encoding of anything, and keeps nothing of what it made.
func TestPassWriterLied(t *testing.T) {
	dir := liarsDir(t)
	remove(t, sliverPath(dir, codec.Primary, 0))
	before := snapshot(t, dir)
	err := mustOpen(t, dir).Repair(context.Background(), nil, RepairOptions{Whole: true}, nil)
	if !errors.Is(err, codec.ErrInconsistent) {
		t.Fatalf("error %v", err)
	}
	sameSnapshot(t, snapshot(t, dir), before)
}

// TestSourceTurnsBadInPass damages a sliver between the check and the pass: it is made anew by what follows.
func TestSourceTurnsBadInPass(t *testing.T) {
	const n = 10
	dir := encodeDir(t, n, randomBlob(1, 400_000))
	want := snapshot(t, dir)
	remove(t, sliverPath(dir, codec.Primary, 1))
	f := mustOpen(t, dir)
	report := mustCheck(t, f)
	// Decoding from secondaries needs no computing here, so that these are read.
	flip(t, sliverPath(dir, codec.Secondary, 0), 4*codec.HashSize+10)
	var seen []Repaired
	if err := f.Repair(context.Background(), report, RepairOptions{Whole: true}, func(r Repaired) { seen = append(seen, r) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || seen[0].Sliver.Index != 1 || seen[1].Sliver.String() != "secondary-0000" || len(seen[0].Pass.Bad) != 1 || seen[1].Pass == seen[0].Pass {
		t.Fatalf("%+v", seen)
	}
	sameSnapshot(t, snapshot(t, dir), want)
}

// liarsDir has a blob whose writer committed to one sliver of another blob, primary 1.
func liarsDir(t *testing.T) string {
	const n = 4
	dir := encodeDir(t, n, randomBlob(1, 9000))
	other := encodeDir(t, n, randomBlob(2, 9000))
	a, b := mustOpen(t, dir), mustOpen(t, other)
	values := append([]codec.Committed(nil), a.Metadata().Values...)
	values[1] = b.Metadata().Values[1]
	m, err := codec.NewMetadata(a.Layout(), values)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(dir, MetadataName(a.ID())))
	if err := os.WriteFile(filepath.Join(dir, MetadataName(m.ID())), bin, 0o644); err != nil {
		t.Fatal(err)
	}
	copyFile(t, sliverPath(other, codec.Primary, 1), sliverPath(dir, codec.Primary, 1))
	return dir
}

func withOpenRead(t *testing.T, open func(path string) (*os.File, error)) {
	t.Helper()
	old, pause := openRead, longestPause
	openRead, longestPause = open, 4*time.Millisecond
	t.Cleanup(func() { openRead, longestPause = old, pause })
}

// TestMachineAtFault has no descriptors, or no memory, at all: no sliver is blamed for that, and none replaced.
func TestMachineAtFault(t *testing.T) {
	const n = 10
	dir := encodeDir(t, n, randomBlob(1, 400_000))
	remove(t, sliverPath(dir, codec.Secondary, 1))
	before := snapshot(t, dir)
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		t.Run(errno.Error(), func(t *testing.T) {
			f := mustOpen(t, dir)
			report := mustCheck(t, f)
			withOpenRead(t, func(path string) (*os.File, error) {
				return nil, &os.PathError{Op: "open", Path: path, Err: errno}
			})
			if _, err := f.Check(context.Background(), codec.Options{}); !errors.Is(err, ErrMachine) || !errors.Is(err, errno) {
				t.Fatalf("check: %v", err)
			}
			d, err := f.Decoder(codec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for name, run := range map[string]func() error{
				"Decode":      func() error { return d.Decode(context.Background(), new(bytes.Buffer)) },
				"DecodeFast":  func() error { return d.DecodeFast(context.Background(), new(bytes.Buffer)) },
				"DecodeRange": func() error { return d.DecodeRange(context.Background(), new(bytes.Buffer), 5, 100) },
				"Repair": func() error {
					return f.Repair(context.Background(), report, RepairOptions{}, nil)
				},
				"Repair whole": func() error {
					return f.Repair(context.Background(), report, RepairOptions{Whole: true}, nil)
				},
			} {
				if err := run(); !errors.Is(err, ErrMachine) || errors.Is(err, codec.ErrNotEnough) {
					t.Fatalf("%s: %v", name, err)
				}
			}
			if bad := d.Bad(); len(bad) > 0 {
				t.Fatalf("blamed: %v", bad)
			}
			sameSnapshot(t, snapshot(t, dir), before)
		})
	}
}

// TestFewDescriptors makes the system run out of descriptors now and then: idle ones are given back.
func TestFewDescriptors(t *testing.T) {
	const n = 31
	g := mustGrid(t, n)
	blob := randomBlob(1, 3*g.StripeSize()+77)
	dir := encodeDir(t, n, blob)
	f := mustOpen(t, dir)
	withOpenRead(t, func(path string) (*os.File, error) {
		f.files.mu.Lock()
		defer f.files.mu.Unlock()
		if len(f.files.kept) >= 5 {
			return nil, syscall.EMFILE
		}
		return os.Open(path)
	})
	if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
		t.Fatalf("decoded bytes differ: %v", err)
	}
	if f.files.most > 5 {
		t.Fatalf("%d files are kept", f.files.most)
	}
}

// TestFewDescriptorsForWriting encodes with fewer descriptors than slivers.
func TestFewDescriptorsForWriting(t *testing.T) {
	const n, most = 10, 6
	open := make(chan struct{}, most)
	real := openFile
	withOpenFile(t, func(path string, flag int) (file, error) {
		select {
		case open <- struct{}{}:
		default:
			return nil, syscall.EMFILE
		}
		f, err := real(path, flag)
		return countedFile{f, open}, err
	})
	g := mustGrid(t, n)
	blob := randomBlob(1, 100*g.StripeSize()+77)
	f := mustOpen(t, encodeDir(t, n, blob))
	if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
		t.Fatalf("bad: %v", bad)
	}
	if len(open) > 0 {
		t.Fatalf("%d files are open", len(open))
	}
}

type countedFile struct {
	file
	open chan struct{}
}

func (c countedFile) Close() error {
	<-c.open
	return c.file.Close()
}

// TestNoPermission has files that may not be read. They may be good and are not replaced.
func TestNoPermission(t *testing.T) {
	const n = 10
	blob := randomBlob(1, 400_000)
	dir := encodeDir(t, n, blob)
	want := snapshot(t, dir)
	secret := sliverPath(dir, codec.Primary, 2)
	remove(t, sliverPath(dir, codec.Secondary, 1))
	withOpenRead(t, func(path string) (*os.File, error) {
		if path == secret {
			return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EACCES}
		}
		return os.Open(path)
	})
	flip(t, secret, 500) // not seen by anybody
	want[filepath.Base(secret)] = snapshot(t, dir)[filepath.Base(secret)]
	for _, whole := range []bool{false, true} {
		f := mustOpen(t, dir)
		bad := mustCheck(t, f).Bad()
		if last := bad[0]; last.State != Unreadable || last.Sliver.Index != 2 || !errors.Is(last.Err, syscall.EACCES) {
			t.Fatalf("%+v", bad)
		}
		if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
			t.Fatalf("decoded bytes differ: %v", err)
		}
		err := f.Repair(context.Background(), nil, RepairOptions{Whole: whole}, nil)
		var left *RepairError
		if !errors.As(err, &left) || !errors.Is(err, ErrUnreadable) || errors.Is(err, codec.ErrNotEnough) || len(left.Left) != 1 {
			t.Fatalf("error %v", err)
		}
		sameSnapshot(t, snapshot(t, dir), want)
		remove(t, sliverPath(dir, codec.Secondary, 1))
	}
	// Unreadable only since the check.
	f := mustOpen(t, dir)
	report := mustCheck(t, f)
	report.Slivers[2] = Status{Sliver: report.Slivers[2].Sliver}
	if err := f.Repair(context.Background(), report, RepairOptions{}, nil); !errors.Is(err, ErrUnreadable) {
		t.Fatalf("error %v", err)
	}
	sameSnapshot(t, snapshot(t, dir), want)
}

func TestStateText(t *testing.T) {
	for _, s := range []State{Good, Missing, Corrupt, Unreadable} {
		b, _ := s.MarshalText()
		var got State
		if err := got.UnmarshalText(b); err != nil || got != s {
			t.Errorf("%s is %v, %v", b, got, err)
		}
	}
	if err := new(State).UnmarshalText([]byte("fine")); err == nil || State(9).String() != "state(9)" {
		t.Error("an unknown state")
	}
}
