package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// readModes are the ways to read a whole blob.
var readModes = map[string]func(context.Context, *Decoder, io.Writer) error{
	"Decode":     func(ctx context.Context, d *Decoder, w io.Writer) error { return d.Decode(ctx, w) },
	"DecodeFast": func(ctx context.Context, d *Decoder, w io.Writer) error { return d.DecodeFast(ctx, w) },
	"DecodeRange": func(ctx context.Context, d *Decoder, w io.Writer) error {
		return d.DecodeRange(ctx, w, 0, d.Layout().Size())
	},
}

// badSource is a sliver whose reading can be disturbed, stripe by stripe.
type badSource struct {
	*memSource
	rootReads atomic.Int64
	onRoots   func(ctx context.Context) error
	onStripe  func(ctx context.Context, c StripeIndex) error
}

func (b *badSource) StripeRoots(ctx context.Context) ([]Hash, error) {
	b.rootReads.Add(1)
	if b.onRoots != nil {
		if err := b.onRoots(ctx); err != nil {
			return nil, err
		}
	}
	return b.memSource.StripeRoots(ctx)
}

func (b *badSource) ReadStripe(ctx context.Context, c StripeIndex, dst []byte) error {
	if b.onStripe != nil {
		if err := b.onStripe(ctx, c); err != nil {
			return err
		}
	}
	return b.memSource.ReadStripe(ctx, c, dst)
}

// sevenShards is a blob on 7 shards (3 rows, 5 columns) of two full stripes and a tail.
func sevenShards(t testing.TB, seed uint64) *encoded {
	e := encodeBlob(t, 7, randomBlob(seed, 2*mustGrid(t, 7).StripeSize()+1000))
	if e.l.Stripes() != 3 {
		t.Fatalf("%d stripes", e.l.Stripes())
	}
	return e
}

func (e *encoded) allSources() []Source {
	return append(e.sources(Primary, seq(0, e.l.n)...), e.sources(Secondary, seq(0, e.l.n)...)...)
}

// wantBad is an entry of Bad that is expected.
type wantBad struct {
	stripe int
	err    error
}

// checkBad wants the sliver to be refused for one or more of the given reasons and for nothing else: a sliver that
// failed once is not asked again while others will do, so how many of its bad stripes are found depends on how
// many were asked for at a time.
func checkBad(t *testing.T, d *Decoder, s SliverIndex, want []wantBad) {
	t.Helper()
	bad := d.Bad()
	if len(bad) == 0 {
		t.Fatalf("nothing was refused, want %v of %v", want, s)
	}
	for _, e := range bad {
		if e.Sliver != s || !slices.ContainsFunc(want, func(w wantBad) bool { return e.Stripe == w.stripe && errors.Is(e, w.err) }) {
			t.Fatalf("refused %v, want %v of %v", bad, want, s)
		}
	}
}

