package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// askSource counts what it is asked, and may lie or fail.
type askSource struct {
	SymbolSource
	asked  atomic.Int64 // calls of ReadSymbols
	bytes  atomic.Int64 // that ReadSymbols was asked for
	proofs atomic.Int64 // proofs that ReadProofs was asked for

	// read changes what ReadSymbols gives; prove what ReadProofs gives.
	read  func(first, end StripeIndex, dst []byte) error
	prove func(p *SymbolProof) (*SymbolProof, error)
}

func (s *askSource) ReadSymbols(ctx context.Context, target SliverIndex, first, end StripeIndex, dst []byte) error {
	s.asked.Add(1)
	s.bytes.Add(int64(len(dst)))
	if err := s.SymbolSource.ReadSymbols(ctx, target, first, end, dst); err != nil {
		return err
	}
	if s.read != nil {
		return s.read(first, end, dst)
	}
	return nil
}

func (s *askSource) ReadProofs(ctx context.Context, target SliverIndex, first, end StripeIndex) ([]*SymbolProof, error) {
	s.proofs.Add(int64(end - first))
	proofs, err := s.SymbolSource.ReadProofs(ctx, target, first, end)
	for i, p := range proofs {
		if s.prove == nil {
			break
		}
		if proofs[i], err = s.prove(p); err != nil {
			return nil, err
		}
	}
	return proofs, err
}

// readProof asks for one proof.
func readProof(ctx context.Context, s SymbolSource, target SliverIndex, c StripeIndex) (*SymbolProof, error) {
	proofs, err := s.ReadProofs(ctx, target, c, c+1)
	if err != nil {
		return nil, err
	}
	return proofs[0], nil
}

// restartSink keeps slivers, each of which may begin anew at stripe 0.
type restartSink struct {
	l      Layout
	mu     sync.Mutex
	roots  map[SliverIndex][]Hash
	data   map[SliverIndex][]byte
	starts map[SliverIndex]int
	fail   func(s SliverIndex, c StripeIndex) error
}

func newRestartSink(l Layout) *restartSink {
	return &restartSink{l: l, roots: make(map[SliverIndex][]Hash), data: make(map[SliverIndex][]byte), starts: make(map[SliverIndex]int)}
}

func (m *restartSink) WriteStripe(_ context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(s, c); err != nil {
			return err
		}
	}
	if c == 0 {
		m.starts[s]++
		m.roots[s], m.data[s] = nil, nil
	}
	if len(m.roots[s]) != int(c) {
		return fmt.Errorf("stripe %d came after %d", c, len(m.roots[s]))
	}
	m.roots[s] = append(m.roots[s], root)
	m.data[s] = append(m.data[s], data...)
	return nil
}

