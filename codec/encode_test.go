package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

var errBoom = errors.New("boom")

// several is the size in bytes of a blob that takes several steps of the pipeline at n = 4.
const several = 20 << 20

// patternReader gives size bytes without keeping them, and then an error.
type patternReader struct {
	size int
	err  error
	at   int
	hook func(at int)
}

func (r *patternReader) Read(b []byte) (int, error) {
	if r.at == r.size {
		return 0, r.err
	}
	n := min(len(b), r.size-r.at)
	for i := range b[:n] {
		b[i] = byte((r.at + i) * 7)
	}
	r.at += n
	if r.hook != nil {
		r.hook(r.at)
	}
	return n, nil
}

// sinkFunc is a sink of one function.
type sinkFunc func(ctx context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error

func (f sinkFunc) WriteStripe(ctx context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	return f(ctx, s, c, root, data)
}

func TestEncodeReaderFails(t *testing.T) {
	g := mustGrid(t, 4)
	stripe := g.StripeSize()
	total := 5*stripe + 100
	for _, at := range []int{0, 1, stripe - 1, stripe, stripe + 1, 3*stripe + 17, 5 * stripe, total - 1, total} {
		for _, size := range []int64{-1, int64(total)} {
			for _, sink := range []Sink{nil, discard{}} {
				m, err := Encode(context.Background(), g, &patternReader{size: at, err: errBoom}, size, sink, Options{})
				var input *InputError
				if m != nil || !errors.Is(err, ErrInput) || !errors.Is(err, errBoom) || !errors.As(err, &input) {
					t.Fatalf("at %d, announced %d: %v, %v", at, size, m, err)
				}
				if input.Offset != uint64(at) {
					t.Errorf("at %d, announced %d: the error names byte %d", at, size, input.Offset)
				}
			}
		}
	}
}

// Only io.EOF itself ends a blob. io.ErrUnexpectedEOF is how HTTP bodies and archives say that they were cut off.
func TestEncodeReaderCutOff(t *testing.T) {
	g := mustGrid(t, 4)
	stripe := g.StripeSize()
	for name, cut := range map[string]error{
		"unexpected EOF": io.ErrUnexpectedEOF,
		"wrapped":        fmt.Errorf("connection lost: %w", io.ErrUnexpectedEOF),
		"wrapped EOF":    fmt.Errorf("connection lost: %w", io.EOF),
	} {
		for _, at := range []int{0, 100, stripe, 2*stripe + 5} {
			for _, size := range []int64{-1, int64(at), int64(at + 1000)} {
				_, err := Encode(context.Background(), g, &patternReader{size: at, err: cut}, size, nil, Options{})
				var input *InputError
				if !errors.As(err, &input) || !errors.Is(err, cut) || input.Offset != uint64(at) {
					t.Errorf("%s at %d, announced %d: %v", name, at, size, err)
				}
			}
		}
	}
}

func TestEncodeWrongLength(t *testing.T) {
	g := mustGrid(t, 4)
	stripe := g.StripeSize()
	for _, size := range []int{0, 1, 7, stripe - 1, stripe, stripe + 1, 4*stripe + 5} {
		for _, given := range []int{0, size - 1, size + 1, size - stripe, size + stripe, 2 * size} {
			if given < 0 || given == size {
				continue
			}
			_, err := Encode(context.Background(), g, &patternReader{size: given, err: io.EOF}, int64(size), nil, Options{})
			var input *InputError
			if !errors.As(err, &input) || !errors.Is(err, ErrInput) {
				t.Fatalf("%d bytes instead of %d: %v", given, size, err)
			}
			if want := uint64(min(given, size)); input.Offset != want {
				t.Errorf("%d bytes instead of %d: the error names byte %d", given, size, input.Offset)
			}
			if short := errors.Is(err, io.ErrUnexpectedEOF); short != (given < size) {
				t.Errorf("%d bytes instead of %d: %v", given, size, err)
			}
		}
	}
	if _, err := Encode(context.Background(), g, nil, int64(MaxStripes*stripe+1), nil, Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a stripe too many: %v", err)
	}
	if _, err := Encode(context.Background(), Grid{}, bytes.NewReader(nil), 0, nil, Options{}); err == nil {
		t.Error("the zero grid is accepted")
	}
}

func TestEncodeSinkFails(t *testing.T) {
	for _, n := range []int{4, 31} { // stripes of one worker, stripes of all workers
		g := mustGrid(t, n)
		blob := randomBlob(1, 3*g.StripeSize()+5)
		for _, at := range []struct {
			s SliverIndex
			c StripeIndex
		}{
			{SliverIndex{Primary, 0}, 0},
			{SliverIndex{Primary, uint16(n - 1)}, 2},
			{SliverIndex{Secondary, 1}, 1},
			{SliverIndex{Secondary, uint16(n - 1)}, 3},
		} {
			for _, workers := range []int{1, 4} {
				sink := sinkFunc(func(_ context.Context, s SliverIndex, c StripeIndex, _ Hash, _ []byte) error {
					if s == at.s && c == at.c {
						return errBoom
					}
					return nil
				})
				m, err := Encode(context.Background(), g, bytes.NewReader(blob), int64(len(blob)), sink, Options{Workers: workers})
				var e *SliverError
				if m != nil || !errors.Is(err, errBoom) || !errors.As(err, &e) || e.Sliver != at.s || e.Stripe != int(at.c) {
					t.Fatalf("n = %d, workers = %d, %v stripe %d: %v, %v", n, workers, at.s, at.c, m, err)
				}
			}
		}
	}
}

// contractSink checks what the encoder promises to a sink.
type contractSink struct {
	t     *testing.T
	want  *encoded
	mu    sync.Mutex
	next  map[SliverIndex]StripeIndex
	calls map[SliverIndex]int // under way
	wrong []string
}

func (k *contractSink) WriteStripe(_ context.Context, s SliverIndex, c StripeIndex, root Hash, data []byte) error {
	k.mu.Lock()
	l, p := k.want.l, k.want.l.Position(s)
	k.calls[s]++
	if k.calls[s] > 1 {
		k.wrong = append(k.wrong, fmt.Sprintf("%v: two calls at a time", s))
	}
	if k.next[s] != c {
		k.wrong = append(k.wrong, fmt.Sprintf("%v: stripe %d after %d", s, c, k.next[s]))
	}
	k.next[s] = c + 1
	k.mu.Unlock()

	before := bytes.Clone(data)
	for range 3 {
		runtime.Gosched() // let others come between
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !bytes.Equal(before, data) {
		k.wrong = append(k.wrong, fmt.Sprintf("%v, stripe %d: the data changed during the call", s, c))
	}
	at := l.SliverStripeOffset(s.Axis, c)
	if want := k.want.data[p][at:][:l.SliverStripeSize(s.Axis, c)]; !bytes.Equal(data, want) || root != k.want.roots[p][c] {
		k.wrong = append(k.wrong, fmt.Sprintf("%v, stripe %d: wrong data or root", s, c))
	}
	k.calls[s]--
	return nil
}

func TestEncodeSinkContract(t *testing.T) {
	for _, n := range []int{4, 10, 31} {
		g := mustGrid(t, n)
		size := 6*g.StripeSize() + 1000
		if n == 4 {
			size = 600 * g.StripeSize() // many steps of many stripes
		}
		blob := randomBlob(uint64(n), size)
		want := encodeBlob(t, n, blob)
		for _, workers := range []int{1, 2, 5} {
			k := &contractSink{t: t, want: want, next: make(map[SliverIndex]StripeIndex), calls: make(map[SliverIndex]int)}
			m, err := Encode(context.Background(), g, bytes.NewReader(blob), -1, k, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if m.ID() != want.meta.ID() {
				t.Fatalf("n = %d, workers = %d: another blob", n, workers)
			}
			if len(k.wrong) > 0 {
				t.Fatalf("n = %d, workers = %d: %d times, first %s", n, workers, len(k.wrong), k.wrong[0])
			}
			if len(k.next) != 2*n {
				t.Fatalf("n = %d, workers = %d: %d slivers", n, workers, len(k.next))
			}
			for s, count := range k.next {
				if int(count) != want.l.Stripes() {
					t.Fatalf("n = %d, workers = %d: %v has %d stripes of %d", n, workers, s, count, want.l.Stripes())
				}
			}
		}
	}
}

// endless never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// A bubble of synctest ends only when all goroutines that were started in it have ended: these tests fail, as
// deadlocks, when an encoding leaves one behind.
func TestEncodeCancelled(t *testing.T) {
	g := mustGrid(t, 4)
	encode := func(ctx context.Context, r io.Reader, size int64, sink Sink, workers int) error {
		m, err := Encode(ctx, g, r, size, sink, Options{Workers: workers})
		if m != nil {
			t.Error("metadata of an encoding that was cancelled")
		}
		return err
	}
	for _, workers := range []int{1, 4} {
		for _, sink := range []Sink{nil, discard{}} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				for _, size := range []int{0, 1, 10 * g.StripeSize()} {
					if err := encode(ctx, &patternReader{size: size, err: io.EOF}, int64(size), sink, workers); !errors.Is(err, context.Canceled) {
						t.Errorf("cancelled before %d bytes: %v", size, err)
					}
				}
			})
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				r := &patternReader{size: 1 << 40, hook: func(at int) {
					if at > several {
						cancel(errBoom)
					}
				}}
				if err := encode(ctx, r, -1, sink, workers); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled by the reader: %v", err)
				}
			})
		}
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			sink := sinkFunc(func(_ context.Context, s SliverIndex, c StripeIndex, _ Hash, _ []byte) error {
				if s == (SliverIndex{Secondary, 2}) && c == 400 {
					cancel()
				}
				return nil
			})
			if err := encode(ctx, endless{}, -1, sink, workers); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled by the sink: %v", err)
			}
		})
		// A sink that hangs is told by its context, and by an error of another call.
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			hang := sinkFunc(func(ctx context.Context, _ SliverIndex, _ StripeIndex, _ Hash, _ []byte) error {
				<-ctx.Done()
				return ctx.Err()
			})
			done := make(chan error)
			go func() { done <- encode(ctx, endless{}, -1, hang, workers) }()
			synctest.Wait() // all that can be done has been done
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled while the sink hangs: %v", err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		sink := sinkFunc(func(ctx context.Context, s SliverIndex, _ StripeIndex, _ Hash, _ []byte) error {
			if s == (SliverIndex{Primary, 1}) {
				return errBoom
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if err := encode(context.Background(), endless{}, -1, sink, 2); !errors.Is(err, errBoom) {
			t.Errorf("a sink fails while it hangs: %v", err)
		}
	})
	// Whatever ends it: a reader, the announced length, a sink.
	synctest.Test(t, func(t *testing.T) {
		fail := sinkFunc(func(context.Context, SliverIndex, StripeIndex, Hash, []byte) error { return errBoom })
		for _, workers := range []int{1, 4} {
			if err := encode(context.Background(), endless{}, -1, fail, workers); !errors.Is(err, errBoom) {
				t.Errorf("sink: %v", err)
			}
			if err := encode(context.Background(), &patternReader{size: several, err: errBoom}, -1, discard{}, workers); !errors.Is(err, errBoom) {
				t.Errorf("reader: %v", err)
			}
			if err := encode(context.Background(), endless{}, several, discard{}, workers); !errors.Is(err, ErrInput) {
				t.Errorf("length: %v", err)
			}
		}
	})
}