// Each way to damage a sliver that is read is noticed, named exactly, and gone round.
func TestDecodeDamagedSliver(t *testing.T) {
	e, other := sevenShards(t, 1), sevenShards(t, 2)
	dead := func(err error) []wantBad { return []wantBad{{-1, err}} }
	for name, c := range map[string]struct {
		damage func(s *badSource)
		want   []wantBad
	}{
		"truncated in stripe 1": {func(s *badSource) { s.data = s.data[:s.l.SliverStripeOffset(s.s.Axis, 1)+5] }, []wantBad{{1, io.ErrUnexpectedEOF}, {2, io.ErrUnexpectedEOF}}},
		"last byte missing":     {func(s *badSource) { s.data = s.data[:len(s.data)-1] }, []wantBad{{2, io.ErrUnexpectedEOF}}},
		"no data":               {func(s *badSource) { s.data = nil }, []wantBad{{0, io.ErrUnexpectedEOF}, {1, io.ErrUnexpectedEOF}, {2, io.ErrUnexpectedEOF}}},
		"roots fail":            {func(s *badSource) { s.onRoots = func(context.Context) error { return errBoom } }, dead(errBoom)},
		"stripe 1 fails":        {func(s *badSource) { s.onStripe = failOn(1) }, []wantBad{{1, errBoom}}},
		"all stripes fail":      {func(s *badSource) { s.onStripe = failOn(0, 1, 2) }, []wantBad{{0, errBoom}, {1, errBoom}, {2, errBoom}}},
		"first root":            {func(s *badSource) { s.roots[0][0] ^= 1 }, dead(ErrRoots)},
		"last root":             {func(s *badSource) { s.roots[2][31] ^= 0x80 }, dead(ErrRoots)},
		"roots swapped":         {func(s *badSource) { s.roots[0], s.roots[1] = s.roots[1], s.roots[0] }, dead(ErrRoots)},
		"a root short":          {func(s *badSource) { s.roots = s.roots[:2] }, dead(ErrLength)},
		"a root more":           {func(s *badSource) { s.roots = append(s.roots, Hash{}) }, dead(ErrLength)},
		"no roots":              {func(s *badSource) { s.roots = nil }, dead(ErrLength)},
		"first byte":            {func(s *badSource) { s.data[0] ^= 1 }, []wantBad{{0, ErrStripe}}},
		"first symbol's end":    {func(s *badSource) { s.data[4095] ^= 1 }, []wantBad{{0, ErrStripe}}},
		"last symbol, stripe 0": {func(s *badSource) { s.data[s.l.SliverStripeSize(s.s.Axis, 0)-1] ^= 0x80 }, []wantBad{{0, ErrStripe}}},
		"middle stripe":         {func(s *badSource) { s.data[s.l.SliverStripeOffset(s.s.Axis, 1)+5000] ^= 1 }, []wantBad{{1, ErrStripe}}},
		"last stripe":           {func(s *badSource) { s.data[s.l.SliverStripeOffset(s.s.Axis, 2)] ^= 1 }, []wantBad{{2, ErrStripe}}},
		"last byte":             {func(s *badSource) { s.data[len(s.data)-1] ^= 1 }, []wantBad{{2, ErrStripe}}},
		"a byte in each stripe": {func(s *badSource) { s.data[7] ^= 1; s.data[len(s.data)/2] ^= 1; s.data[len(s.data)-2] ^= 1 }, []wantBad{{0, ErrStripe}, {1, ErrStripe}, {2, ErrStripe}}},
		"all zero":              {func(s *badSource) { clear(s.data) }, []wantBad{{0, ErrStripe}, {1, ErrStripe}, {2, ErrStripe}}},
		"stripes 0 and 1 change": {func(s *badSource) {
			k := s.l.SliverStripeSize(s.s.Axis, 0)
			s.data = slices.Concat(s.data[k:2*k], s.data[:k], s.data[2*k:])
		}, []wantBad{{0, ErrStripe}, {1, ErrStripe}}},
		"its neighbour":        {func(s *badSource) { m := e.source(s.s.Axis, int(s.s.Index)+1); s.roots, s.data = m.roots, m.data }, dead(ErrRoots)},
		"its neighbour's data": {func(s *badSource) { s.data = e.source(s.s.Axis, int(s.s.Index)+1).data }, []wantBad{{0, ErrStripe}, {1, ErrStripe}, {2, ErrStripe}}},
		"the other axis":       {func(s *badSource) { m := e.source(s.s.Axis.Other(), int(s.s.Index)); s.roots, s.data = m.roots, m.data }, dead(ErrRoots)},
		"another blob":         {func(s *badSource) { m := other.source(s.s.Axis, int(s.s.Index)); s.roots, s.data = m.roots, m.data }, dead(ErrRoots)},
		"another blob's data":  {func(s *badSource) { s.data = other.source(s.s.Axis, int(s.s.Index)).data }, []wantBad{{0, ErrStripe}, {1, ErrStripe}, {2, ErrStripe}}},
		"another blob's stripe": {func(s *badSource) {
			at := s.l.SliverStripeOffset(s.s.Axis, 1)
			copy(s.data[at:][:s.l.SliverStripeSize(s.s.Axis, 1)], other.source(s.s.Axis, int(s.s.Index)).data[at:])
		}, []wantBad{{1, ErrStripe}}},
	} {
		// One systematic sliver of an axis is damaged; the others of the axis are there, source and parity.
		for _, s := range []SliverIndex{{Primary, 0}, {Primary, 2}, {Secondary, 0}, {Secondary, 4}} {
			for mode, read := range readModes {
				t.Run(fmt.Sprintf("%s/%v/%s", name, s, mode), func(t *testing.T) {
					sources := e.sources(s.Axis, seq(0, e.l.n)...)
					bad := &badSource{memSource: e.source(s.Axis, int(s.Index))}
					c.damage(bad)
					sources[s.Index] = bad
					d := e.decoder(t, sources)
					for range 2 { // what is known to be bad stays so
						var out bytes.Buffer
						if err := read(context.Background(), d, &out); err != nil {
							t.Fatal(err)
						}
						if !bytes.Equal(out.Bytes(), e.blob) {
							t.Fatal("wrong bytes")
						}
						checkBad(t, d, s, c.want)
					}
				})
			}
		}
	}
}

func failOn(stripes ...StripeIndex) func(context.Context, StripeIndex) error {
	return func(_ context.Context, c StripeIndex) error {
		if slices.Contains(stripes, c) {
			return errBoom
		}
		return nil
	}
}

// Slivers that need not be read are not, so nobody learns whether they are good.
func TestDecodeLeavesTheRestAlone(t *testing.T) {
	e := sevenShards(t, 3)
	for mode, read := range readModes {
		sources := e.allSources()
		for i, s := range sources {
			if a := s.Sliver(); a.Axis == Secondary || int(a.Index) >= e.l.rows {
				m := s.(*memSource)
				clear(m.roots)
				sources[i] = &badSource{memSource: m, onRoots: func(context.Context) error { return errBoom }, onStripe: failOn(0, 1, 2)}
			}
		}
		d := e.decoder(t, sources)
		e.reads.Store(0)
		var out bytes.Buffer
		if err := read(context.Background(), d, &out); err != nil || !bytes.Equal(out.Bytes(), e.blob) {
			t.Fatalf("%s: %v, %d bytes", mode, err, out.Len())
		}
		if bad := d.Bad(); len(bad) > 0 {
			t.Errorf("%s: refused %v", mode, bad)
		}
		if want := 3 * e.l.SliverDataSize(Primary); e.reads.Load() != want {
			t.Errorf("%s: %d bytes read, want %d", mode, e.reads.Load(), want)
		}
	}
}

// someValues are the committed values of some slivers.
type someValues map[SliverIndex]Committed

func (v someValues) Committed(s SliverIndex) (Committed, bool) {
	d, ok := v[s]
	return d, ok
}