// neighbours are good sources of an encoded blob's slivers, with counters.
func (e *encoded) neighbours(t testing.TB, a Axis, indices ...int) (out []*askSource) {
	t.Helper()
	for _, i := range indices {
		s, err := NewSymbolSource(e.l, e.source(a, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &askSource{SymbolSource: s})
	}
	return out
}

func symbolSources(list []*askSource) (out []SymbolSource) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// wantSliver checks that a sink holds exactly the sliver that was lost.
func wantSliver(t *testing.T, e *encoded, sink *restartSink, s SliverIndex) {
	t.Helper()
	p := e.l.Position(s)
	if !slices.Equal(sink.roots[s], e.roots[p]) {
		t.Errorf("%v came back with other stripe roots", s)
	}
	if !bytes.Equal(sink.data[s], e.data[p]) {
		t.Errorf("%v came back with other bytes", s)
	}
}

// badSlivers are the slivers that a recovery blames, each once.
func badSlivers(r *Recovery) (bad []SliverIndex) {
	for _, e := range r.Bad {
		if !slices.Contains(bad, e.Sliver) {
			bad = append(bad, e.Sliver)
		}
	}
	return bad
}

func TestRecoverEverySliver(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 5, 7, 10, 13, 31} {
		g := mustGrid(t, n)
		for _, size := range sliverSizes(g, 1<<20) {
			e := encodeBlob(t, n, randomBlob(uint64(size+n), size))
			r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
			targets := allSlivers(g)
			if n > 13 || size > 1<<17 {
				targets = someSlivers(g)
			}
			for _, target := range targets {
				across := target.Axis.Other()
				need := g.Needed(across)
				all := e.neighbours(t, across, r.Perm(n)...)
				sink := newRestartSink(e.l)
				rec, err := Recover(ctx, e.l, e.meta, target, nil, symbolSources(all), sink, Options{Workers: 1 + r.IntN(3), Reads: r.IntN(4)})
				if err != nil {
					t.Fatalf("n=%d size=%d %v: %v", n, size, target, err)
				}
				wantSliver(t, e, sink, target)
				lost := e.l.SliverDataSize(target.Axis)
				want := Recovery{Target: target, Size: lost, SymbolBytes: lost}
				if got := fmt.Sprintf("%+v", *rec); got != fmt.Sprintf("%+v", want) {
					t.Errorf("n=%d size=%d: %s, want %+v", n, size, got, want)
				}
				if sink.starts[target] != 1 || len(sink.starts) != 1 {
					t.Errorf("slivers begun: %v", sink.starts)
				}
				for i, s := range all {
					if got := s.bytes.Load(); i < need && got != int64(e.l.SymbolBytes()) || i >= need && got != 0 || s.proofs.Load() != 0 {
						t.Errorf("n=%d size=%d %v: neighbour %d of %d needed gave %d bytes and %d proofs, Σt is %d",
							n, size, target, i, need, got, s.proofs.Load(), e.l.SymbolBytes())
					}
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		}
	}
}

func TestRecoverProgress(t *testing.T) {
	for _, n := range []int{4, 10} {
		g := mustGrid(t, n)
		for _, size := range []int{0, 100, g.StripeSize(), g.StripeSize() + 1, 2*g.StripeSize() + 5000, 3 * g.StripeSize()} {
			e := encodeBlob(t, n, randomBlob(1, size))
			for _, target := range []SliverIndex{{Primary, 1}, {Secondary, 1}} {
				var done []uint64
				_, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(e.neighbours(t, target.Axis.Other(), seq(0, n)...)),
					newRestartSink(e.l), Options{Progress: func(d uint64) { done = append(done, d) }})
				if err != nil {
					t.Fatal(err)
				}
				if want := uint64(e.l.SliverDataSize(target.Axis)); !slices.IsSorted(done) || len(done) == 0 || done[len(done)-1] != want {
					t.Errorf("n=%d size=%d %v: progress %v, want it to rise to %d", n, size, target, done, want)
				}
			}
		}
	}
}

func TestRecoverOwnFirst(t *testing.T) {
	for _, n := range []int{4, 10} {
		g := mustGrid(t, n)
		e := encodeBlob(t, n, threeStripeBlob(g, 1))
		run := int64(e.l.SymbolBytes())
		for _, target := range []SliverIndex{{Primary, 1}, {Secondary, uint16(n - 1)}} {
			across := target.Axis.Other()
			need := g.Needed(across)
			for count := range n {
				own := e.neighbours(t, across, seq(0, count)...)
				around := e.neighbours(t, across, seq(count, n)...)
				asked := false
				for _, s := range around {
					s.read = func(StripeIndex, StripeIndex, []byte) error { asked = true; return nil }
				}
				sink := newRestartSink(e.l)
				rec, err := Recover(context.Background(), e.l, e.meta, target, symbolSources(own), symbolSources(around), sink, Options{Reads: 1})
				if err != nil {
					t.Fatal(err)
				}
				wantSliver(t, e, sink, target)
				used := min(count, need)
				if rec.OwnBytes != int64(used)*run || rec.SymbolBytes != int64(need-used)*run || rec.Size != int64(need)*run {
					t.Errorf("n=%d %v with %d own: %d own bytes and %d of neighbours, want %d and %d", n, target, count,
						rec.OwnBytes, rec.SymbolBytes, int64(used)*run, int64(need-used)*run)
				}
				if asked != (count < need) {
					t.Errorf("n=%d %v with %d own of %d needed: neighbours asked: %v", n, target, count, need, asked)
				}
				for i, s := range own {
					if (s.asked.Load() > 0) != (i < need) {
						t.Errorf("n=%d %v: own sliver %d of %d asked %d times", n, target, i, count, s.asked.Load())
					}
				}
				for i, s := range around {
					if (s.asked.Load() > 0) != (i < need-used) {
						t.Errorf("n=%d %v: neighbour %d asked %d times, %d needed", n, target, i, s.asked.Load(), need-used)
					}
				}
			}
		}
	}
}

var errOffline = errors.New("offline")

func failFrom(stripe StripeIndex) func(StripeIndex, StripeIndex, []byte) error {
	return func(_, end StripeIndex, dst []byte) error {
		if end > stripe {
			clear(dst)
			return errOffline
		}
		return nil
	}
}

func TestRecoverFailingNeighbours(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		g := mustGrid(t, n)
		e := encodeBlob(t, n, threeStripeBlob(g, 2)) // two steps
		for _, target := range []SliverIndex{{Primary, 0}, {Secondary, 0}} {
			across := target.Axis.Other()
			need := g.Needed(across)
			for _, from := range []StripeIndex{0, 2} {
				for failing := 1; failing <= n; failing++ {
					all := e.neighbours(t, across, rand.New(rand.NewPCG(3, uint64(failing))).Perm(n)...)
					var want []SliverIndex
					for _, s := range all[:failing] {
						s.read = failFrom(from)
						want = append(want, s.Sliver())
					}
					slices.SortFunc(want, SliverIndex.Compare)
					sink := newRestartSink(e.l)
					rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), sink, Options{})
					name := fmt.Sprintf("n=%d %v, %d fail from stripe %d on", n, target, failing, from)
					for i, e := range rec.Bad {
						if !errors.Is(e, errOffline) || errors.Is(e, ErrProof) || errors.Is(e, ErrStripe) || e.Stripe != int(from) {
							t.Errorf("%s: bad source %d: %v", name, i, e)
						}
					}
					got := badSlivers(rec)
					if n-failing < need {
						// It ends as soon as those that have not failed yet are too few: the others are not asked.
						for _, s := range got {
							if !slices.Contains(want, s) {
								t.Errorf("%s: %v are bad, of %v", name, got, want)
							}
						}
						var few *NotEnoughError
						if !errors.As(err, &few) || !errors.Is(err, ErrNotEnough) {
							t.Fatalf("%s: %v", name, err)
						}
						good := []int{few.Primaries, few.Secondaries}
						if good[across] != n-len(got) || good[across] >= need || good[target.Axis] != 0 || len(few.Bad) != len(got) {
							t.Errorf("%s: %d primaries, %d secondaries, %d bad", name, few.Primaries, few.Secondaries, len(few.Bad))
						}
						continue
					}
					if len(got) != len(rec.Bad) || !slices.Equal(got, want) {
						t.Errorf("%s: %v are bad, want %v", name, rec.Bad, want)
					}
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					wantSliver(t, e, sink, target)
					if sink.starts[target] != 1 || rec.ProofBytes != 0 {
						t.Errorf("%s: begun %d times, %d bytes of proofs", name, sink.starts[target], rec.ProofBytes)
					}
					// Symbols that are at hand are not asked for again.
					if rec.SymbolBytes != rec.Size {
						t.Errorf("%s: %d bytes asked for, want %d", name, rec.SymbolBytes, rec.Size)
					}
					for i, s := range all {
						if s.asked.Load() > 2 {
							t.Errorf("%s: neighbour %d asked %d times in two steps", name, i, s.asked.Load())
						}
					}
				}
			}
		}
	}
}