// The bubbles above see the goroutines of this package; this sees all.
func TestEncodeLeavesNoGoroutines(t *testing.T) {
	g := mustGrid(t, 10)
	encodeBlob(t, 10, nil) // whatever is started once
	before := runtime.NumGoroutine()
	for i := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		r := &patternReader{size: 1 << 40, hook: func(at int) {
			if at > i*g.StripeSize() {
				cancel()
			}
		}}
		if _, err := Encode(ctx, g, r, -1, discard{}, Options{Workers: 3}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for spins := 0; runtime.NumGoroutine() > before; spins++ {
		if spins > 1e7 {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// The last stripe's buffer held another stripe before: its padding is cleared.
func TestEncodeReusedBuffers(t *testing.T) {
	g := mustGrid(t, 31)
	for stripes := 4; stripes <= 12; stripes += 4 {
		e := encodeBlob(t, 31, randomBlob(2, stripes*g.StripeSize()+100*g.Rows()*g.Cols()-99))
		var out bytes.Buffer
		if err := e.decoder(t, e.sources(Primary, seq(0, g.Rows())...)).Decode(context.Background(), &out); err != nil || !bytes.Equal(out.Bytes(), e.blob) {
			t.Errorf("%d stripes and a tail: %v", stripes, err)
		}
	}
}

func TestEncodeProgress(t *testing.T) {
	for _, n := range []int{4, 31} {
		g := mustGrid(t, n)
		stripe := g.StripeSize()
		for _, size := range []int{0, 1, stripe - 1, stripe, stripe + 1, several/4 + 1} {
			for _, announced := range []int64{-1, int64(size)} {
				for _, sink := range []Sink{nil, discard{}} {
					var seen []uint64
					_, err := Encode(context.Background(), g, &patternReader{size: size, err: io.EOF}, announced, sink, Options{Workers: 3,
						Progress: func(done uint64) { seen = append(seen, done) }}) // from one goroutine at a time, or -race tells
					if err != nil {
						t.Fatal(err)
					}
					for i, done := range seen {
						if done > uint64(size) || i > 0 && done < seen[i-1] {
							t.Fatalf("n = %d, size = %d: progress %v", n, size, seen)
						}
					}
					if len(seen) == 0 || seen[len(seen)-1] != uint64(size) {
						t.Fatalf("n = %d, size = %d: progress ends with %v", n, size, seen)
					}
				}
			}
		}
	}
}

// What a sink did not take is not done.
func TestEncodeProgressOfFailure(t *testing.T) {
	g := mustGrid(t, 4)
	fail := sinkFunc(func(context.Context, SliverIndex, StripeIndex, Hash, []byte) error { return errBoom })
	_, err := Encode(context.Background(), g, &patternReader{size: 100, err: io.EOF}, 100, fail, Options{
		Progress: func(done uint64) { t.Errorf("%d bytes are done, but no sliver was taken", done) }})
	if !errors.Is(err, errBoom) {
		t.Fatal(err)
	}
}

// allocated runs f and returns how many bytes and objects it allocated.
func allocated(f func()) (size, count uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
}

// A longer blob takes no more memory, and no allocation per symbol: everything that was ever allocated is compared, not only
// what was in use at the peak.
func TestEncodeAllocations(t *testing.T) {
	const n, few, many = 64, 4, 14
	g := mustGrid(t, n)
	for _, sink := range []Sink{nil, discard{}} {
		for _, tail := range []int{g.StripeSize() / 3} {
			run := func(stripes int) func() {
				size := stripes*g.StripeSize() + tail
				return func() {
					if _, err := Encode(context.Background(), g, &patternReader{size: size, err: io.EOF}, int64(size), sink, Options{Workers: 2}); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(few)() // fill the pools
			shortSize, shortCount := allocated(run(few))
			longSize, longCount := allocated(run(many))
			checkGrowth(t, fmt.Sprintf("sink %T, tail %d", sink, tail), g, 2, many-few, int64(longSize)-int64(shortSize), int64(longCount)-int64(shortCount))
		}
	}
}

// checkGrowth bounds what more stripes may allocate in all: less than the memory of a single one, and less than an object for
// perObject symbols. (Every call of the Reed-Solomon library allocates a little.)
func checkGrowth(t *testing.T, what string, g Grid, perObject, stripes int, size, count int64) {
	t.Helper()
	symbols := int64(stripes * g.Shards() * g.Shards())
	// The race detector makes sync.Pool forget things at random.
	if size > int64(g.StripeSize()) && !raceEnabled() {
		t.Errorf("%s: %d stripes more take %d more bytes", what, stripes, size)
	}
	if count*int64(perObject) > symbols {
		t.Errorf("%s: %d stripes more take %d more objects for %d symbols", what, stripes, count, symbols)
	}
}

func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