func TestNewDecoderRefuses(t *testing.T) {
	e := sevenShards(t, 4)
	for name, c := range map[string]struct {
		sources []Source
		err     error
	}{
		"duplicate":          {append(e.sources(Primary, 1, 2), e.sources(Primary, 1)...), ErrDuplicate},
		"duplicate column":   {e.sources(Secondary, 6, 0, 6), ErrDuplicate},
		"index":              {[]Source{&memSource{s: SliverIndex{Primary, 7}}}, ErrIndex},
		"axis":               {[]Source{&memSource{s: SliverIndex{2, 0}}}, ErrIndex},
		"index of secondary": {[]Source{&memSource{s: SliverIndex{Secondary, 65535}}}, ErrIndex},
	} {
		if d, err := NewDecoder(e.meta.Blob, e.meta, c.sources, Options{}); d != nil || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
	known := someValues{{Primary, 0}: e.meta.Values[0]}
	if _, err := NewDecoder(e.meta.Blob, known, e.sources(Primary, 0), Options{}); err != nil {
		t.Error(err)
	}
	var se *SliverError
	if _, err := NewDecoder(e.meta.Blob, known, e.sources(Primary, 0, 5), Options{}); !errors.As(err, &se) || se.Sliver != (SliverIndex{Primary, 5}) {
		t.Errorf("a sliver without a committed value: %v", err)
	}
	other := e.meta.Blob
	other.Size--
	if _, err := NewDecoder(other, e.meta, nil, Options{}); !errors.Is(err, ErrMetadata) {
		t.Errorf("the values of another blob: %v", err)
	}
	if _, err := NewDecoder(Blob{Shards: 3}, e.meta, nil, Options{}); !errors.Is(err, ErrShards) {
		t.Error(err)
	}
	if _, err := NewDecoder(Blob{Shards: 7, Size: 1 << 60}, e.meta, nil, Options{}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// anyStripe: several are short of slivers, and which one is found first is open.
const anyStripe = -2

func checkNotEnough(t *testing.T, err error, stripe, primaries, secondaries int) *NotEnoughError {
	t.Helper()
	var e *NotEnoughError
	if !errors.Is(err, ErrNotEnough) || !errors.As(err, &e) {
		t.Fatalf("%v, want too few slivers", err)
	}
	if stripe != anyStripe && e.Stripe != stripe || e.Primaries != primaries || e.Secondaries != secondaries || e.Grid.n == 0 {
		t.Fatalf("%v (%+v), want %d primaries and %d secondaries for stripe %d", err, e, primaries, secondaries, stripe)
	}
	return e
}

func TestDecodeNotEnough(t *testing.T) {
	for _, size := range []int{0, 1, 100, 2*7*4096 + 5, 2*15*4096 + 1000} {
		e := encodeBlob(t, 7, randomBlob(5, size))
		for name, c := range map[string]struct{ primaries, secondaries []int }{
			"none":                    {nil, nil},
			"one fewer of each":       {seq(0, 2), seq(0, 4)},
			"one fewer, parity":       {seq(5, 7), seq(3, 7)},
			"one fewer primary":       {[]int{0, 6}, nil},
			"one fewer secondary":     {nil, []int{0, 2, 4, 6}},
			"one fewer, systematic p": {[]int{1, 2}, []int{3, 4, 5, 6}},
		} {
			for mode, read := range readModes {
				if size == 0 && mode != "Decode" {
					continue // of an empty blob only Decode reads anything
				}
				t.Run(fmt.Sprintf("%d/%s/%s", size, name, mode), func(t *testing.T) {
					d := e.decoder(t, append(e.sources(Primary, c.primaries...), e.sources(Secondary, c.secondaries...)...))
					var out bytes.Buffer
					err := read(context.Background(), d, &out)
					checkNotEnough(t, err, anyStripe, len(c.primaries), len(c.secondaries))
					if out.Len() > 0 {
						t.Errorf("%d bytes were written", out.Len())
					}
				})
			}
		}
	}
}

func TestDecodeNotEnoughNamesTheBad(t *testing.T) {
	e := sevenShards(t, 6)
	for mode, read := range readModes {
		dead := e.source(Primary, 1)
		dead.roots[1][0] ^= 1
		torn := e.source(Primary, 5)
		torn.data[e.l.SliverStripeOffset(Primary, 1)] ^= 1
		d := e.decoder(t, append(e.sources(Primary, 0, 3), dead, torn))
		var out bytes.Buffer
		err := read(context.Background(), d, &out)
		// Stripe 0 has primaries 0, 3, 5; stripe 1 only two.
		ne := checkNotEnough(t, err, 1, 2, 0)
		if len(ne.Bad) != 2 || ne.Bad[0].Sliver != dead.s || ne.Bad[0].Stripe != -1 || ne.Bad[1].Sliver != torn.s || ne.Bad[1].Stripe != 1 {
			t.Errorf("%s: refused %v", mode, ne.Bad)
		}
		for _, part := range []string{"primary-0001", "primary-0005, stripe 1", "3 decode", "5 decode"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", mode, err, part)
			}
		}
	}
	many := &NotEnoughError{Stripe: -1, Grid: e.l.Grid}
	for i := range 20 {
		many.Bad = append(many.Bad, &SliverError{Sliver: SliverIndex{Primary, uint16(i)}, Stripe: -1, Err: ErrRoots})
	}
	if s := many.Error(); !strings.Contains(s, "and 12 more") || strings.Contains(s, "primary-0008") {
		t.Error(s)
	}
}

// Slivers count stripe by stripe: one that is bad in a stripe still helps in the others.
func TestDecodeEnoughPerStripe(t *testing.T) {
	e := sevenShards(t, 7)
	torn := func(a Axis, i int, stripes ...StripeIndex) Source {
		m := e.source(a, i)
		for _, c := range stripes {
			m.data[e.l.SliverStripeOffset(a, c)] ^= 1
		}
		return m
	}
	for name, sources := range map[string][]Source{
		"rows+1 primaries":         append(e.sources(Primary, 1, 5), torn(Primary, 0, 0), torn(Primary, 4, 1)),
		"rows+1 primaries, parity": append(e.sources(Primary, 5, 6), torn(Primary, 3, 2), torn(Primary, 4, 0)),
		"cols+1 secondaries":       append(e.sources(Secondary, 1, 2, 3, 4), torn(Secondary, 0, 0), torn(Secondary, 6, 1)),
		"another axis each":        append(append(e.sources(Primary, 1, 5), torn(Primary, 0, 0)), append(e.sources(Secondary, 0, 1, 2, 6), torn(Secondary, 3, 1))...),
		"primaries for one stripe": append(append(e.sources(Primary, 6), torn(Primary, 0, 0, 2), torn(Primary, 4, 0, 2)), append(e.sources(Secondary, 0, 1, 5, 6), torn(Secondary, 3, 1))...),
	} {
		for mode, read := range readModes {
			d := e.decoder(t, sources)
			var out bytes.Buffer
			if err := read(context.Background(), d, &out); err != nil || !bytes.Equal(out.Bytes(), e.blob) {
				t.Errorf("%s, %s: %v", name, mode, err)
			}
		}
	}
	// The same, one too few in one stripe.
	for mode, read := range readModes {
		d := e.decoder(t, append(e.sources(Primary, 1), torn(Primary, 0, 0), torn(Primary, 4, 1), torn(Primary, 5, 1)))
		var out bytes.Buffer
		checkNotEnough(t, read(context.Background(), d, &out), 1, 2, 0)
		if !bytes.HasPrefix(e.blob, out.Bytes()) {
			t.Errorf("%s: wrong bytes before the error", mode)
		}
	}
}

// A sliver without its roots is asked for them once, not by every stripe that wants it.
func TestDecodeReadsRootsOnce(t *testing.T) {
	e := encodeBlob(t, 4, randomBlob(8, 100*mustGrid(t, 4).StripeSize()))
	for name, damage := range map[string]func(*badSource){
		"good": func(*badSource) {},
		"bad":  func(b *badSource) { b.roots[0][0] ^= 1 },
		"fail": func(b *badSource) { b.onRoots = func(context.Context) error { return errBoom } },
	} {
		sources := e.sources(Primary, 1, 2, 3)
		b := &badSource{memSource: e.source(Primary, 0)}
		damage(b)
		d := e.decoder(t, append(sources, b))
		for range 2 {
			if err := d.DecodeFast(context.Background(), io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.rootReads.Load(); got != 1 {
			t.Errorf("%s roots are read %d times", name, got)
		}
	}
}

// Options.Reads is how many slivers are read from at a time.
func TestDecodeReadsAtATime(t *testing.T) {
	e := encodeBlob(t, 10, randomBlob(9, 12*mustGrid(t, 10).StripeSize()))
	for _, reads := range []int{1, 3, 16} {
		for mode, read := range readModes {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				held := 0
				gate := make(chan struct{})
				var sources []Source
				for i := range 10 {
					sources = append(sources, &badSource{memSource: e.source(Primary, i), onStripe: func(context.Context, StripeIndex) error {
						mu.Lock()
						held++
						mu.Unlock()
						<-gate
						return nil
					}})
				}
				d, err := NewDecoder(e.meta.Blob, e.meta, sources, Options{Reads: reads})
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- read(context.Background(), d, io.Discard) }()
				most := 0
				for {
					synctest.Wait() // nobody goes on before a reading ends
					mu.Lock()
					now := held
					held = 0
					mu.Unlock()
					most = max(most, now)
					if now == 0 {
						break
					}
					for range now {
						gate <- struct{}{}
					}
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
				if most > reads {
					t.Errorf("%s: %d readings at a time, the options say %d", mode, most, reads)
				}
			})
		}
	}
}

// checkRange reads a part and returns how many bytes of slivers that took.
func checkRange(t *testing.T, e *encoded, d *Decoder, offset, length int) int64 {
	t.Helper()
	e.reads.Store(0)
	var out bytes.Buffer
	if err := d.DecodeRange(context.Background(), &out, uint64(offset), uint64(length)); err != nil {
		t.Fatalf("%d bytes from %d on: %v", length, offset, err)
	}
	if !bytes.Equal(out.Bytes(), e.blob[offset:offset+length]) {
		t.Fatalf("%d bytes from %d on differ", length, offset)
	}
	return e.reads.Load()
}

func TestDecodeRangeReadsWhatItNeeds(t *testing.T) {
	e := sevenShards(t, 10)
	n, rows, cols := 7, e.l.rows, e.l.cols
	without := func(gone ...SliverIndex) *Decoder {
		return e.decoder(t, slices.DeleteFunc(e.allSources(), func(s Source) bool { return slices.Contains(gone, s.Sliver()) }))
	}
	stripe := e.l.StripeSize()
	const symbol = 4096
	primary, secondary := int64(e.l.SliverStripeSize(Primary, 0)), int64(e.l.SliverStripeSize(Secondary, 0))
	row := cols * symbol
	for name, c := range map[string]struct {
		d              *Decoder
		offset, length int
		reads          int64
	}{
		"a byte":                         {without(), 0, 1, primary},
		"the last byte of a symbol":      {without(), symbol - 1, 1, primary},
		"a row":                          {without(), row, row, primary},
		"a row and a byte":               {without(), row, row + 1, 2 * primary},
		"a byte of each row":             {without(), row - 1, row + 2, 3 * primary},
		"across stripes":                 {without(), stripe - 1, 2, 2 * primary},
		"a whole stripe":                 {without(), stripe, stripe, 3 * primary},
		"the last byte":                  {without(), len(e.blob) - 1, 1, int64(e.l.SliverStripeSize(Primary, 2))},
		"a byte, from its column":        {without(SliverIndex{Primary, 1}), row + symbol + 5, 1, secondary},
		"two bytes, from two columns":    {without(SliverIndex{Primary, 1}), row + symbol - 1, 2, 2 * secondary},
		"two rows, one from columns":     {without(SliverIndex{Primary, 1}), row - 1, 2, primary + secondary},
		"a whole row, by decoding":       {without(SliverIndex{Primary, 1}), row, row, 3 * primary},
		"a whole stripe, a row is gone":  {without(SliverIndex{Primary, 1}), stripe, stripe, 3 * primary},
		"neither row nor column":         {without(SliverIndex{Primary, 1}, SliverIndex{Secondary, 2}), row + 2*symbol, 1, int64(rows) * primary},
		"neither, next column":           {without(SliverIndex{Primary, 1}, SliverIndex{Secondary, 2}), row + 3*symbol, symbol, secondary},
		"the column though a row's gone": {without(SliverIndex{Primary, 0}, SliverIndex{Primary, 2}), 2 * symbol, symbol, secondary},
	} {
		t.Run(name, func(t *testing.T) {
			if got := checkRange(t, e, c.d, c.offset, c.length); got != c.reads {
				t.Errorf("%d bytes were read, want %d", got, c.reads)
			}
		})
	}

	// Of nothing but secondaries.
	d := e.decoder(t, e.sources(Secondary, seq(0, n)...))
	if got := checkRange(t, e, d, 3*symbol+1, 10); got != secondary {
		t.Errorf("%d bytes were read, want %d", got, secondary)
	}
	d = e.decoder(t, e.sources(Secondary, 0, 1, 2, 5, 6))
	if got := checkRange(t, e, d, 3*symbol+1, 10); got != int64(cols)*secondary {
		t.Errorf("%d bytes were read, want %d", got, int64(cols)*secondary)
	}
	// What is stored can be read where nothing can be decoded.
	d = e.decoder(t, append(e.sources(Primary, 1), e.sources(Secondary, 2)...))
	checkRange(t, e, d, row, row)
	checkRange(t, e, d, 2*symbol, symbol)
	err := d.DecodeRange(context.Background(), io.Discard, 0, 1)
	checkNotEnough(t, err, 0, 1, 1)
	// A sliver that turns out bad costs one more.
	sources := e.allSources()
	sources[0].(*memSource).data[row-1] ^= 1
	d = e.decoder(t, sources)
	if got := checkRange(t, e, d, 0, 1); got != primary+secondary {
		t.Errorf("%d bytes were read, want %d", got, primary+secondary)
	}
	checkBad(t, d, SliverIndex{Primary, 0}, []wantBad{{0, ErrStripe}})
	if got := checkRange(t, e, d, 0, 1); got != secondary {
		t.Errorf("%d bytes were read the second time, want %d", got, secondary)
	}
	// It is not trusted with the next stripe while a sliver that never failed will do.
	if got := checkRange(t, e, d, stripe, 1); got != secondary {
		t.Errorf("%d bytes of the next stripe were read, want %d", got, secondary)
	}
}

func TestDecodeRangeBorders(t *testing.T) {
	e := sevenShards(t, 11)
	stripe, size := e.l.StripeSize(), len(e.blob)
	sets := map[string][]Source{
		"all":              e.allSources(),
		"parity":           e.sources(Primary, 4, 5, 6),
		"parity columns":   e.sources(Secondary, 2, 3, 4, 5, 6),
		"a row is missing": append(e.sources(Primary, 0, 2, 6), e.sources(Secondary, 0, 1, 4)...),
	}
	for name, sources := range sets {
		d := e.decoder(t, sources)
		borders := []int{0, 1, 4095, 4096, 4097, 5 * 4096, 10*4096 - 1, stripe - 1, stripe, stripe + 1, 2*stripe - 1, 2 * stripe, 2*stripe + 67, 2*stripe + 68, size - 1, size}
		for _, from := range borders {
			for _, to := range borders {
				if from <= to {
					checkRange(t, e, d, from, to-from)
				}
			}
		}
		if bad := d.Bad(); len(bad) > 0 {
			t.Errorf("%s: refused %v", name, bad)
		}
	}

	d := e.decoder(t, nil)
	for _, at := range []int{0, 1, stripe, size} {
		if got := checkRange(t, e, d, at, 0); got != 0 {
			t.Errorf("%d bytes were read for nothing", got)
		}
	}
	d = e.decoder(t, e.allSources())
	e.reads.Store(0)
	const top = 1<<64 - 1
	for _, c := range [][2]uint64{{uint64(size), 1}, {uint64(size) + 1, 0}, {0, uint64(size) + 1}, {1, uint64(size)}, {top, 0}, {top, 1}, {1, top}, {top, top}, {0, top}, {1 << 63, 1 << 63}} {
		if err := d.DecodeRange(context.Background(), io.Discard, c[0], c[1]); !errors.Is(err, ErrIndex) {
			t.Errorf("%d bytes from %d on: %v", c[1], c[0], err)
		}
	}
	if e.reads.Load() != 0 {
		t.Error("a range outside of the blob was read")
	}
	empty := encodeBlob(t, 7, nil)
	d = empty.decoder(t, empty.allSources())
	if err := d.DecodeRange(context.Background(), io.Discard, 0, 1); !errors.Is(err, ErrIndex) {
		t.Errorf("a byte of the empty blob: %v", err)
	}
}

// failAfter is a writer that takes some bytes.
type failAfter struct{ left int }

func (f *failAfter) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, errBoom
	}
	f.left -= len(b)
	return len(b), nil
}