// A blob whose slivers take several steps of recoverBytes.
func TestRecoverInSteps(t *testing.T) {
	g := mustGrid(t, 4)
	e := encodeBlob(t, 4, randomBlob(3, 2*recoverBytes+9*g.StripeSize()+7))
	target := SliverIndex{Primary, 2}
	step := StripeIndex(recoverBytes / e.l.SliverStripeSize(Primary, 0))
	if e.l.SliverDataSize(Primary) < recoverBytes {
		t.Fatal("this is about several steps")
	}
	for _, bad := range []string{"fails", "lies", "lies and cannot prove"} {
		all := e.neighbours(t, Secondary, 3, 0, 1, 2)
		lie := step + 3
		switch bad {
		case "fails":
			all[0].read = failFrom(lie + 1)
		case "lies and cannot prove":
			all[0].prove = func(p *SymbolProof) (*SymbolProof, error) {
				if p.Stripe == lie {
					p.Data[1] ^= 1
				}
				return p, nil
			}
			fallthrough
		case "lies":
			all[0].read = func(first, end StripeIndex, dst []byte) error {
				if first <= lie && lie < end {
					dst[int(lie-first)*g.maxSymbol] ^= 1
				}
				return nil
			}
		}
		sink := newRestartSink(e.l)
		rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), sink, Options{})
		if err != nil {
			t.Fatalf("%s: %v", bad, err)
		}
		wantSliver(t, e, sink, target)
		if got := badSlivers(rec); !slices.Equal(got, []SliverIndex{{Secondary, 3}}) || len(rec.Bad) != 1 {
			t.Errorf("%s: %v are bad", bad, rec.Bad)
		}
		wantStarts := 2
		if bad == "fails" {
			wantStarts = 1
		}
		if sink.starts[target] != wantStarts {
			t.Errorf("%s: the sliver was begun %d times", bad, sink.starts[target])
		}
	}
}

// lying is a way to lie in ReadSymbols and then in ReadProofs.
type lying struct {
	name  string
	read  func(first, end StripeIndex, dst []byte) error
	prove func(p *SymbolProof) (*SymbolProof, error)
}

func flipAll(_, _ StripeIndex, dst []byte) error {
	for i := range dst {
		dst[i] ^= 0x55
	}
	return nil
}

func flipOne(_, _ StripeIndex, dst []byte) error { dst[len(dst)/2] ^= 1; return nil }

