package kzg

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"sync"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
)

//go:generate go run ./internal/gensetup -out setup/ethereum-ceremony.bin

// setupFile is described byte by byte in setup/README.md.
//
//go:embed setup/ethereum-ceremony.bin
var setupFile []byte

const (
	setupDigest = "2a4c5294a2b7547b80e15dcf87f0c83b6f2165d8b13f4f585aab4b2a33def27a"
	setupPowers = 1 << maxLog
	g1Size      = bls12381.SizeOfG1AffineUncompressed
	g2Size      = bls12381.SizeOfG2AffineUncompressed
	setupSize   = g2Size + setupPowers*g1Size
)

// setup is what a ceremony leaves behind of its secret τ. It never changes once it is made.
type setup struct {
	powers []bls12381.G1Affine // [τ⁰]₁ = [1]₁, [τ]₁, [τ²]₁, …
	tau2   bls12381.G2Affine   // [τ]₂
	lines  pairingLines        // of [1]₂ and [τ]₂
}

// ceremony returns the Ethereum ceremony's setup, loaded when it is first needed.
var ceremony = sync.OnceValues(func() (*setup, error) { return loadSetup(setupFile) })

// loadSetup reads the ceremony's file. It takes about a millisecond, because the points were checked when the file was
// made (and are again in the tests): here only the file's digest is.
func loadSetup(file []byte) (*setup, error) {
	if digest := sha256.Sum256(file); hex.EncodeToString(digest[:]) != setupDigest {
		return nil, fmt.Errorf("%w: SHA-256 is %x, want %s; rebuild from a clean checkout", ErrSetup, digest, setupDigest)
	}
	return decodeSetup(file)
}

// decodeSetup reads a setup file. It doesn't check that the powers lie on the curve.
func decodeSetup(b []byte) (*setup, error) {
	if len(b) != setupSize {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrSetup, len(b), setupSize)
	}
	var tau2 bls12381.G2Affine
	if _, err := tau2.SetBytes(b[:g2Size]); err != nil {
		return nil, fmt.Errorf("%w: power of the secret in G2: %w", ErrSetup, err)
	}
	powers := make([]bls12381.G1Affine, setupPowers)
	for i, b := 0, b[g2Size:]; i < len(powers); i, b = i+1, b[g1Size:] {
		if err := powers[i].X.SetBytesCanonical(b[:fp.Bytes]); err != nil {
			return nil, fmt.Errorf("%w: x of power %d: %w", ErrSetup, i, err)
		}
		if err := powers[i].Y.SetBytesCanonical(b[fp.Bytes:g1Size]); err != nil {
			return nil, fmt.Errorf("%w: y of power %d: %w", ErrSetup, i, err)
		}
	}
	return newSetup(powers, tau2), nil
}

func newSetup(powers []bls12381.G1Affine, tau2 bls12381.G2Affine) *setup {
	_, _, _, one2 := bls12381.Generators()
	return &setup{
		powers: powers,
		tau2:   tau2,
		lines:  pairingLines{bls12381.PrecomputeLines(one2), bls12381.PrecomputeLines(tau2)},
	}
}