func TestDecodeWriterFails(t *testing.T) {
	e := sevenShards(t, 12)
	for mode, read := range readModes {
		for _, after := range []int{0, 1, e.l.StripeSize(), 2 * e.l.StripeSize(), len(e.blob) - 1} {
			d := e.decoder(t, e.allSources())
			if err := read(context.Background(), d, &failAfter{after}); !errors.Is(err, errBoom) {
				t.Errorf("%s, after %d bytes: %v", mode, after, err)
			}
			if bad := d.Bad(); len(bad) > 0 {
				t.Errorf("%s, after %d bytes: refused %v", mode, after, bad)
			}
		}
	}
}

func TestDecodeProgress(t *testing.T) {
	for _, n := range []int{4, 31} {
		e := encodeBlob(t, n, randomBlob(13, 5*mustGrid(t, n).StripeSize()+99))
		for mode, read := range readModes {
			var seen []uint64
			d, err := NewDecoder(e.meta.Blob, e.meta, e.sources(Secondary, seq(n-e.l.cols, n)...), Options{Workers: 3, Progress: func(done uint64) { seen = append(seen, done) }})
			if err != nil {
				t.Fatal(err)
			}
			if err := read(context.Background(), d, io.Discard); err != nil {
				t.Fatal(err)
			}
			if !slices.IsSorted(seen) || len(seen) == 0 || seen[len(seen)-1] != uint64(len(e.blob)) {
				t.Errorf("n = %d, %s: progress %v", n, mode, seen)
			}
		}
	}
}

