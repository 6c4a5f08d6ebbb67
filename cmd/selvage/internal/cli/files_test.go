package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/selvage-network/selvage/codec"
)

// TestOutputWithoutLinks writes to a file system that has no hard links: an existing file is never replaced.
func TestOutputWithoutLinks(t *testing.T) {
	t.Cleanup(func() { link = os.Link })
	for name, l := range map[string]func(string, string) error{
		"links": os.Link, "no links": func(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} },
	} {
		t.Run(name, func(t *testing.T) {
			link = l
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			write := func(force bool, meanwhile string) error {
				o, err := createOutput(path, force)
				if err != nil {
					t.Fatal(err)
				}
				defer o.discard()
				if _, err := o.WriteString("decoded"); err != nil {
					t.Fatal(err)
				}
				if meanwhile != "" {
					if err := os.WriteFile(path, []byte(meanwhile), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				return o.commit()
			}
			if err := write(false, "precious"); err == nil || !strings.Contains(err.Error(), "has come to exist") {
				t.Fatalf("error %v", err)
			}
			sameFile(t, path, []byte("precious"))
			if err := write(true, ""); err != nil {
				t.Fatal(err)
			}
			sameFile(t, path, []byte("decoded"))
			os.Remove(path)
			if err := write(false, ""); err != nil {
				t.Fatal(err)
			}
			sameFile(t, path, []byte("decoded"))
			if got := entries(t, dir); got != "out" {
				t.Fatalf("left behind: %s", got)
			}
		})
	}
}

// TestInputErrors compares what id and encode say of a stdin that breaks, and of a file that changes.
func TestInputErrors(t *testing.T) {
	dir := t.TempDir()
	broken := func() io.Reader {
		return io.MultiReader(strings.NewReader("some bytes"), readerFunc(func([]byte) (int, error) { return 0, errors.New("the cable is loose") }))
	}
	want := "selvage: encode stdin: codec: cannot read the blob at byte 10: the cable is loose\n"
	for _, args := range [][]string{{"codec", "id", "-n", "4", "-"}, {"codec", "encode", "-n", "4", "-o", filepath.Join(dir, "slivers"), "-"}} {
		if r := selvage(t, broken(), args...); r.code != 1 || r.errors != want {
			t.Errorf("%q: %+v", args, r)
		}
	}

	path, _ := writeBlob(t, dir, 5000)
	cmd := New()
	in, err := openInput(cmd, path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	short := &codec.InputError{Offset: 4, Err: io.ErrUnexpectedEOF}
	if err := in.fail(short); strings.Contains(err.Error(), "must not change") || !errors.Is(err, codec.ErrInput) {
		t.Fatalf("it has not changed: %v", err)
	}
	if err := os.Truncate(path, 4); err != nil {
		t.Fatal(err)
	}
	if err := in.fail(short); !strings.Contains(err.Error(), "must not change while it is read: it had 5000 bytes and has 4 now") {
		t.Fatalf("it has changed: %v", err)
	}
	if err := in.fail(codec.ErrShards); strings.Contains(err.Error(), "must not change") {
		t.Fatalf("another error: %v", err)
	}
}

func TestEncodeIntoCurrentFolder(t *testing.T) {
	path, blob := writeBlob(t, t.TempDir(), 5000)
	t.Chdir(t.TempDir())
	r := selvage(t, nil, "codec", "encode", "-n", "4", "-o", ".", path)
	if r.code != 1 || !strings.Contains(r.errors, "is the current folder") || !strings.Contains(r.errors, "→") || entries(t, ".") != "" {
		t.Fatalf("%+v", r)
	}
	must(t, bytes.NewReader(blob), "codec", "encode", "-n", "4", "-o", "new", "-")
}