var lyings = []lying{
	{"symbol and proof", flipAll, func(p *SymbolProof) (*SymbolProof, error) { p.Data[0] ^= 1; return p, nil }},
	{"one bit and path", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Path[0][31] ^= 1; return p, nil }},
	{"honest proof", flipOne, nil},
	{"honest proof of all lies", flipAll, nil},
	{"one stripe", func(first, end StripeIndex, dst []byte) error {
		if first <= 1 && 1 < end {
			dst[int(1-first)*(len(dst)/int(end-first))] ^= 1
		}
		return nil
	}, func(p *SymbolProof) (*SymbolProof, error) {
		if p.Stripe == 1 {
			p.Data[0] ^= 1
		}
		return p, nil
	}},
	{"last stripe, honest proof", func(first, end StripeIndex, dst []byte) error {
		if end == 3 {
			dst[0] ^= 1
		}
		return nil
	}, nil},
	{"nil proof", flipOne, func(p *SymbolProof) (*SymbolProof, error) { return nil, nil }},
	{"empty proof", flipOne, func(p *SymbolProof) (*SymbolProof, error) { return new(SymbolProof), nil }},
	{"other stripe", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Stripe++; return p, nil }},
	{"absurd stripe", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Stripe = 1<<32 - 1; return p, nil }},
	{"other symbol", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Symbol++; return p, nil }},
	{"absurd symbol", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Symbol = 65535; return p, nil }},
	{"other sliver", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Sliver.Index ^= 1; return p, nil }},
	{"other axis", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Sliver.Axis ^= 1; return p, nil }},
	{"absurd sliver", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Sliver = SliverIndex{9, 65535}; return p, nil }},
	{"no path", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Path = nil; return p, nil }},
	{"short path", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Path = p.Path[1:]; return p, nil }},
	{"long path", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Path = append(p.Path, Hash{}); return p, nil }},
	{"huge path", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Path = make(Path, 1<<16); return p, nil }},
	{"no data", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Data = nil; return p, nil }},
	{"short data", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Data = p.Data[1:]; return p, nil }},
	{"long data", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Data = append(p.Data, 0); return p, nil }},
	{"huge data", flipOne, func(p *SymbolProof) (*SymbolProof, error) { p.Data = make([]byte, 1<<20); return p, nil }},
}

func TestRecoverLiars(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		g := mustGrid(t, n)
		e := encodeBlob(t, n, threeStripeBlob(g, 4)) // three stripes in two steps
		for _, target := range []SliverIndex{{Primary, 0}, {Secondary, uint16(n - 1)}} {
			across := target.Axis.Other()
			need := g.Needed(across)
			for k, lying := range lyings {
				for _, liars := range []int{1, (n - need + 1) / 2, n - need} {
					t.Run(fmt.Sprintf("n=%d/%v/%s/%d", n, target, lying.name, liars), func(t *testing.T) {
						r := rand.New(rand.NewPCG(uint64(k), uint64(liars)))
						all := e.neighbours(t, across, r.Perm(n)...)
						var want []SliverIndex
						// All of them among those that are asked at first, as far as there is room.
						for _, s := range all[:liars] {
							if lying.read != nil {
								s.read = lying.read
							}
							s.prove = lying.prove
						}
						r.Shuffle(need, func(i, j int) { all[i], all[j] = all[j], all[i] })
						asked := 0
						sink := newRestartSink(e.l)
						rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), sink, Options{})
						if err != nil {
							t.Fatal(err)
						}
						for _, s := range all {
							if s.read != nil && s.asked.Load()+s.proofs.Load() > 0 {
								asked++
								// A liar that was asked for proofs only, and proves honestly, has done nothing wrong.
								if s.asked.Load() > 0 || lying.prove != nil {
									want = append(want, s.Sliver())
								}
							}
						}
						if asked == 0 {
							t.Fatal("no liar was asked")
						}
						slices.SortFunc(want, SliverIndex.Compare)
						wantSliver(t, e, sink, target)
						if got := badSlivers(rec); !slices.Equal(got, want) || len(rec.Bad) != len(got) {
							t.Errorf("%v are bad, want %v, each once", rec.Bad, want)
						}
						// As Recovery.Bad promises.
						for _, bad := range rec.Bad {
							if !errors.Is(bad, ErrProof) && !errors.Is(bad, ErrStripe) {
								t.Errorf("the liar's error %q wraps neither ErrProof nor ErrStripe", bad)
							}
						}
						if rec.SymbolBytes != rec.Size || rec.ProofBytes <= rec.Size {
							t.Errorf("%d bytes of symbols and %d of proofs, of a sliver of %d", rec.SymbolBytes, rec.ProofBytes, rec.Size)
						}
						if sink.starts[target] != 2 {
							t.Errorf("the sliver was begun %d times", sink.starts[target])
						}
					})
				}
			}
		}
	}
}