// Who gives up does not blame the slivers, and leaves nothing running: a bubble ends only when its goroutines have.
func TestDecodeCancelled(t *testing.T) {
	e := encodeBlob(t, 4, randomBlob(14, 300*mustGrid(t, 4).StripeSize()))
	for mode, read := range readModes {
		check := func(t *testing.T, what string, d *Decoder, err error) {
			t.Helper()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, cancelled %s: %v", mode, what, err)
			}
			if bad := d.Bad(); len(bad) > 0 {
				t.Errorf("%s, cancelled %s: refused %v", mode, what, bad)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			d := e.decoder(t, e.allSources())
			check(t, "before", d, read(ctx, d, io.Discard))
		})
		for _, at := range []StripeIndex{0, 1, 270, 299} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				sources := e.allSources()
				sources[1] = &badSource{memSource: e.source(Primary, 1), onStripe: func(ctx context.Context, c StripeIndex) error {
					if c == at {
						cancel()
					}
					return ctx.Err()
				}}
				d := e.decoder(t, sources)
				check(t, fmt.Sprint("at stripe ", at), d, read(ctx, d, io.Discard))
				// Nothing was broken by that.
				sources[1] = e.source(Primary, 1)
				if err := read(context.Background(), e.decoder(t, sources), io.Discard); err != nil {
					t.Error(err)
				}
			})
		}
		for what, hang := range map[string]func(b *badSource, reached func()){
			"while a stripe hangs": func(b *badSource, reached func()) {
				b.onStripe = func(ctx context.Context, c StripeIndex) error {
					if c < 10 {
						return nil
					}
					reached()
					<-ctx.Done()
					return fmt.Errorf("gave up: %w", ctx.Err())
				}
			},
			"while roots hang": func(b *badSource, reached func()) {
				b.onRoots = func(ctx context.Context) error {
					reached()
					<-ctx.Done()
					return errBoom
				}
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				sources := e.allSources()
				b := &badSource{memSource: e.source(Primary, 0)}
				hang(b, cancel)
				sources[0] = b
				d := e.decoder(t, sources)
				check(t, what, d, read(ctx, d, io.Discard))
			})
		}
		// A stripe that cannot be had ends the readings of others that hang.
		synctest.Test(t, func(t *testing.T) {
			hang := &badSource{memSource: e.source(Primary, 0), onStripe: func(ctx context.Context, c StripeIndex) error {
				if c == 3 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}}
			lost := &badSource{memSource: e.source(Primary, 3), onStripe: failOn(3)}
			d := e.decoder(t, []Source{hang, lost})
			checkNotEnough(t, read(context.Background(), d, io.Discard), 3, 1, 0)
		})
		// A writer that fails ends the readings that hang.
		synctest.Test(t, func(t *testing.T) {
			sources := e.allSources()
			sources[0] = &badSource{memSource: e.source(Primary, 0), onStripe: func(ctx context.Context, c StripeIndex) error {
				if c < 280 {
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}}
			d := e.decoder(t, sources)
			if err := read(context.Background(), d, &failAfter{1000}); !errors.Is(err, errBoom) || len(d.Bad()) > 0 {
				t.Errorf("%s: %v, refused %v", mode, err, d.Bad())
			}
		})
	}
}

