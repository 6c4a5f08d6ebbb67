package folder

import (
	"context"
	"errors"
	"io"

	"github.com/selvage-network/selvage/codec"
)

// Decoder is a [codec.Decoder] of a folder's slivers. A reading that fails because the machine has no descriptors or
// no memory left ends with an error that wraps [ErrMachine], whatever slivers are there: it never goes round a sliver
// for that, nor counts it as bad.
type Decoder struct {
	*codec.Decoder
	sources []*Source
}

// Decoder returns a decoder of the blob from all slivers that are there. It reads the files for as long as the
// folder is open.
func (f *Folder) Decoder(opts codec.Options) (*Decoder, error) {
	d := new(Decoder)
	var sources []codec.Source
	for _, s := range f.Slivers() {
		src, err := f.Source(s)
		if err != nil {
			return nil, err
		}
		d.sources = append(d.sources, src)
		sources = append(sources, src)
	}
	var err error
	d.Decoder, err = codec.NewDecoder(f.meta.Blob, f.meta, sources, opts)
	return d, err
}

// BytesRead is how many bytes were read from the files so far.
func (d *Decoder) BytesRead() int64 { return bytesRead(d.sources) }

// Decode is [codec.Decoder.Decode].
func (d *Decoder) Decode(ctx context.Context, w io.Writer) error {
	return guarded(ctx, func(ctx context.Context) error { return d.Decoder.Decode(ctx, w) })
}

// DecodeFast is [codec.Decoder.DecodeFast].
func (d *Decoder) DecodeFast(ctx context.Context, w io.Writer) error {
	return guarded(ctx, func(ctx context.Context) error { return d.Decoder.DecodeFast(ctx, w) })
}

// DecodeRange is [codec.Decoder.DecodeRange].
func (d *Decoder) DecodeRange(ctx context.Context, w io.Writer, offset, length uint64) error {
	return guarded(ctx, func(ctx context.Context) error { return d.Decoder.DecodeRange(ctx, w, offset, length) })
}

func bytesRead(sources []*Source) int64 {
	sum := int64(0)
	for _, src := range sources {
		sum += src.BytesRead()
	}
	return sum
}

// abortKey is the context key of a [context.CancelCauseFunc] that ends a guarded run.
type abortKey struct{}

// guarded runs something that reads from sources. Package codec takes an error of a source as the source's fault and
// asks another one, which is right but for errors of the machine: a source that meets one ends the whole run.
func guarded(ctx context.Context, run func(ctx context.Context) error) error {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	err := run(context.WithValue(ctx, abortKey{}, abort))
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrMachine) {
		return cause
	}
	return err
}

// abortGuarded ends the run that ctx belongs to if err is the machine's.
func abortGuarded(ctx context.Context, err error) {
	if abort, ok := ctx.Value(abortKey{}).(context.CancelCauseFunc); ok && errors.Is(err, ErrMachine) {
		abort(err)
	}
}