// A genuine proof of another place is no answer.
func TestRecoverReplayedProofs(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 10))
	for _, target := range []SliverIndex{{Primary, 2}, {Secondary, 2}} {
		across := target.Axis.Other()
		elsewhere := SliverIndex{target.Axis, 5}
		other, err := NewSymbolSource(e.l, e.source(across, 3), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, replay := range map[string]func(s SymbolSource, p *SymbolProof) (*SymbolProof, error){
			"other stripe": func(s SymbolSource, p *SymbolProof) (*SymbolProof, error) {
				return readProof(ctx, s, target, 1-min(p.Stripe, 1))
			},
			"other symbol": func(s SymbolSource, p *SymbolProof) (*SymbolProof, error) {
				return readProof(ctx, s, elsewhere, p.Stripe)
			},
			"other sliver": func(_ SymbolSource, p *SymbolProof) (*SymbolProof, error) {
				return readProof(ctx, other, target, p.Stripe)
			},
		} {
			all := e.neighbours(t, across, 4, 0, 1, 2, 3, 5, 6)
			source := all[0].SymbolSource
			all[0].read = flipOne
			all[0].prove = func(p *SymbolProof) (*SymbolProof, error) { return replay(source, p) }
			sink := newRestartSink(e.l)
			rec, err := Recover(ctx, e.l, e.meta, target, nil, symbolSources(all), sink, Options{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			wantSliver(t, e, sink, target)
			if got := badSlivers(rec); !slices.Equal(got, []SliverIndex{{across, 4}}) || !errors.Is(rec.Bad[0], ErrProof) {
				t.Errorf("%s: %v are bad", name, rec.Bad)
			}
		}
	}
}

// One liar too many, and there are too few left.
func TestRecoverTooManyLiars(t *testing.T) {
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 5))
	target := SliverIndex{Primary, 3}
	all := e.neighbours(t, Secondary, seq(0, 7)...)
	for _, s := range all[:3] {
		s.read, s.prove = lyings[0].read, lyings[0].prove
	}
	rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), newRestartSink(e.l), Options{})
	var few *NotEnoughError
	if !errors.As(err, &few) || few.Secondaries != 4 || few.Primaries != 0 || len(few.Bad) != 3 {
		t.Fatalf("%v", err)
	}
	if got := badSlivers(rec); !slices.Equal(got, []SliverIndex{{Secondary, 0}, {Secondary, 1}, {Secondary, 2}}) {
		t.Errorf("%v are bad", got)
	}
}

// A damaged sliver of the repairer's own is found out as a neighbour's is.
func TestRecoverOwnDamaged(t *testing.T) {
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 6))
	target := SliverIndex{Secondary, 3}
	damaged := e.source(Primary, 6)
	damaged.data[5] ^= 1 // of a stored symbol that enters into all extended ones
	own, err := NewSymbolSource(e.l, damaged, nil)
	if err != nil {
		t.Fatal(err)
	}
	sink := newRestartSink(e.l)
	target.Index = 6 // beyond what primaries store
	rec, err := Recover(context.Background(), e.l, e.meta, target, []SymbolSource{own}, symbolSources(e.neighbours(t, Primary, seq(0, 6)...)), sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSliver(t, e, sink, target)
	if got := badSlivers(rec); !slices.Equal(got, []SliverIndex{{Primary, 6}}) {
		t.Errorf("%v are bad", got)
	}
}

// Liars that give in one after another must not make the honest neighbours send everything again each time.
func TestRecoverProofsAskedOnce(t *testing.T) {
	n := 31
	g := mustGrid(t, n)
	e := encodeBlob(t, n, randomBlob(7, 3*g.rows*g.cols))
	target := SliverIndex{Secondary, 0}
	need := g.Needed(Primary)
	all := e.neighbours(t, Primary, seq(0, n)...)
	// The first lies, and each that takes the place of a liar lies too.
	liars := append([]*askSource{all[0]}, all[need:n-1]...)
	for _, s := range liars {
		s.read, s.prove = lyings[0].read, lyings[0].prove
	}
	sink := newRestartSink(e.l)
	rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSliver(t, e, sink, target)
	if len(rec.Bad) != len(liars) {
		t.Errorf("%d blamed, want %d", len(rec.Bad), len(liars))
	}
	for _, s := range all[1:need] {
		if got := s.proofs.Load(); got != int64(e.l.Stripes()) {
			t.Fatalf("honest %v was asked for %d proofs, of %d stripes, because of %d liars", s.Sliver(), got, e.l.Stripes(), len(liars))
		}
	}
}