// One decoder, many readers: they agree on what is bad and all get the blob.
func TestDecoderConcurrentUse(t *testing.T) {
	e := sevenShards(t, 15)
	sources := e.allSources()
	sources[0].(*memSource).roots[0][0] ^= 1
	sources[1].(*memSource).data[5] ^= 1
	sources[2].(*memSource).data = sources[2].(*memSource).data[:e.l.SliverStripeOffset(Primary, 2)]
	d := e.decoder(t, sources)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			var out bytes.Buffer
			want := e.blob
			var err error
			switch i % 4 {
			case 0:
				err = d.Decode(context.Background(), &out)
			case 1:
				err = d.DecodeFast(context.Background(), &out)
			case 2:
				from, to := i*5000, 2*e.l.StripeSize()+i
				want = e.blob[from:to]
				err = d.DecodeRange(context.Background(), &out, uint64(from), uint64(to-from))
			case 3:
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				if err := d.Decode(ctx, io.Discard); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				d.Bad()
				return
			}
			if err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("reader %d: %v, %d bytes", i, err, out.Len())
			}
		})
	}
	wg.Wait()
	// Depending on who came first, some of the damage was never touched.
	want := map[SliverIndex]wantBad{{Primary, 0}: {-1, ErrRoots}, {Primary, 1}: {0, ErrStripe}, {Primary, 2}: {2, io.ErrUnexpectedEOF}}
	bad := d.Bad()
	for _, e := range bad {
		if w, ok := want[e.Sliver]; !ok || e.Stripe != w.stripe || !errors.Is(e, w.err) {
			t.Errorf("refused %v", e)
		}
		delete(want, e.Sliver)
	}
	if _, ok := want[SliverIndex{Primary, 0}]; ok {
		t.Errorf("refused only %v", bad)
	}
}

