package kzg_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/selvage-network/selvage/codec/kzg"
)

// A writer commits to ten values and opens two of them; a reader checks both, and finds out which one was altered.
func Example() {
	values := make([]kzg.Scalar, 10)
	for i := range values {
		values[i][31] = byte(i * i)
	}
	polynomial, err := kzg.NewPolynomial(values)
	if err != nil {
		log.Fatal(err)
	}
	commitment, err := polynomial.Commit()
	if err != nil {
		log.Fatal(err)
	}
	var openings []kzg.Opening
	for _, i := range []int{3, 8} {
		proof, err := polynomial.Open(i)
		if err != nil {
			log.Fatal(err)
		}
		openings = append(openings, kzg.Opening{
			Commitment: commitment, Size: len(values), Index: i, Value: values[i], Proof: proof,
		})
	}
	fmt.Println(kzg.BatchVerify(context.Background(), openings))

	openings[1].Value[31]++
	var refused *kzg.BatchError
	if err := kzg.BatchVerify(context.Background(), openings); errors.As(err, &refused) {
		for _, bad := range refused.Bad {
			fmt.Println("opening", bad.Position, "is false:", errors.Is(bad.Err, kzg.ErrProof))
		}
	}
	// Output:
	// <nil>
	// opening 1 is false: true
}