// A neighbour fails half-way through the proofs, and the one that takes its place would have let the sliver be
// recovered. The result must be one of two: the sliver, or witnesses that convict the writer.
func TestRecoverWitnessesConvict(t *testing.T) {
	g := mustGrid(t, 4)
	target := SliverIndex{Primary, 0}
	w := newWriter(t, 4, threeStripeBlob(g, 7), func(w *writer) { w.symbol(SliverIndex{Secondary, 0}, 0, 0)[0] ^= 1 })
	failing := &askSource{SymbolSource: w.source(Secondary, 0), prove: func(p *SymbolProof) (*SymbolProof, error) {
		if p.Stripe == 2 { // of the second step
			return nil, errOffline
		}
		return p, nil
	}}
	sources := append([]SymbolSource{failing}, w.sources(Secondary, 1, 2, 3)...)
	_, err := Recover(context.Background(), w.l, w.meta, target, nil, sources, newRestartSink(w.l), Options{})
	var found *InconsistentError
	if err == nil {
		return
	}
	if !errors.As(err, &found) {
		t.Fatal(err)
	}
	var proof bytes.Buffer
	if err := BuildInconsistency(context.Background(), &proof, w.meta, target, found.Witnesses); err != nil {
		t.Fatalf("the witnesses cannot be made into a proof: %v", err)
	}
	if _, err := verifyInconsistency(w.meta.Blob, proof.Bytes()); err != nil {
		t.Fatalf("the writer is called a liar, but the witnesses do not show it: %v", err)
	}
}

func TestRecoverArguments(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 8))
	target := SliverIndex{Primary, 2}
	good := symbolSources(e.neighbours(t, Secondary, seq(0, 5)...))
	wrong := symbolSources(e.neighbours(t, Primary, 3))
	sink := newRestartSink(e.l)
	recov := func(target SliverIndex, own, around []SymbolSource) error {
		_, err := Recover(ctx, e.l, e.meta, target, own, around, sink, Options{})
		return err
	}
	for _, bad := range []SliverIndex{{Primary, 7}, {Secondary, 65535}, {2, 0}} {
		if err := recov(bad, nil, good); !errors.Is(err, ErrIndex) {
			t.Errorf("target %v: %v", bad, err)
		}
	}
	if err := recov(target, nil, append(wrong, good...)); !errors.Is(err, ErrIndex) {
		t.Errorf("a source along the target: %v", err)
	}
	if err := recov(target, nil, append([]SymbolSource{&writerSource{s: SliverIndex{Secondary, 7}}}, good...)); !errors.Is(err, ErrIndex) {
		t.Errorf("a source that the grid does not have: %v", err)
	}
	if err := recov(target, nil, nil); !errors.Is(err, ErrNotEnough) {
		t.Errorf("no sources: %v", err)
	}
	if len(sink.starts) > 0 {
		t.Errorf("the sink was given %v", sink.starts)
	}
	none := &Openings{}
	_, err := Recover(ctx, e.l, none, target, nil, good, sink, Options{})
	wantSliverError(t, err, target, -1, ErrUnknown)

	// A source whose symbols could not be checked is refused before anybody lies, not called a liar afterwards.
	only := &Openings{values: map[SliverIndex]Committed{target: e.meta.Values[2]}}
	_, err = Recover(ctx, e.l, only, target, nil, good, sink, Options{})
	wantSliverError(t, err, good[0].Sliver(), -1, ErrUnknown)
}

// Two holders of one sliver stand in for each other and never count twice.
func TestRecoverTwoHolders(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 9))
	target := SliverIndex{Primary, 2}
	need := e.l.Needed(Secondary)
	failing := e.source(Secondary, 3)
	failing.fail = errors.New("down")
	down, err := NewSymbolSource(e.l, failing, nil)
	if err != nil {
		t.Fatal(err)
	}
	around := append([]SymbolSource{down}, symbolSources(e.neighbours(t, Secondary, seq(0, need)...))...)
	sink := newRestartSink(e.l)
	done, err := Recover(ctx, e.l, e.meta, target, nil, around, sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Bad) != 1 || done.Bad[0].Sliver != down.Sliver() {
		t.Errorf("bad: %v, want the holder that is down", done.Bad)
	}
	wantSliver(t, e, sink, target)

	short := append(symbolSources(e.neighbours(t, Secondary, 0)), symbolSources(e.neighbours(t, Secondary, seq(0, need-1)...))...)
	if _, err := Recover(ctx, e.l, e.meta, target, nil, short, sink, Options{}); !errors.Is(err, ErrNotEnough) {
		t.Errorf("%d slivers, one of them twice: %v", need-1, err)
	}
}

