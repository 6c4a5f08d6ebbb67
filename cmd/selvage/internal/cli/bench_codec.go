package cli

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/rs"
)

// gridBench measures one grid.
type gridBench struct {
	ctx     context.Context
	machine *benchResult
	grid    codec.Grid
	size    int64
	runs    int

	meta          *codec.Metadata // of the blob of the full size
	encodeSeconds float64
	gridResult
}

// gridSteps are the measurements of a grid, in order: later ones use what earlier ones found.
var gridSteps = []func(*gridBench) error{
	(*gridBench).encode, (*gridBench).encodeID, (*gridBench).encodeSmall, (*gridBench).shares,
	(*gridBench).decodeSystematic, (*gridBench).decodeParity, (*gridBench).recover, (*gridBench).kzg,
}

// blobReader gives a number of bytes that compress badly, the same ones every time, without costing anything: the
// codec's speed doesn't depend on them.
type blobReader struct {
	block []byte
	at    int
	left  int64
}

var benchBlock = sync.OnceValue(func() []byte {
	b := make([]byte, 8<<20+13) // no multiple of a stripe, so that stripes differ
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
})

func newBlobReader(size int64) io.Reader { return &blobReader{block: benchBlock(), left: size} }

func (r *blobReader) Read(b []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), r.left)]
	n := copy(b, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	r.left -= int64(n)
	return n, nil
}

// discardSink takes slivers and forgets them.
type discardSink struct{}

func (discardSink) WriteStripe(context.Context, codec.SliverIndex, codec.StripeIndex, codec.Hash, []byte) error {
	return nil
}

// encodeBlob encodes a blob of a size, with the sink if there is one.
func (b *gridBench) encodeBlob(size int64, sink codec.Sink) (*codec.Metadata, error) {
	return codec.Encode(b.ctx, b.grid, newBlobReader(size), size, sink, codec.Options{})
}

func (b *gridBench) encode() error {
	g := b.grid
	n, rows, cols := float64(g.Shards()), float64(g.Rows()), float64(g.Cols())
	b.Shards = g.Shards()
	b.Expansion = n * n / (rows * cols)
	before := hashSpeed(1)
	resetPeak()
	var err error
	b.encodeSeconds, err = median(b.runs, func() (err error) {
		b.meta, err = b.encodeBlob(b.size, discardSink{})
		return err
	})
	b.EncodeRSS = peakMemory()
	// What else runs on a shared machine slows both: the limit is measured on both sides of what it limits.
	b.SHA256 = (before + hashSpeed(1)) / 2
	b.Limit = float64(b.machine.Cores) * b.SHA256 / b.Expansion
	b.Encode = float64(b.size) / megabyte / b.encodeSeconds
	b.EncodeRatio = b.Encode / b.Limit
	return err
}

func (b *gridBench) encodeID() error {
	seconds, err := median(b.runs, func() error {
		_, err := b.encodeBlob(b.size, nil)
		return err
	})
	b.EncodeID = float64(b.size) / megabyte / seconds
	b.EncodeIDRatio = b.EncodeID / b.Limit
	return err
}

func (b *gridBench) encodeSmall() error {
	seconds, err := median(max(5, b.runs), func() error {
		_, err := b.encodeBlob(1<<10, discardSink{})
		return err
	})
	b.EncodeSmall = 1000 * seconds
	return err
}

// shares measures the parts of encoding alone, each on one core for a part of the work.
func (b *gridBench) shares() error {
	l, err := b.grid.Layout(uint64(b.size))
	if err != nil {
		return err
	}
	coreSeconds := b.encodeSeconds * float64(b.machine.Cores)
	symbols := float64(l.SymbolBytes()) // Σt: every vector of the grid has these bytes, in all
	var reedSolomon float64
	for _, code := range []struct{ k, lines int }{{b.grid.Cols(), b.grid.Rows()}, {b.grid.Rows(), b.grid.Shards()}} {
		perByte, err := b.reedSolomon(code.k)
		if err != nil {
			return err
		}
		reedSolomon += perByte * float64(code.lines) * symbols
	}
	kzg, err := median(max(3, b.runs), func() error {
		_, err := codec.NewMetadata(l, b.meta.Values)
		return err
	})
	if err != nil {
		return err
	}
	n := float64(b.grid.Shards())
	perByte, err := b.hashing(l.SymbolSize(0))
	if err != nil {
		return err
	}
	b.ShareReedSolomon = reedSolomon / coreSeconds
	b.ShareKZG = kzg / b.encodeSeconds // one thing after another: while it is computed nothing else is
	b.ShareRest = max(0, 1-b.ShareReedSolomon-b.ShareKZG)
	b.ShareSHA256 = perByte * n * n * symbols / coreSeconds
	return nil
}

// reedSolomon is how many seconds a core takes for extending k vectors to n, per byte of a vector.
func (b *gridBench) reedSolomon(k int) (float64, error) {
	const vector = 1024 // what package codec uses, too
	code, err := rs.New(k, b.grid.Shards())
	if err != nil {
		return 0, err
	}
	vectors := make([][]byte, code.N())
	for i := range vectors {
		vectors[i] = make([]byte, vector)
		copy(vectors[i], benchBlock()[i*61:])
	}
	calls := max(4, (32<<20)/(vector*code.N()))
	seconds, err := median(max(3, b.runs), func() error {
		for range calls {
			if err := code.Encode(vectors); err != nil {
				return err
			}
		}
		return nil
	})
	return seconds / float64(calls*vector), err
}

// hashing is how many seconds a core takes for hashing a byte of symbols with crypto/sha256.
func (b *gridBench) hashing(symbol int) (float64, error) {
	buf := make([]byte, 1+symbol)
	count := max(1, (16<<20)/symbol)
	seconds, err := median(max(3, b.runs), func() error {
		for range count {
			sum := sha256.Sum256(buf)
			buf[1] = sum[0]
		}
		return nil
	})
	return seconds / float64(count*symbol), err
}

// kzg measures commitments and openings.
func (b *gridBench) kzg() error {
	l, err := b.meta.Layout()
	if err != nil {
		return err
	}
	millis := func(what *float64, run func() error) {
		if err != nil {
			return
		}
		var seconds float64
		seconds, err = median(max(5, b.runs), run)
		*what = 1000 * seconds
	}
	millis(&b.Commit, func() error {
		_, err := codec.NewMetadata(l, b.meta.Values)
		return err
	})
	opener, e := codec.NewOpener(b.meta)
	if e != nil {
		return e
	}
	var one codec.SliverOpening
	millis(&b.Open, func() (err error) {
		one, err = opener.Open(codec.SliverIndex{Axis: codec.Primary})
		return err
	})
	var openings []codec.BlobOpening
	for i := range min(64, 2*b.grid.Shards()) {
		o, err := opener.Open(b.grid.SliverAt(i))
		if err != nil {
			return err
		}
		openings = append(openings, codec.BlobOpening{Blob: b.meta.Blob, SliverOpening: o})
	}
	// A grid of few shards has fewer slivers than 64: the first ones are checked again.
	for i := 0; len(openings) < 64; i++ {
		openings = append(openings, openings[i])
	}
	millis(&b.Verify, func() error {
		return codec.VerifyOpenings(b.ctx, []codec.BlobOpening{{Blob: b.meta.Blob, SliverOpening: one}})
	})
	millis(&b.BatchVerify64, func() error { return codec.VerifyOpenings(b.ctx, openings) })
	b.meta = nil
	runtime.GC()
	return err
}