// padded encodes content and calls it a shorter blob: what comes after size is padding.
func padded(t *testing.T, n int, content []byte, size int) *encoded {
	t.Helper()
	e := encodeBlob(t, n, content)
	l, err := e.l.Grid.Layout(uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	if l.Stripes() != e.l.Stripes() || l.SymbolBytes() != e.l.SymbolBytes() {
		t.Fatalf("%d bytes have another layout than %d", size, len(content))
	}
	m, err := NewMetadata(l, e.meta.Values)
	if err != nil {
		t.Fatal(err)
	}
	sink := &memSink{l: l, roots: e.roots, data: e.data}
	return &encoded{memSink: sink, blob: content[:size], meta: m}
}

// A writer can commit to padding that is not zero, and all hashes hold. No reader may take that for the blob.
func TestDecodePaddingNotZero(t *testing.T) {
	g := mustGrid(t, 7)
	cells, stripe := g.rows*g.cols, g.StripeSize()
	for _, c := range []struct{ source, size, garbage int }{
		{2 * cells, 1, 1},
		{2 * cells, 2*cells - 1, 2*cells - 1},
		{68 * cells, 68*cells - 2*cells + 1, 68*cells - 1}, // one bit at the very end
		{68 * cells, 68*cells - 5, 68*cells - 5},
		{4096 * cells, 4096*cells - 3, 4096*cells - 1},
		{2*stripe + 68*cells, 2*stripe + 67*cells, 2*stripe + 67*cells + 1},
		{2*stripe + 2*cells, 2*stripe + 1, 2*stripe + cells},
	} {
		content := randomBlob(uint64(c.size), c.source)
		clear(content[c.size:])
		content[c.garbage] = 0x40
		e := padded(t, 7, content, c.size)
		for name, sources := range map[string][]Source{
			"primaries":      e.sources(Primary, seq(0, 7)...),
			"parity":         e.sources(Primary, 4, 5, 6),
			"secondaries":    e.sources(Secondary, seq(0, 7)...),
			"parity columns": e.sources(Secondary, 2, 3, 4, 5, 6),
		} {
			for mode, read := range readModes {
				d := e.decoder(t, sources)
				var out bytes.Buffer
				if err := read(context.Background(), d, &out); !errors.Is(err, ErrPadding) {
					t.Errorf("%+v, %s, %s: %v", c, name, mode, err)
				}
				if !bytes.HasPrefix(e.blob, out.Bytes()) || len(d.Bad()) > 0 {
					t.Errorf("%+v, %s, %s: %d bytes written, refused %v", c, name, mode, out.Len(), d.Bad())
				}
			}
			// A range that does not hold the whole last stripe never gives the padding away.
			d := e.decoder(t, sources)
			for _, from := range []int{1, c.size / 2, c.size - 1} {
				if from > 0 && from < c.size {
					var out bytes.Buffer
					err := d.DecodeRange(context.Background(), &out, uint64(from), uint64(c.size-from))
					if err == nil && !bytes.Equal(out.Bytes(), e.blob[from:]) || err != nil && !errors.Is(err, ErrPadding) {
						t.Errorf("%+v, %s, from %d on: %v, %d bytes", c, name, from, err, out.Len())
					}
				}
			}
		}
	}
	empty := make([]byte, 2*cells)
	empty[2*cells-1] = 1
	e := padded(t, 7, empty, 0)
	if err := e.decoder(t, e.allSources()).Decode(context.Background(), io.Discard); !errors.Is(err, ErrPadding) {
		t.Errorf("an empty blob with padding: %v", err)
	}
	// The same with zero padding is the blob of that size.
	clear(empty)
	e = padded(t, 7, empty, 0)
	if want := encodeBlob(t, 7, nil); want.meta.ID() != e.meta.ID() {
		t.Error("zero padding makes another blob")
	}
	if err := e.decoder(t, e.allSources()).Decode(context.Background(), io.Discard); err != nil {
		t.Errorf("an empty blob: %v", err)
	}
}

// A writer that commits to slivers of no blob: every sliver is what was committed, and yet two sets of them decode to different
// bytes. Decode never gives either away as the blob; the fast ways do, as they say.
func TestDecodeInconsistent(t *testing.T) {
	x, y := sevenShards(t, 16), sevenShards(t, 17)
	l := x.l
	mix := func(take func(position int) *encoded) *encoded {
		values := make([]Committed, 2*l.n)
		e := &encoded{memSink: newMemSink(l), blob: x.blob}
		for p := range values {
			from := take(p)
			values[p], e.roots[p], e.data[p] = from.meta.Values[p], from.roots[p], from.data[p]
		}
		m, err := NewMetadata(l, values)
		if err != nil {
			t.Fatal(err)
		}
		e.meta = m
		return e
	}
	axes := mix(func(p int) *encoded {
		if p < l.n {
			return x
		}
		return y
	})
	parity := mix(func(p int) *encoded { // the systematic primaries hold x, the parity ones y
		if p < l.rows {
			return x
		}
		return y
	})
	one := mix(func(p int) *encoded { // one sliver is of another blob
		if p == l.n+6 {
			return y
		}
		return x
	})
	for name, c := range map[string]struct {
		e       *encoded
		sources []Source
		fast    []byte // nil: the bytes of no blob
	}{
		"primaries":             {axes, axes.sources(Primary, seq(0, 7)...), x.blob},
		"parity primaries":      {axes, axes.sources(Primary, 4, 5, 6), x.blob},
		"secondaries":           {axes, axes.sources(Secondary, seq(0, 7)...), y.blob},
		"parity secondaries":    {axes, axes.sources(Secondary, 2, 3, 4, 5, 6), y.blob},
		"all":                   {axes, axes.allSources(), x.blob},
		"systematic, not coded": {parity, parity.sources(Primary, 0, 1, 2), x.blob},
		"coded, not systematic": {parity, parity.sources(Primary, 4, 5, 6), y.blob},
		"some of each":          {parity, parity.sources(Primary, 1, 2, 5), nil},
		"one bad, not read":     {one, one.sources(Primary, 0, 1, 2), x.blob},
		"one bad, read":         {one, one.sources(Secondary, 0, 1, 2, 3, 6), nil},
	} {
		for mode, read := range readModes {
			d := c.e.decoder(t, c.sources)
			var out bytes.Buffer
			err := read(context.Background(), d, &out)
			switch {
			case mode == "Decode":
				if !errors.Is(err, ErrInconsistent) && !(c.fast == nil && errors.Is(err, ErrPadding)) {
					t.Errorf("%s, %s: %v", name, mode, err)
				}
			case c.fast != nil:
				if err != nil || !bytes.Equal(out.Bytes(), c.fast) {
					t.Errorf("%s, %s: %v, or other bytes", name, mode, err)
				}
			case err == nil:
				if out.Len() != len(x.blob) || bytes.Equal(out.Bytes(), x.blob) || bytes.Equal(out.Bytes(), y.blob) {
					t.Errorf("%s, %s: %d bytes of a blob", name, mode, out.Len())
				}
			case !errors.Is(err, ErrPadding):
				t.Errorf("%s, %s: %v", name, mode, err)
			}
			if bad := d.Bad(); len(bad) > 0 {
				t.Errorf("%s, %s: good slivers are refused: %v", name, mode, bad)
			}
		}
	}

	// Values that nobody has a sliver for are no blob either.
	values := slices.Clone(x.meta.Values)
	values[13] = Committed{1}
	m, err := NewMetadata(l, values)
	if err != nil {
		t.Fatal(err)
	}
	e := &encoded{memSink: x.memSink, blob: x.blob, meta: m}
	if err := e.decoder(t, e.sources(Primary, 0, 1, 2)).Decode(context.Background(), io.Discard); !errors.Is(err, ErrInconsistent) {
		t.Errorf("a value out of thin air: %v", err)
	}
}

// A longer blob takes no more memory to decode.
func TestDecodeAllocations(t *testing.T) {
	const n, few, many = 31, 8, 16
	e := encodeBlob(t, n, randomBlob(18, many*mustGrid(t, n).StripeSize()))
	short := encodeBlob(t, n, e.blob[:few*e.l.StripeSize()])
	for name, set := range map[string]func(*encoded) []Source{
		"systematic": func(e *encoded) []Source { return e.sources(Primary, seq(0, e.l.rows)...) },
		"parity":     func(e *encoded) []Source { return e.sources(Secondary, seq(n-e.l.cols, n)...) },
	} {
		for mode, read := range readModes {
			run := func(e *encoded) func() {
				d, err := NewDecoder(e.meta.Blob, e.meta, set(e), Options{Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				return func() {
					if err := read(context.Background(), d, io.Discard); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(short)()
			shortSize, shortCount := allocated(run(short))
			longSize, longCount := allocated(run(e))
			checkGrowth(t, name+", "+mode, e.l.Grid, 1, many-few, int64(longSize)-int64(shortSize), int64(longCount)-int64(shortCount))
		}
	}
}

// Liars that take turns cost a reading little more than one that lies always: a sliver that was found bad once is
// not asked again, and what was found good is not read again.
func TestDecodeLiarsCostLittle(t *testing.T) {
	const n = 31
	g := mustGrid(t, n)
	e := encodeBlob(t, n, randomBlob(77, 6*g.StripeSize()))
	for mode, read := range readModes {
		e.reads.Store(0)
		sources := e.sources(Primary, seq(0, n)...)
		for i := range g.f {
			clear(sources[i].(*memSource).data)
		}
		var out bytes.Buffer
		if err := read(context.Background(), e.decoder(t, sources), &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), e.blob) {
			t.Fatal("wrong bytes")
		}
		// Each liar's stripe is read at most once for each stripe that was under way when it was found out.
		if got, most := e.reads.Load(), 2*int64(len(e.blob)); got > most {
			t.Errorf("%s: %d bytes were read for a blob of %d", mode, got, len(e.blob))
		}
	}
}

// A source that is not available now is gone round and not blamed, and asked again later.
func TestDecodeUnavailable(t *testing.T) {
	e := sevenShards(t, 21)
	sources := e.allSources()
	busy := true
	sources[0] = &badSource{memSource: e.source(Primary, 0), onRoots: func(context.Context) error {
		if busy {
			return fmt.Errorf("503: %w", ErrUnavailable)
		}
		return nil
	}}
	d := e.decoder(t, sources)
	var out bytes.Buffer
	if err := d.DecodeFast(context.Background(), &out); err != nil || !bytes.Equal(out.Bytes(), e.blob) {
		t.Fatalf("%d bytes, %v", out.Len(), err)
	}
	if bad := d.Bad(); len(bad) > 0 {
		t.Errorf("blamed: %v", bad)
	}
	alone := e.decoder(t, append(e.sources(Primary, 1, 2), sources[0]))
	err := alone.DecodeFast(context.Background(), io.Discard)
	if !errors.Is(err, ErrNotEnough) || !strings.Contains(err.Error(), "503") {
		t.Errorf("one of three primaries is busy: %v", err)
	}
	busy = false
	if err := alone.DecodeFast(context.Background(), io.Discard); err != nil {
		t.Errorf("it is not busy any more: %v", err)
	}
}
