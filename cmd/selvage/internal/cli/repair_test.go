package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

// damage changes one byte of a sliver's stripe.
func damage(t *testing.T, dir string, l codec.Layout, s codec.SliverIndex, c codec.StripeIndex) {
	t.Helper()
	path := filepath.Join(dir, s.String()+".sliver")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[l.RootsSize()+l.SliverStripeOffset(s.Axis, c)] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestScattered damages every sliver in another stripe, checks, and repairs by decoding.
func TestScattered(t *testing.T) {
	const n = 10
	g, err := codec.NewGrid(n)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, blob := writeBlob(t, dir, 20*g.StripeSize())
	slivers, out := filepath.Join(dir, "slivers"), filepath.Join(dir, "out")
	must(t, nil, "codec", "encode", "-n", "10", "-o", slivers, path)
	l, err := g.Layout(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	for _, asJSON := range []bool{false, true} {
		for p := range 2 * n {
			damage(t, slivers, l, l.SliverAt(p), codec.StripeIndex(p))
		}
		damage(t, slivers, l, l.SliverAt(0), 19)
		r := selvage(t, nil, "codec", "check", slivers)
		if r.code != 1 || strings.Contains(r.errors, "can't be decoded") || !strings.Contains(r.errors, "every stripe can still be decoded") ||
			!strings.Contains(r.errors, "selvage codec repair "+slivers) || !strings.Contains(r.out, "primary-0000, stripe 0: codec: stripe does not match its root, and 1 more stripe of 20") {
			t.Fatalf("%+v", r)
		}
		checked := parse[checkResult](t, selvage(t, nil, "codec", "check", "--json", slivers).out)
		if checked.Sufficient || checked.Undecodable != 0 || checked.Stripes != 20 || checked.Slivers[0].Bad != 2 {
			t.Fatalf("%+v", checked)
		}
		must(t, nil, "codec", "decode", "--force", "-o", out, slivers)
		sameFile(t, out, blob)
		if !asJSON {
			r = selvage(t, nil, "codec", "repair", slivers)
			if r.code != 0 || strings.Count(r.out, "decoded the blob once: ") != 1 || !strings.Contains(r.out, "20 slivers repaired") ||
				strings.Count(r.errors, "\n") != 1 || !strings.Contains(r.errors, "decoding the blob once instead") {
				t.Fatalf("%+v", r)
			}
		} else {
			r := parse[repairResult](t, must(t, nil, "codec", "repair", "--json", slivers))
			if !r.OK || len(r.Repaired) != 20 || len(r.Passes) != 1 || r.Passes[0].Slivers != 20 || r.ReadBytes != r.Passes[0].ReadBytes ||
				r.LostBytes != r.Passes[0].LostBytes || *r.Repaired[7].Pass != 0 || r.ReadRatio >= 1 || r.MovedRatio != r.ReadRatio {
				t.Fatalf("%+v", r)
			}
		}
		must(t, nil, "codec", "check", slivers)
	}

	// One stripe has too few good slivers of both axes.
	for i := range uint16(7) {
		damage(t, slivers, l, codec.SliverIndex{Axis: codec.Primary, Index: i}, 3)
		damage(t, slivers, l, codec.SliverIndex{Axis: codec.Secondary, Index: i}, 3)
	}
	r := selvage(t, nil, "codec", "check", slivers)
	if r.code != 1 || !strings.Contains(r.errors, "too many: 1 of 20 stripes can't be decoded") {
		t.Fatalf("%+v", r)
	}
	if r := selvage(t, nil, "codec", "repair", slivers); r.code != 1 || !strings.Contains(r.errors, "14 slivers could not be repaired") {
		t.Fatalf("%+v", r)
	}
}

// TestRepairPrints has a little lost, then most: there decoding is hinted at, and does with less.
func TestRepairPrints(t *testing.T) {
	dir := t.TempDir()
	path, _ := writeBlob(t, dir, 400_000)
	slivers := filepath.Join(dir, "slivers")
	must(t, nil, "codec", "encode", "-n", "10", "-o", slivers, path)
	lose := func(a codec.Axis, count int) {
		for i := range count {
			os.Remove(filepath.Join(slivers, codec.SliverIndex{Axis: a, Index: uint16(i)}.String()+".sliver"))
		}
	}
	lose(codec.Secondary, 1)
	r := selvage(t, nil, "codec", "repair", slivers)
	lines := strings.Split(r.out, "\n")
	if got, want := strings.Join(strings.Fields(lines[0]), " "), "SLIVER WAS LOST MOVED READ MOVED/LOST READ/LOST TIME"; r.code != 0 || r.errors != "" || got != want {
		t.Fatalf("%s\n%s", got, r.errors)
	}
	if cells := strings.Fields(lines[1]); len(cells) != 8 || cells[2] != cells[3] || cells[5] != "1.000" || cells[6] != "1.000" {
		t.Fatal(lines[1])
	}

	lose(codec.Secondary, 10)
	hint := fmt.Sprintf("hint: decoding the blob once moves fewer bytes than so many recoveries: selvage codec repair --decode %s\n", slivers)
	if r = selvage(t, nil, "codec", "repair", slivers); r.code != 0 || r.errors != hint {
		t.Fatalf("%+v", r)
	}
	lose(codec.Secondary, 10)
	if r = selvage(t, nil, "codec", "repair", "--decode", slivers); r.code != 0 || r.errors != "" || !strings.HasPrefix(r.out, "decoded the blob once: ") || !strings.Contains(r.out, "10 slivers made in") {
		t.Fatalf("%+v", r)
	}
	must(t, nil, "codec", "check", slivers)
	if out := must(t, nil, "codec", "repair", "--decode", slivers); !strings.Contains(out, "nothing to repair") {
		t.Fatal(out)
	}
}
