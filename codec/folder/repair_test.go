package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

// TestRepairLargestLoss deletes as many slivers as may be lost at all, damages some of the rest, and repairs.
func TestRepairLargestLoss(t *testing.T) {
	for _, n := range []int{4, 7, 10, 31} {
		g := mustGrid(t, n)
		for _, size := range []int{1, 5000, 3*g.StripeSize() + 4321} {
			blob := randomBlob(uint64(n), size)
			original := encodeDir(t, n, blob)
			want := snapshot(t, original)
			for _, kept := range []codec.Axis{codec.Primary, codec.Secondary} {
				for _, side := range []string{"systematic", "parity"} {
					t.Run(fmt.Sprintf("n=%d/size=%d/%v/%s", n, size, kept, side), func(t *testing.T) {
						dir := t.TempDir()
						for name, content := range want {
							if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
								t.Fatal(err)
							}
						}
						for i := range n {
							remove(t, sliverPath(dir, kept.Other(), i))
						}
						// Of the slivers that are too many, one is damaged, the others are deleted.
						spare := n - g.Needed(kept)
						from := 0
						if side == "systematic" {
							from = g.Needed(kept)
						}
						flip(t, sliverPath(dir, kept, from), 33)
						for i := from + 1; i < from+spare; i++ {
							remove(t, sliverPath(dir, kept, i))
						}
						f := mustOpen(t, dir)
						count := 0
						err := f.Repair(context.Background(), nil, RepairOptions{}, func(r Repaired) {
							count++
							if r.LostBytes != r.SymbolBytes || r.ReadBytes < r.SymbolBytes || r.Was.State == Good || len(r.Bad) > 0 {
								t.Errorf("%+v", r)
							}
						})
						if err != nil {
							t.Fatal(err)
						}
						if count != n+spare {
							t.Fatalf("%d repaired, want %d", count, n+spare)
						}
						sameSnapshot(t, snapshot(t, dir), want)
						if len(f.Missing()) > 0 {
							t.Fatalf("missing: %v", f.Missing())
						}
						if got, err := decode(t, f); err != nil || !bytes.Equal(got, blob) {
							t.Fatalf("decoded bytes differ: %v", err)
						}
					})
				}
			}
		}
	}
}

func TestRepairTooMuchLost(t *testing.T) {
	const n = 7 // rows 3, cols 5
	dir := encodeDir(t, n, randomBlob(1, 50_000))
	for i := range n {
		if i > 1 {
			remove(t, sliverPath(dir, codec.Primary, i))
		}
		if i > 4 {
			remove(t, sliverPath(dir, codec.Secondary, i))
		}
	}
	flip(t, sliverPath(dir, codec.Secondary, 0), 100)
	before := snapshot(t, dir)
	f := mustOpen(t, dir)
	report := mustCheck(t, f)
	if report.Sufficient() {
		t.Fatal("2 primaries and 4 secondaries are not sufficient")
	}
	err := f.Repair(context.Background(), report, RepairOptions{}, nil)
	var few *codec.NotEnoughError
	var left *RepairError
	if !errors.As(err, &few) || !errors.As(err, &left) || few.Primaries != 2 || few.Secondaries != 4 || len(few.Bad) != 1 || len(left.Left) != 8 {
		t.Fatalf("error %v", err)
	}
	sameSnapshot(t, snapshot(t, dir), before)
}

// TestSourceTurnsBad damages a source after the check: the repair finds out and repairs it too.
func TestSourceTurnsBad(t *testing.T) {
	const n = 10
	dir := encodeDir(t, n, randomBlob(1, 400_000))
	want := snapshot(t, dir)
	damage := map[string]func(path string){
		"truncated": func(path string) { os.Truncate(path, 50) },
		"gone":      func(path string) { remove(t, path) },
		"changed":   func(path string) { flip(t, path, 4*codec.HashSize+4096+10) }, // the symbol that is asked for
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			remove(t, sliverPath(dir, codec.Secondary, 1))
			f := mustOpen(t, dir)
			report := mustCheck(t, f)
			do(sliverPath(dir, codec.Primary, 2))
			var seen []Repaired
			err := f.Repair(context.Background(), report, RepairOptions{}, func(r Repaired) { seen = append(seen, r) })
			if err != nil {
				t.Fatal(err)
			}
			if len(seen) != 2 || len(seen[0].Bad) != 1 || seen[1].Sliver.String() != "primary-0002" || seen[1].Was.State == Good {
				t.Fatalf("%+v", seen)
			}
			sameSnapshot(t, snapshot(t, dir), want)
		})
	}
}

// TestRestlessDisk has a sliver that goes bad whenever it is repaired: the repair must end.
func TestRestlessDisk(t *testing.T) {
	const n = 4
	dir := encodeDir(t, n, randomBlob(1, 9000))
	for i := range n {
		remove(t, sliverPath(dir, codec.Secondary, i))
	}
	remove(t, sliverPath(dir, codec.Primary, 3))
	f := mustOpen(t, dir)
	err := f.Repair(context.Background(), nil, RepairOptions{Options: codec.Options{Workers: 1}}, func(r Repaired) {
		if r.Sliver.Axis == codec.Secondary {
			os.Truncate(f.path(r.Sliver), 5)
		}
	})
	var left *RepairError
	if !errors.As(err, &left) || len(left.Left) == 0 {
		t.Fatalf("error %v", err)
	}
}

func TestRepairInterrupted(t *testing.T) {
	const n = 10
	dir := encodeDir(t, n, randomBlob(1, 400_000))
	for i := range n {
		remove(t, sliverPath(dir, codec.Secondary, i))
	}
	t.Run("full disk", func(t *testing.T) {
		before := snapshot(t, dir)
		fullDisk(t, 10_000)
		err := mustOpen(t, dir).Repair(context.Background(), nil, RepairOptions{}, nil)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("error %v", err)
		}
		sameSnapshot(t, snapshot(t, dir), before)
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		f := mustOpen(t, dir)
		count := 0
		err := f.Repair(ctx, nil, RepairOptions{}, func(Repaired) {
			if count++; count == 3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		f = mustOpen(t, dir)
		if got := len(f.Slivers()); got != n+count || len(f.Warnings()) > 0 {
			t.Fatalf("%d slivers after %d repairs, warnings %v", got, count, f.Warnings())
		}
		for _, s := range mustCheck(t, f).Bad() {
			if s.State != Missing {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// TestWriterLied repairs a blob whose writer committed to one sliver of another blob.
func TestWriterLied(t *testing.T) {
	dir := liarsDir(t)
	f := mustOpen(t, dir)
	if bad := mustCheck(t, f).Bad(); len(bad) > 0 {
		t.Fatalf("bad: %v", bad)
	}
	if _, err := decode(t, f); !errors.Is(err, codec.ErrInconsistent) {
		t.Fatalf("decode: %v", err)
	}
	remove(t, sliverPath(dir, codec.Primary, 1))
	f = mustOpen(t, dir)
	err := f.Repair(context.Background(), nil, RepairOptions{}, nil)
	var lie *codec.InconsistentError
	if !errors.As(err, &lie) || lie.Target.String() != "primary-0001" {
		t.Fatalf("error %v", err)
	}
	onlyGood := mustOpen(t, dir)
	if len(onlyGood.Warnings()) > 0 || len(onlyGood.Missing()) != 1 {
		t.Fatalf("left over: %v, missing %v", onlyGood.Warnings(), onlyGood.Missing())
	}
}