func TestRecoverEnds(t *testing.T) {
	e := encodeBlob(t, 7, threeStripeBlob(mustGrid(t, 7), 9))
	target := SliverIndex{Secondary, 2}
	for _, c := range []StripeIndex{0, 1, 2} {
		full := errors.New("disk full")
		sink := newRestartSink(e.l)
		sink.fail = func(_ SliverIndex, at StripeIndex) error {
			if at == c {
				return full
			}
			return nil
		}
		rec, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(e.neighbours(t, Primary, seq(0, 7)...)), sink, Options{})
		wantSliverError(t, err, target, int(c), full)
		if len(rec.Bad) > 0 {
			t.Errorf("blamed for the sink: %v", rec.Bad)
		}
	}
	for _, at := range []StripeIndex{0, 2} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		all := e.neighbours(t, Primary, seq(0, 7)...)
		all[1].read = func(first, _ StripeIndex, _ []byte) error {
			if first < at {
				return nil
			}
			cancel()
			return context.Canceled
		}
		rec, err := Recover(ctx, e.l, e.meta, target, nil, symbolSources(all), newRestartSink(e.l), Options{})
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotEnough) || len(rec.Bad) > 0 {
			t.Errorf("cancelled in stripe %d: %v, bad: %v", at, err, rec.Bad)
		}
		cancel()
	}
	// While proofs are fetched.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	all := e.neighbours(t, Primary, seq(0, 7)...)
	all[0].read = flipOne
	all[1].prove = func(p *SymbolProof) (*SymbolProof, error) { cancel(); return nil, context.Canceled }
	rec, err := Recover(ctx, e.l, e.meta, target, nil, symbolSources(all), newRestartSink(e.l), Options{})
	if !errors.Is(err, context.Canceled) || len(rec.Bad) > 0 {
		t.Errorf("cancelled in the proofs: %v, bad: %v", err, rec.Bad)
	}
	// A neighbour's own deadline is the neighbour's fault.
	all = e.neighbours(t, Primary, seq(0, 7)...)
	all[1].read = func(_, _ StripeIndex, _ []byte) error { return context.DeadlineExceeded }
	rec, err = Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), newRestartSink(e.l), Options{})
	if err != nil || !slices.Equal(badSlivers(rec), []SliverIndex{{Primary, 1}}) {
		t.Errorf("a neighbour that timed out: %v, bad: %v", err, rec.Bad)
	}
}

// reopened reads a recovered sliver back from the sink.
func reopened(e *encoded, sink *restartSink) func(SliverIndex) (SymbolSource, error) {
	return func(s SliverIndex) (SymbolSource, error) {
		return NewSymbolSource(e.l, &memSource{l: e.l, s: s, roots: sink.roots[s], data: sink.data[s]}, nil)
	}
}

// pairSources are the slivers of some pairs, by axis.
func (e *encoded) pairSources(t testing.TB, pairs ...int) (primaries, secondaries []SymbolSource) {
	for _, p := range pairs {
		primaries = append(primaries, symbolSources(e.neighbours(t, Primary, p))...)
		secondaries = append(secondaries, symbolSources(e.neighbours(t, Secondary, e.l.n-1-p))...)
	}
	return
}

