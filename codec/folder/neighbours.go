package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/selvage-network/selvage/codec"
)

// neighbours are the good slivers of one axis, as the sources of one recovery. They come in ascending order, the
// systematic ones first, since symbols of these need no computing. Whether symbols are stored in the slivers or
// computed by extending them is the same for all of them: it depends on the target's index only.
type neighbours struct {
	all   []codec.SymbolSource
	files []*Source
}

// sources returns the good slivers of an axis.
func (r *repair) sources(a codec.Axis) (*neighbours, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := new(neighbours)
	for _, s := range r.status.Slivers {
		if s.Sliver.Axis == a && s.State == Good {
			src := &Source{layout: r.layout, sliver: s.Sliver, path: r.path(s.Sliver), files: r.files}
			symbols, err := codec.NewSymbolSource(r.layout, src, nil)
			if err != nil {
				return nil, err
			}
			n.files = append(n.files, src)
			n.all = append(n.all, symbols)
		}
	}
	return n, nil
}

func (n *neighbours) bytesRead() int64 { return bytesRead(n.files) }

// newReplacements begins files for slivers that take their places only when they are whole.
func (f *Folder) newReplacements(slivers ...codec.SliverIndex) *slots {
	return newSlots(f.layout, slivers, func(s codec.SliverIndex) string {
		return filepath.Join(f.dir, repairPrefix+s.String()+"-"+rand.Text()[:10])
	}, f.files.evict)
}

// replace puts finished slivers in their places, and returns those for which that went well.
func (f *Folder) replace(ctx context.Context, slivers []codec.SliverIndex, made *slots) (placed []codec.SliverIndex, err error) {
	if err := made.finish(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, s := range slivers {
		if err = made.at[f.layout.Position(s)].place(f.path(s)); err != nil {
			break
		}
		f.files.forget(f.path(s))
		placed = append(placed, s)
	}
	e := retryShort(func() error { return SyncDir(f.dir) }, f.files.evict)
	if e != nil {
		e = fmt.Errorf("folder: make the names in %s last: %w", f.dir, e)
	}
	return placed, errors.Join(err, e)
}
