package cli

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func FuzzParseSize(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		if n > math.MaxInt64 {
			t.Fatalf("%q is %d, more than a file can have", s, n)
		}
		if again, err := parseSize(fmt.Sprint(n)); err != nil || again != n {
			t.Fatalf("%q is %d, which is %d, %v", s, n, again, err)
		}
	})
}

func FuzzParseRange(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string, size uint64) {
		from, to, err := parseRange(s, size)
		if err != nil {
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Fatalf("%q: %v is no usage error", s, err)
			}
			return
		}
		if from > to || to > size {
			t.Fatalf("%q of %d bytes is %d to %d", s, size, from, to)
		}
		if a, b, err := parseRange(fmt.Sprintf("%d-%d", from, to), size); to <= math.MaxInt64 && (err != nil || a != from || b != to) {
			t.Fatalf("%d-%d of %d bytes is %d to %d, %v", from, to, size, a, b, err)
		}
	})
}
