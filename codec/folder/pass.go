package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/selvage-network/selvage/codec"
)

// Pass is one decoding of the blob that made several slivers.
type Pass struct {
	Slivers              int
	LostBytes, ReadBytes int64 // bytes of the slivers' stripes, and what was read from files, or would have crossed a network
	Took                 time.Duration
	Bad                  []*codec.SliverError // found while reading, those that were known before among them
}

// ReadRatio is how many bytes were read from files for each byte that was lost.
func (p *Pass) ReadRatio() float64 { return float64(p.ReadBytes) / float64(p.LostBytes) }

// decodeOnce decodes the blob, encodes it again at the same time, keeps the slivers that are not good, and puts them
// in their places when the blob has its ID again. It reports whether any state has changed.
func (r *repair) decodeOnce(ctx context.Context) (changed bool, err error) {
	start := time.Now()
	todo := append(r.todo(codec.Primary), r.todo(codec.Secondary)...)
	if len(todo) == 0 {
		return false, nil
	}
	d, err := r.Decoder(codec.Options{Workers: r.opts.Workers, Reads: r.opts.Reads})
	if err != nil {
		return false, err
	}
	out := r.newReplacements(todo...)
	defer out.discard()
	m, err := r.reencode(ctx, d, out)
	bad := d.Bad()
	changed = r.markCorrupt(bad)
	if err == nil && m.ID() != r.id {
		err = fmt.Errorf("%w: encoded again it is blob %v, not %v", codec.ErrInconsistent, m.ID(), r.id)
	}
	var placed []codec.SliverIndex
	if err == nil {
		placed, err = r.replace(ctx, todo, out)
	}
	if len(placed) > 0 {
		changed = true
		r.few = nil
		pass := &Pass{Slivers: len(placed), ReadBytes: d.BytesRead(), Took: time.Since(start), Bad: bad}
		for _, s := range placed {
			pass.LostBytes += r.layout.SliverDataSize(s.Axis)
		}
		for _, s := range placed {
			r.markGood(Repaired{Sliver: s, LostBytes: r.layout.SliverDataSize(s.Axis), Took: pass.Took, Pass: pass})
		}
	}
	switch {
	case err == nil:
		return changed, nil
	case ctx.Err() != nil:
		return changed, ctx.Err()
	case errors.Is(err, codec.ErrNotEnough):
		r.few = err
		return changed, nil
	}
	return changed, fmt.Errorf("folder: repair by decoding the blob: %w", err)
}

// errStopped is what the decoding side sees of a pass whose encoding side has failed.
var errStopped = errors.New("folder: the blob could not be encoded again")

// reencode decodes the blob into an encoder. Both sides have ended when it returns, and the error is that of the side
// that failed by itself.
func (r *repair) reencode(ctx context.Context, d *Decoder, sink codec.Sink) (m *codec.Metadata, err error) {
	pr, pw := io.Pipe()
	var encoding, decoding error
	var group errgroup.Group
	group.Go(func() error {
		decoding = d.DecodeFast(ctx, pw)
		pw.CloseWithError(decoding) // nil: the end
		return nil
	})
	m, encoding = codec.Encode(ctx, r.layout.Grid, pr, int64(r.layout.Size()), sink,
		codec.Options{Workers: r.opts.Workers, Progress: r.opts.Progress})
	pr.CloseWithError(errStopped)
	group.Wait()
	if decoding != nil && !errors.Is(decoding, errStopped) {
		return nil, decoding
	}
	return m, encoding
}
