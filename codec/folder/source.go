package folder

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/selvage-network/selvage/codec"
)

// Source is a sliver in a file. It implements [codec.PartSource] and may be used concurrently. A file of the wrong
// length is refused before anything is read of it.
type Source struct {
	layout codec.Layout
	sliver codec.SliverIndex
	path   string
	files  *files
	read   atomic.Int64
}

var _ codec.PartSource = (*Source)(nil)

// Sliver says which sliver this is.
func (s *Source) Sliver() codec.SliverIndex { return s.sliver }

// BytesRead is how many bytes were read from the file so far.
func (s *Source) BytesRead() int64 { return s.read.Load() }

// StripeRoots reads the sliver's stripe roots.
func (s *Source) StripeRoots(ctx context.Context) ([]codec.Hash, error) {
	roots := make([]codec.Hash, s.layout.Stripes())
	if err := s.readAt(ctx, codec.HashBytes(roots), 0); err != nil {
		return nil, &codec.SliverError{Sliver: s.sliver, Stripe: -1, Err: err}
	}
	return roots, nil
}

// ReadStripe reads a whole stripe.
func (s *Source) ReadStripe(ctx context.Context, c codec.StripeIndex, dst []byte) error {
	return s.ReadPart(ctx, c, 0, dst)
}

// ReadPart reads a part of a stripe.
func (s *Source) ReadPart(ctx context.Context, c codec.StripeIndex, offset int, dst []byte) error {
	fail := func(err error) error {
		return &codec.SliverError{Sliver: s.sliver, Stripe: int(c), Err: err}
	}
	l, axis := s.layout, s.sliver.Axis
	if int64(c) >= int64(l.Stripes()) {
		return fail(fmt.Errorf("%w: there are %d stripes", codec.ErrIndex, l.Stripes()))
	}
	if size := l.SliverStripeSize(axis, c); offset < 0 || len(dst) > size || offset > size-len(dst) {
		return fail(fmt.Errorf("%w: %d bytes from %d on, of %d", codec.ErrIndex, len(dst), offset, size))
	}
	if err := s.readAt(ctx, dst, l.RootsSize()+l.SliverStripeOffset(axis, c)+int64(offset)); err != nil {
		return fail(err)
	}
	return nil
}

func (s *Source) readAt(ctx context.Context, dst []byte, offset int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := s.files.acquire(s.path, s.open)
	if err != nil {
		abortGuarded(ctx, err)
		return err
	}
	defer s.files.release(f)
	n, err := f.ReadAt(dst, offset)
	s.read.Add(int64(n))
	if n < len(dst) && err == io.EOF {
		return fmt.Errorf("%w: %s has become shorter", codec.ErrLength, filepath.Base(s.path))
	}
	if n == len(dst) {
		return nil
	}
	err = blameMachine(err)
	abortGuarded(ctx, err)
	return err
}

// open opens the file and checks its length.
func (s *Source) open(path string) (*os.File, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if want := s.layout.SliverSize(s.sliver.Axis); info.Size() != want {
		f.Close()
		return nil, fmt.Errorf("%w: %s has %d bytes, want %d", codec.ErrLength, filepath.Base(path), info.Size(), want)
	}
	return f, nil
}
