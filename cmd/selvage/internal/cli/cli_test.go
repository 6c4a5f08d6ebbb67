package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

// result is what a command left behind.
type result struct {
	code        int
	out, errors string
}

// selvage runs a command in this process.
func selvage(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	return selvageContext(t, context.Background(), stdin, args...)
}

func selvageContext(t testing.TB, ctx context.Context, stdin io.Reader, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(ctx, args, stdin, &out, &errs)
	return result{code, out.String(), errs.String()}
}

// must runs a command that has to succeed and returns its stdout.
func must(t testing.TB, stdin io.Reader, args ...string) string {
	t.Helper()
	r := selvage(t, stdin, args...)
	if r.code != 0 {
		t.Fatalf("selvage %q: exit code %d\n%s", args, r.code, r.errors)
	}
	return r.out
}

func writeBlob(t testing.TB, dir string, size int) (path string, blob []byte) {
	t.Helper()
	blob = make([]byte, size)
	rand.NewChaCha8([32]byte{7}).Read(blob)
	path = filepath.Join(dir, "blob")
	if err := os.WriteFile(path, blob, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, blob
}

func entries(t testing.TB, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func sameFile(t testing.TB, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s differs: %d bytes, want %d", path, len(got), len(want))
	}
}

func parse[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// TestStory encodes, loses as much as may be lost, checks, decodes, repairs, and decodes again.
func TestStory(t *testing.T) {
	for _, n := range []int{4, 10, 31} {
		for _, kept := range []codec.Axis{codec.Primary, codec.Secondary} {
			t.Run(fmt.Sprintf("n=%d/%v", n, kept), func(t *testing.T) { story(t, n, kept) })
		}
	}
}

func story(t *testing.T, n int, kept codec.Axis) {
	dir := t.TempDir()
	path, blob := writeBlob(t, dir, 400_000)
	slivers := filepath.Join(dir, "slivers")
	shards := fmt.Sprint(n)
	id := strings.TrimSpace(must(t, nil, "codec", "id", "--shards", shards, path))
	if _, err := codec.ParseBlobID(id); err != nil {
		t.Fatal(err)
	}
	encoded := parse[encodeResult](t, must(t, nil, "codec", "encode", "--json", "--shards", shards, "--out", slivers, path))
	if encoded.BlobID.String() != id || encoded.Size != uint64(len(blob)) || encoded.Expansion < 2.9 {
		t.Fatalf("%+v", encoded)
	}
	if out := must(t, nil, "codec", "check", slivers); !strings.Contains(out, fmt.Sprintf("%d good, 0 missing", n)) {
		t.Fatal(out)
	}

	g, err := codec.NewGrid(n)
	if err != nil {
		t.Fatal(err)
	}
	file := func(a codec.Axis, i int) string {
		return filepath.Join(slivers, codec.SliverIndex{Axis: a, Index: uint16(i)}.String()+".sliver")
	}
	spare := n - g.Needed(kept)
	for i := range n {
		os.Remove(file(kept.Other(), i))
	}
	for i := range spare - 1 {
		os.Remove(file(kept, i))
	}
	corrupt, err := os.ReadFile(file(kept, spare-1))
	if err != nil {
		t.Fatal(err)
	}
	corrupt[len(corrupt)-1] ^= 1
	if err := os.WriteFile(file(kept, spare-1), corrupt, 0o644); err != nil {
		t.Fatal(err)
	}

	r := selvage(t, nil, "codec", "check", slivers)
	if r.code != 1 || !strings.Contains(r.out, fmt.Sprintf("corrupt  %v-%04d, stripe ", kept, spare-1)) || !strings.Contains(r.errors, "selvage codec repair "+slivers) {
		t.Fatalf("%+v", r)
	}
	checked := parse[struct {
		OK, Sufficient bool
		Slivers        []struct{ State string }
	}](t, selvage(t, nil, "codec", "check", "--json", slivers).out)
	if checked.OK || !checked.Sufficient || len(checked.Slivers) != 2*n {
		t.Fatalf("%+v", checked)
	}

	out := filepath.Join(dir, "out")
	r = selvage(t, nil, "codec", "decode", "--out", out, slivers)
	if r.code != 0 || !strings.Contains(r.errors, "missing: ") || !strings.Contains(r.errors, kept.Other().String()+"-0000…") ||
		!strings.Contains(r.errors, fmt.Sprintf("corrupt: %v-%04d", kept, spare-1)) {
		t.Fatalf("%+v", r)
	}
	sameFile(t, out, blob)

	repaired := parse[repairResult](t, must(t, nil, "codec", "repair", "--json", slivers))
	if !repaired.OK || len(repaired.Repaired) != n+spare || repaired.MovedRatio != 1 || repaired.ReadRatio < 1 || repaired.LostBytes == 0 {
		t.Fatalf("%+v", repaired)
	}
	must(t, nil, "codec", "check", slivers)
	if out := must(t, nil, "codec", "repair", slivers); !strings.Contains(out, "nothing to repair") {
		t.Fatal(out)
	}

	os.Remove(file(codec.Primary, 0))
	if out := must(t, nil, "codec", "repair", slivers); !strings.Contains(out, "primary-0000    missing") || !strings.Contains(out, "1 sliver repaired") {
		t.Fatal(out)
	}
	decoded := parse[decodeResult](t, must(t, nil, "codec", "decode", "--json", "--force", "--out", out, slivers))
	if decoded.Verified != "blob" || len(decoded.Missing)+len(decoded.Corrupt) > 0 || decoded.Length != uint64(len(blob)) {
		t.Fatalf("%+v", decoded)
	}
	sameFile(t, out, blob)
	if got := entries(t, dir); got != "blob out slivers" {
		t.Fatalf("left behind: %s", got)
	}
}

func TestStdinAndStdout(t *testing.T) {
	dir := t.TempDir()
	path, blob := writeBlob(t, dir, 300_000)
	slivers := filepath.Join(dir, "slivers")
	id := must(t, nil, "codec", "id", "-n", "7", path)
	if got := must(t, bytes.NewReader(blob), "codec", "id", "-n", "7", "-"); got != id {
		t.Fatalf("from stdin it is %s, not %s", got, id)
	}
	if out := must(t, bytes.NewReader(blob), "codec", "encode", "-n", "7", "-o", slivers, "-"); !strings.Contains(out, strings.TrimSpace(id)) {
		t.Fatal(out)
	}
	r := selvage(t, nil, "codec", "decode", "-o", "-", slivers)
	if r.code != 0 || r.out != string(blob) || !strings.Contains(r.errors, "only if the exit code is 0") {
		t.Fatalf("exit code %d, %d bytes, %s", r.code, len(r.out), r.errors)
	}
	for _, c := range []struct {
		span     string
		from, to int
	}{{"0-1", 0, 1}, {"100-200000", 100, 200000}, {"1KiB-2KiB", 1024, 2048}, {"299999-", 299999, 300000}, {"0-", 0, 300000}, {"5-5", 5, 5}, {"300000-", 300000, 300000}} {
		if got := must(t, nil, "codec", "decode", "-o", "-", "--range", c.span, slivers); got != string(blob[c.from:c.to]) {
			t.Fatalf("range %s: %d bytes differ", c.span, len(got))
		}
	}
	if got := must(t, nil, "codec", "decode", "-o", "-", "--fast", "--id", strings.TrimSpace(id), slivers); got != string(blob) {
		t.Fatal("fast decoding differs")
	}
	if got := entries(t, dir); got != "blob slivers" {
		t.Fatalf("left behind: %s", got)
	}
}

func TestEmptyBlob(t *testing.T) {
	dir := t.TempDir()
	slivers, out := filepath.Join(dir, "slivers"), filepath.Join(dir, "out")
	must(t, strings.NewReader(""), "codec", "encode", "-n", "4", "-o", slivers, "-")
	must(t, nil, "codec", "decode", "-o", out, slivers)
	sameFile(t, out, nil)
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	path, _ := writeBlob(t, dir, 5000)
	slivers, short, bare, taken := filepath.Join(dir, "slivers"), filepath.Join(dir, "short"), filepath.Join(dir, "bare"), filepath.Join(dir, "taken")
	for _, d := range []string{slivers, short, bare} {
		must(t, nil, "codec", "encode", "-n", "4", "-o", d, path)
	}
	for _, name := range []string{"primary-0000", "primary-0001", "primary-0002", "secondary-0000", "secondary-0003"} {
		os.Remove(filepath.Join(short, name+".sliver"))
	}
	meta, err := filepath.Glob(filepath.Join(bare, "*.metadata"))
	if err != nil || len(meta) != 1 {
		t.Fatal(meta, err)
	}
	os.Remove(meta[0])
	if err := os.WriteFile(taken, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := entries(t, dir)

	cases := []struct {
		args string
		want []string
	}{
		{"codec id " + path, []string{"--shards is missing", "--help"}},
		{"codec id -n 3 " + path, []string{"4 to 2048", "--help"}},
		{"codec id -n 4", []string{"FILE is missing", "--help"}},
		{"codec id -n 4 a b", []string{"only one FILE", "--help"}},
		{"codec id -n 4 " + dir, []string{"is a folder"}},
		{"codec id -n 4 " + path + "x", []string{"no such file"}},
		{"codec id --colour " + path, []string{"unknown flag", "'selvage codec id --help'"}},
		{"codec encode -n 4 " + path, []string{"--out is missing"}},
		{"codec encode -n 4 -o " + slivers + " " + path, []string{"not an empty folder", "another --out"}},
		{"codec encode -n 4 -o " + filepath.Join(dir, "no", "where") + " " + path, []string{"no such file"}},
		{"codec decode " + slivers, []string{"--out is missing"}},
		{"codec decode -o " + taken + " " + slivers, []string{"taken exists", "--force"}},
		{"codec decode -o " + slivers + " --force " + slivers, []string{"not a regular file"}},
		{"codec decode -o - --json " + slivers, []string{"both want stdout"}},
		{"codec decode -o " + dir + "/x --range 1-2-3 " + slivers, []string{"not a number of bytes"}},
		{"codec decode -o " + dir + "/x --range 5 " + slivers, []string{"is not A-B"}},
		{"codec decode -o " + dir + "/x --range 9-5 " + slivers, []string{"ends before it begins"}},
		{"codec decode -o " + dir + "/x --range 0-5001 " + slivers, []string{"which has 5000 bytes"}},
		{"codec decode -o " + dir + "/x --id abc " + slivers, []string{"43 characters"}},
		{"codec decode -o " + dir + "/x --id " + codec.BlobID{}.String() + " " + slivers, []string{"metadata is missing", "copy the file"}},
		{"codec decode -o " + dir + "/x " + bare, []string{"metadata is missing", "copy the file"}},
		{"codec decode -o " + dir + "/x " + short, []string{"1 primary (2 decode) and 2 secondary (3 decode)", "missing: primary-0000…0002, secondary-0000, secondary-0003", "1 more primary sliver or 1 more secondary sliver"}},
		{"codec check " + short, []string{"5 slivers of 8 missing or corrupt, too many", "1 more primary sliver or 1 more"}},
		{"codec check " + bare, []string{"metadata is missing"}},
		{"codec check " + dir + "/nothing", []string{"no such file"}},
		{"codec repair " + short, []string{"5 slivers could not be repaired", "1 more primary sliver or 1 more"}},
		{"codec paint", []string{`no command "selvage codec paint"`, "--help"}},
		{"paint", []string{"paint"}},
		{"bench codec --size lots", []string{"not a number of bytes"}},
		{"bench codec --shards 1", []string{"4 to 2048"}},
		{"bench codec --runs 0", []string{"at least one"}},
	}
	for _, c := range cases {
		t.Run(strings.ReplaceAll(c.args, dir, ""), func(t *testing.T) {
			r := selvage(t, nil, strings.Fields(c.args)...)
			if r.code != 1 {
				t.Fatalf("exit code %d", r.code)
			}
			for _, want := range c.want {
				if !strings.Contains(r.errors, want) {
					t.Errorf("%q is not in the error:\n%s", want, r.errors)
				}
			}
			if strings.Contains(r.errors, "Usage:") {
				t.Errorf("usage was dumped:\n%s", r.errors)
			}
			if got := entries(t, dir); got != before {
				t.Fatalf("the folder has %s, had %s", got, before)
			}
		})
	}
	sameFile(t, taken, []byte("precious"))
}

// TestInterrupt ends commands that wait for stdin.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"codec", "id", "-n", "4", "-"},
		{"codec", "encode", "-n", "4", "-o", filepath.Join(dir, "slivers"), "-"},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		stdin, w := io.Pipe()
		go func() {
			w.Write(make([]byte, 100_000)) // a pipe: all of it has been read when this returns
			cancel()
		}()
		r := selvageContext(t, ctx, stdin, args...)
		w.Close()
		if r.code != exitInterrupted || !strings.Contains(r.errors, "interrupted") || r.out != "" {
			t.Fatalf("%q: %+v", args, r)
		}
		if got := entries(t, dir); got != "" {
			t.Fatalf("left behind: %s", got)
		}
	}
}

func TestFailingStdin(t *testing.T) {
	dir := t.TempDir()
	broken := io.MultiReader(strings.NewReader("some bytes"), readerFunc(func([]byte) (int, error) { return 0, errors.New("the cable is loose") }))
	r := selvage(t, broken, "codec", "encode", "-n", "4", "-o", filepath.Join(dir, "slivers"), "-")
	if r.code != 1 || !strings.Contains(r.errors, "the cable is loose") || entries(t, dir) != "" {
		t.Fatalf("%+v, left behind: %s", r, entries(t, dir))
	}
}

// TestHelp asks every command for help: each has examples, and what prints results has --json.
func TestHelp(t *testing.T) {
	var all [][]string
	root := New()
	for _, c := range root.Commands() {
		all = append(all, []string{c.Name()})
		for _, sub := range c.Commands() {
			all = append(all, []string{c.Name(), sub.Name()})
		}
	}
	for _, args := range all {
		out := must(t, nil, append(args, "--help")...)
		c, _, err := root.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if !c.HasSubCommands() && (!strings.Contains(out, "Examples:") || !strings.Contains(out, "--json")) {
			t.Errorf("%q has no examples or no --json:\n%s", args, out)
		}
	}
	if out := must(t, nil, "version"); !strings.HasPrefix(out, "selvage ") || !strings.Contains(out, "go1.") {
		t.Error(out)
	}
	if v := parse[buildInfo](t, must(t, nil, "version", "--json")); v.Go == "" {
		t.Errorf("%+v", v)
	}
	must(t, nil, "completion", "bash")
}

func TestBench(t *testing.T) {
	r := parse[benchResult](t, must(t, nil, "bench", "codec", "--shards", "4,10", "--size", "1MiB", "--runs", "1", "--json"))
	if len(r.Grids) != 2 || r.SHA256 <= 0 {
		t.Fatalf("%+v", r)
	}
	for _, g := range r.Grids {
		for name, v := range map[string]float64{
			"encode": g.Encode, "id": g.EncodeID, "decode": g.Decode, "fast": g.DecodeFast, "parity": g.DecodeParitySecondary,
			"primary": g.Recover[0].Speed, "secondary": g.Recover[5].Speed, "commit": g.Commit, "batch": g.BatchVerify64,
		} {
			if v <= 0 {
				t.Errorf("n = %d: %s is %v", g.Shards, name, v)
			}
		}
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }
	for _, g := range r.Grids {
		grid, err := codec.NewGrid(g.Shards)
		if err != nil {
			t.Fatal(err)
		}
		n := float64(g.Shards)
		expansion := n * n / float64(grid.Rows()*grid.Cols())
		if !near(g.Expansion, expansion) || !near(g.Limit, float64(r.Cores)*g.SHA256/expansion) ||
			!near(g.EncodeRatio, g.Encode/g.Limit) || !near(g.EncodeIDRatio, g.EncodeID/g.Limit) {
			t.Errorf("the limit and the ratios to it contradict the speeds: %+v", g)
		}
		if g.ShareReedSolomon <= 0 || g.ShareKZG <= 0 || !near(g.ShareRest, max(0, 1-g.ShareReedSolomon-g.ShareKZG)) {
			t.Errorf("shares: %+v", g)
		}
		if len(g.Recover) != 6 || g.DecodeSize != r.Size || g.RecoverSize <= 0 {
			t.Errorf("sizes: %+v", g)
		}
		for i, v := range g.Recover {
			axis := codec.Axis(i / 3)
			// Hashing the n symbols of the expanded sliver, of which it stores some.
			hashing := n / float64(grid.Stored(axis)) / g.SHA256
			if v.Axis != axis.String() || !near(v.ToHashOne, 1/v.Speed/hashing) || !near(v.ToHashAll, v.ToHashOne*float64(r.Cores)) ||
				v.Bytes*int64(grid.Needed(axis)) < g.RecoverSize {
				t.Errorf("recovery %d: %+v", i, v)
			}
		}
	}
	if out := must(t, nil, "bench", "codec", "--shards", "4", "--size", "10000", "--runs", "1"); !strings.Contains(out, "batch verify 64, ms") {
		t.Fatal(out)
	}
}

func TestNameSlivers(t *testing.T) {
	var all []codec.SliverIndex
	for _, i := range []uint16{0, 1, 2, 5, 7, 8} {
		all = append(all, codec.SliverIndex{Axis: codec.Primary, Index: i})
	}
	all = append(all, codec.SliverIndex{Axis: codec.Secondary, Index: 9})
	if got, want := nameSlivers(all), "primary-0000…0002, primary-0005, primary-0007…0008, secondary-0009"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	all = nil
	for i := range uint16(20) {
		all = append(all, codec.SliverIndex{Axis: codec.Secondary, Index: 3 * i})
	}
	if got := nameSlivers(all); !strings.HasSuffix(got, "secondary-0021 and 12 more") {
		t.Fatal(got)
	}
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]uint64{"0": 0, "17": 17, "64KiB": 64 << 10, "256MiB": 256 << 20, "3 GiB": 3 << 30, "1TiB": 1 << 40} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%s is %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "-1", "1MB", "1.5KiB", "99999999TiB", "0x10", "KiB", "18446744073709551616"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}
