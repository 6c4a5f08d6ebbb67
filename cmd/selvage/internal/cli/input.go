package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
)

// input is a blob that is read.
type input struct {
	io.Reader
	name  string
	size  int64 // −1 if it is not known
	close func()
	file  *os.File // of a regular file that was named, or nil
}

// fail is the error of encoding the blob, with what can be done about it.
func (in *input) fail(err error) error {
	err = fmt.Errorf("encode %s: %w", in.name, err)
	if in.file != nil && errors.Is(err, codec.ErrInput) {
		if info, e := in.file.Stat(); e == nil && info.Size() != in.size {
			return fmt.Errorf("%w\n  → the file must not change while it is read: it had %d bytes and has %d now", err, in.size, info.Size())
		}
	}
	return advise(err)
}

// openInput opens a blob: a file, or "-" for stdin.
func openInput(cmd *cobra.Command, path string) (*input, error) {
	if path == "-" {
		r, stop := interruptible(cmd.Context(), cmd.InOrStdin())
		return &input{Reader: r, name: "stdin", size: -1, close: stop}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the blob: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder; give a file, or pack it first: tar -c %s | selvage … -", path, path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open the blob: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe, for example: its size says nothing
		r, stop := interruptible(cmd.Context(), f)
		return &input{Reader: r, name: path, size: -1, close: func() { stop(); f.Close() }}, nil
	}
	return &input{Reader: f, name: path, size: info.Size(), close: func() { f.Close() }, file: f}, nil
}

// interruptible makes a reader whose Read returns when ctx ends, although a read from a terminal or a pipe would
// wait on. The goroutine that is stuck in such a read ends with the program.
func interruptible(ctx context.Context, r io.Reader) (_ io.Reader, stop func()) {
	pr, pw := io.Pipe()
	unhook := context.AfterFunc(ctx, func() { pw.CloseWithError(ctx.Err()) })
	go func() {
		// Wrapped, so that neither side's shortcuts replace the buffer by a small one.
		_, err := io.CopyBuffer(struct{ io.Writer }{pw}, struct{ io.Reader }{r}, make([]byte, 1<<20))
		pw.CloseWithError(err)
	}()
	return pr, func() {
		unhook()
		pr.Close()
	}
}

// spool copies a blob of unknown size to a temporary file in dir, because its slivers' files can only be laid out
// when the number of stripes is known. The file has no name any more when spool returns, where the system allows
// that, and in any case close removes it.
func spool(cmd *cobra.Command, in *input, dir string) (_ *input, err error) {
	f, err := os.CreateTemp(dir, ".selvage-stdin-*")
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", in.name, err)
	}
	unlinked := os.Remove(f.Name()) == nil
	done := func() {
		f.Close()
		if !unlinked {
			os.Remove(f.Name())
		}
	}
	bar := newBytesBar(cmd, "reading "+in.name, -1)
	defer bar.end()
	var copied uint64
	size, err := io.CopyBuffer(struct{ io.Writer }{f}, readerFunc(func(b []byte) (int, error) {
		n, err := in.Read(b)
		copied += uint64(n)
		bar.set(copied)
		if err != nil && err != io.EOF { // only the bare value is the end
			err = &codec.InputError{Offset: copied, Err: err}
		}
		return n, err
	}), make([]byte, 1<<20))
	if errors.Is(err, codec.ErrInput) {
		done()
		return nil, in.fail(err)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, fmt.Errorf("spool %s: %w", in.name, err)
	}
	return &input{Reader: f, name: in.name, size: size, close: done}, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
