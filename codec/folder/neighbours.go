package folder

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/selvage-network/selvage/codec"
)

// neighbours are the good slivers of one axis, as the sources of one recovery. They come in ascending order, the
// systematic ones first, since symbols of these need no computing. Whether symbols are stored in the slivers or
// computed by extending them is the same for all of them: it depends on the target's index only.
type neighbours struct {
	all        []codec.SymbolSource
	files      []*Source
	layout     codec.Layout
	extractors sync.Pool // *codec.Extractor
}

// sources returns the good slivers of an axis.
func (r *repair) sources(a codec.Axis) *neighbours {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := &neighbours{layout: r.layout}
	for _, s := range r.status.Slivers {
		if s.Sliver.Axis == a && s.State == Good {
			src := &Source{layout: r.layout, sliver: s.Sliver, path: r.path(s.Sliver), files: r.files}
			n.files = append(n.files, src)
			n.all = append(n.all, &neighbour{Source: src, of: n})
		}
	}
	return n
}

func (n *neighbours) bytesRead() int64 {
	sum := int64(0)
	for _, src := range n.files {
		sum += src.BytesRead()
	}
	return sum
}

// extractor lends an extractor. [codec.NewSymbolSource] would make one for every source, hundreds of them with a
// stripe of memory each, of which only a few work at a time.
func (n *neighbours) extractor(use func(*codec.Extractor) error) error {
	x, _ := n.extractors.Get().(*codec.Extractor)
	if x == nil {
		var err error
		if x, err = codec.NewExtractor(n.layout); err != nil {
			return err
		}
	}
	defer n.extractors.Put(x)
	return use(x)
}

// neighbour is a [codec.SymbolSource] over a file.
type neighbour struct {
	*Source
	of *neighbours
}

func (n *neighbour) ReadSymbols(ctx context.Context, target codec.SliverIndex, first, end codec.StripeIndex, dst []byte) error {
	return n.of.extractor(func(x *codec.Extractor) error {
		_, err := x.Symbols(ctx, n.Source, target, first, end, dst)
		return err
	})
}

func (n *neighbour) ReadProof(ctx context.Context, target codec.SliverIndex, c codec.StripeIndex) (p *codec.SymbolProof, err error) {
	err = n.of.extractor(func(x *codec.Extractor) error {
		p, err = x.Proof(ctx, n.Source, target, c)
		return err
	})
	return p, err
}

// replacement is a [codec.Sink] for one sliver that takes its place only when it is whole.
type replacement struct {
	f      *Folder
	sliver codec.SliverIndex
	buffer *sliverBuffer
	temp   string
	file   file // nil once it is closed
}

// newReplacement begins a sliver's file.
func (f *Folder) newReplacement(s codec.SliverIndex) (*replacement, error) {
	r := &replacement{f: f, sliver: s, buffer: newSliverBuffer(f.layout, s, 1)}
	path := filepath.Join(f.dir, repairPrefix+s.String()+"-"+rand.Text()[:10])
	var err error
	if r.file, err = openFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL); err != nil {
		return nil, fmt.Errorf("folder: repair %v: %w", s, err)
	}
	r.temp = path
	return r, nil
}

// WriteStripe implements [codec.Sink].
func (r *replacement) WriteStripe(_ context.Context, _ codec.SliverIndex, c codec.StripeIndex, root codec.Hash, data []byte) error {
	return r.buffer.add(r.file, c, root, data)
}

// commit puts the sliver in its place.
func (r *replacement) commit() error {
	err := r.buffer.finish(r.file)
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write it: %w", err)
	}
	err = r.file.Close()
	r.file = nil
	if err == nil {
		err = os.Rename(r.temp, r.f.path(r.sliver))
	}
	if err != nil {
		return fmt.Errorf("put it in its place: %w", err)
	}
	r.temp = ""
	return syncDir(r.f.dir)
}

// discard removes what was not committed.
func (r *replacement) discard() {
	if r.file != nil {
		r.file.Close()
	}
	if r.temp != "" {
		os.Remove(r.temp)
	}
}
