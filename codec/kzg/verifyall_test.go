package kzg

import (
	"context"
	"errors"
	"testing"
)

func TestVerifyAll(t *testing.T) {
	ctx := context.Background()
	values := make([]Scalar, 20)
	for i := range values {
		values[i][31] = byte(i + 1)
	}
	p, err := NewPolynomial(values)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Commit()
	if err != nil {
		t.Fatal(err)
	}
	good := make([]Opening, len(values))
	for i := range good {
		proof, err := p.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		good[i] = Opening{Commitment: c, Size: len(values), Index: i, Value: values[i], Proof: proof}
	}
	if err := VerifyAll(ctx, nil); err != nil {
		t.Errorf("none: %v", err)
	}
	if err := VerifyAll(ctx, good); err != nil {
		t.Errorf("good ones: %v", err)
	}
	for name, bad := range map[string]struct {
		change func(o *Opening)
		err    error
	}{
		"another value": {func(o *Opening) { o.Value = Scalar{31: 99} }, ErrProof},
		"another index": {func(o *Opening) { o.Index-- }, ErrProof},
		"no such index": {func(o *Opening) { o.Index = 20 }, ErrIndex},
		"no scalar":     {func(o *Opening) { o.Value[0] = 0xff }, ErrInvalidScalar},
		"no point":      {func(o *Opening) { o.Proof[3] ^= 1 }, ErrInvalidPoint},
	} {
		for _, at := range []int{1, 19} {
			some := append([]Opening(nil), good...)
			bad.change(&some[at])
			if err := VerifyAll(ctx, some); !errors.Is(err, bad.err) {
				t.Errorf("%s at %d: %v, want %v", name, at, err, bad.err)
			}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := VerifyAll(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