func TestRecoverPair(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{4, 5, 7, 10, 13, 31} {
		g := mustGrid(t, n)
		for _, blob := range [][]byte{randomBlob(1, 100), shortStripe(g, 2), randomBlob(3, g.StripeSize()+100)} {
			e := encodeBlob(t, n, blob)
			run := int64(e.l.SymbolBytes())
			order := rand.New(rand.NewPCG(uint64(n), uint64(len(blob)))).Perm(n)
			lost, around := order[0], order[1:n-g.f] // f others are silent
			if len(around) != g.cols-1 {
				t.Fatal("this is about one neighbour too few for the primary alone")
			}
			pr, sec := g.Pair(PairIndex(lost))
			primaries, secondaries := e.pairSources(t, around...)
			sink := newRestartSink(e.l)
			secondary, primary, err := RecoverPair(ctx, e.l, e.meta, PairIndex(lost), nil, nil, primaries, secondaries, sink, reopened(e, sink), Options{})
			if err != nil {
				t.Fatalf("n=%d: %v", n, err)
			}
			wantSliver(t, e, sink, pr)
			wantSliver(t, e, sink, sec)
			if secondary.Target != sec || secondary.SymbolBytes != secondary.Size || secondary.OwnBytes != 0 ||
				primary.Target != pr || primary.OwnBytes != run || primary.SymbolBytes != primary.Size-run {
				t.Errorf("n=%d: %+v and %+v", n, secondary, primary)
			}
			if moved := secondary.SymbolBytes + primary.SymbolBytes; moved >= int64(e.l.SymbolBytes())*int64(g.rows*g.cols) {
				t.Errorf("n=%d: %d bytes moved, as many as the blob has", n, moved)
			}

			// Just after a minimal certificate one neighbour less has its secondary.
			sink = newRestartSink(e.l)
			secondary, primary, err = RecoverPair(ctx, e.l, e.meta, PairIndex(lost), nil, nil, primaries, secondaries[:g.cols-2], sink, reopened(e, sink), Options{})
			var few *NotEnoughError
			if !errors.As(err, &few) || few.Secondaries != g.cols-1 || few.Primaries != 0 || len(few.Bad) != 0 {
				t.Fatalf("n=%d: %v", n, err)
			}
			if secondary == nil || primary == nil || primary.SymbolBytes != 0 {
				t.Errorf("n=%d: %+v and %+v", n, secondary, primary)
			}
			wantSliver(t, e, sink, sec)
			if sink.starts[pr] != 0 {
				t.Errorf("n=%d: the primary was begun", n)
			}
			// Later, when it has.
			own, err := reopened(e, sink)(sec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Recover(ctx, e.l, e.meta, pr, []SymbolSource{own}, secondaries, sink, Options{}); err != nil {
				t.Fatalf("n=%d: %v", n, err)
			}
			wantSliver(t, e, sink, pr)
		}
	}
}

func TestRecoverPairOwn(t *testing.T) {
	// The repairer holds three more pairs.
	ctx := context.Background()
	n := 10
	e := encodeBlob(t, n, threeStripeBlob(mustGrid(t, n), 3))
	run := int64(e.l.SymbolBytes())
	ownP, ownS := e.pairSources(t, 1, 2, 3)
	primaries, secondaries := e.pairSources(t, 4, 5, 6, 7)
	sink := newRestartSink(e.l)
	secondary, primary, err := RecoverPair(ctx, e.l, e.meta, 0, ownP, ownS, primaries, secondaries, sink, reopened(e, sink), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantSliver(t, e, sink, SliverIndex{Primary, 0})
	wantSliver(t, e, sink, SliverIndex{Secondary, 9})
	if secondary.OwnBytes != 3*run || secondary.SymbolBytes != run || primary.OwnBytes != 4*run || primary.SymbolBytes != 3*run {
		t.Errorf("%+v and %+v, of %d a run", secondary, primary, run)
	}
}

func TestRecoverPairErrors(t *testing.T) {
	ctx := context.Background()
	e := encodeBlob(t, 4, threeStripeBlob(mustGrid(t, 4), 4))
	primaries, secondaries := e.pairSources(t, 1, 2, 3)
	sink := newRestartSink(e.l)
	for _, pair := range []PairIndex{4, 65535} {
		if _, _, err := RecoverPair(ctx, e.l, e.meta, pair, nil, nil, primaries, secondaries, sink, reopened(e, sink), Options{}); !errors.Is(err, ErrIndex) {
			t.Errorf("pair %d: %v", pair, err)
		}
	}
	secondary, primary, err := RecoverPair(ctx, e.l, e.meta, 0, nil, nil, primaries[:1], secondaries, sink, reopened(e, sink), Options{})
	if !errors.Is(err, ErrNotEnough) || secondary == nil || primary != nil {
		t.Errorf("too few primaries: %+v, %+v, %v", secondary, primary, err)
	}
	gone := errors.New("gone")
	secondary, primary, err = RecoverPair(ctx, e.l, e.meta, 0, nil, nil, primaries, secondaries, sink, func(SliverIndex) (SymbolSource, error) { return nil, gone }, Options{})
	if !errors.Is(err, gone) || secondary == nil || primary != nil {
		t.Errorf("not read back: %+v, %+v, %v", secondary, primary, err)
	}
}

// Many recoveries at the same time, of blobs of several sizes, share the scratch memory of the grid.
func TestRecoverConcurrently(t *testing.T) {
	g := mustGrid(t, 10)
	var wg sync.WaitGroup
	for _, blob := range [][]byte{randomBlob(1, 7), shortStripe(g, 2), threeStripeBlob(g, 3)} {
		e := encodeBlob(t, 10, blob)
		for k, target := range someSlivers(g) {
			all := e.neighbours(t, target.Axis.Other(), rand.New(rand.NewPCG(1, uint64(k))).Perm(10)...)
			if k%2 == 0 {
				all[k/2].read = flipOne
			}
			if k%3 == 0 {
				all[1].read = failFrom(0)
			}
			wg.Go(func() {
				sink := newRestartSink(e.l)
				if _, err := Recover(context.Background(), e.l, e.meta, target, nil, symbolSources(all), sink, Options{}); err != nil {
					t.Error(err)
				}
				wantSliver(t, e, sink, target)
			})
		}
	}
	wg.Wait()
}
