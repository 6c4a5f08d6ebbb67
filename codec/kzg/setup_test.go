package kzg

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/ecc"
	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// TestCeremony checks what loading leaves out: that all powers are in their groups and are powers of one secret, and
// that it is the ceremony's.
func TestCeremony(t *testing.T) {
	s := mustSetup(t)
	if len(s.powers) != setupPowers {
		t.Fatalf("%d powers, want %d", len(s.powers), setupPowers)
	}
	for i := range s.powers {
		if p := &s.powers[i]; p.IsInfinity() || !p.IsInSubGroup() {
			t.Fatalf("power %d is not in G1, or infinity", i)
		}
	}
	_, _, one1, one2 := bls12381.Generators()
	if s.tau2.IsInfinity() || !s.tau2.IsInSubGroup() || s.tau2.Equal(&one2) {
		t.Fatal("the secret's power in G2 is not in G2, or trivial")
	}
	if !s.powers[0].Equal(&one1) {
		t.Fatal("power 0 is not the generator")
	}
	tau1 := s.powers[1].Bytes()
	if got, want := hex.EncodeToString(tau1[:16]), "ad3eb50121139aa34db1d545093ac937"; got != want {
		t.Fatalf("power 1 starts with %s, the ceremony's starts with %s", got, want)
	}
	if !consecutive(t, s) {
		t.Fatal("the powers are not powers of one secret")
	}
}

// consecutive tells, with random weights w, whether e(Σ wᵢ[τⁱ⁺¹]₁, [1]₂) = e(Σ wᵢ[τⁱ]₁, [τ]₂), by plain pairings.
func consecutive(t *testing.T, s *setup) bool {
	t.Helper()
	n := len(s.powers) - 1
	w := make([]fr.Element, n)
	for i := range w {
		var b [16]byte
		rand.Read(b[:])
		w[i].SetBytes(b[:])
	}
	var upper, lower bls12381.G1Affine
	if _, err := upper.MultiExp(s.powers[1:], w, ecc.MultiExpConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err := lower.MultiExp(s.powers[:n], w, ecc.MultiExpConfig{}); err != nil {
		t.Fatal(err)
	}
	lower.Neg(&lower)
	_, _, _, one2 := bls12381.Generators()
	equal, err := bls12381.PairingCheck([]bls12381.G1Affine{upper, lower}, []bls12381.G2Affine{one2, s.tau2})
	if err != nil {
		t.Fatal(err)
	}
	return equal
}

// TestConsecutiveNotices makes sure that the check above can fail.
func TestConsecutiveNotices(t *testing.T) {
	good := mustSetup(t)
	powers := append([]bls12381.G1Affine(nil), good.powers...)
	powers[2000], powers[2001] = powers[2001], powers[2000]
	if consecutive(t, newSetup(powers, good.tau2)) {
		t.Error("swapped powers pass")
	}
	if consecutive(t, newSetup(good.powers, knownSetup().tau2)) {
		t.Error("powers of another secret pass")
	}
}

// TestDamagedSetup checks that decoding refuses, rather than panics on, whatever is not a setup.
func TestDamagedSetup(t *testing.T) {
	damage := func(at int, b ...byte) []byte {
		file := bytes.Clone(setupFile)
		copy(file[at:], b)
		return file
	}
	ones := bytes.Repeat([]byte{0xff}, 48)
	for name, file := range map[string][]byte{
		"empty":              nil,
		"short":              setupFile[:len(setupFile)-1],
		"long":               append(bytes.Clone(setupFile), 0),
		"power in G2":        damage(100, setupFile[100]^1),
		"x of a power":       damage(g2Size, ones...),
		"y of the last":      damage(setupSize-48, ones...),
		"compressed, padded": append(bytes.Repeat([]byte{0x80}, 48), setupFile[48:]...),
	} {
		if _, err := decodeSetup(file); !errors.Is(err, ErrSetup) {
			t.Errorf("%s: %v, want ErrSetup", name, err)
		}
		if _, err := loadSetup(file); !errors.Is(err, ErrSetup) {
			t.Errorf("%s: loading: %v, want ErrSetup", name, err)
		}
	}
	swapped := slices.Concat(setupFile[:g2Size], setupFile[g2Size+g1Size:g2Size+2*g1Size],
		setupFile[g2Size:g2Size+g1Size], setupFile[g2Size+2*g1Size:])
	if _, err := loadSetup(swapped); !errors.Is(err, ErrSetup) {
		t.Errorf("two powers swapped: %v, want ErrSetup", err)
	}
}

// TestSetupReadme keeps the digest in the description of the file up to date.
func TestSetupReadme(t *testing.T) {
	readme, err := os.ReadFile("setup/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, []byte(setupDigest)) {
		t.Errorf("setup/README.md doesn't name the digest %s", setupDigest)
	}
}

// TestPairingsEqual compares the check on precomputed lines, which gnark overwrites, with plain pairings.
func TestPairingsEqual(t *testing.T) {
	s := mustSetup(t)
	_, _, _, one2 := bls12381.Generators()
	infinity := bls12381.G1Affine{}
	points := []bls12381.G1Affine{infinity, s.powers[0], s.powers[1], s.powers[2]}
	for range 2 { // twice, because the lines must survive
		for i := range points {
			for j := range points {
				var minus bls12381.G1Affine
				minus.Neg(&points[j])
				want, err := bls12381.PairingCheck([]bls12381.G1Affine{points[i], minus}, []bls12381.G2Affine{one2, s.tau2})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := s.pairingsEqual(&points[i], &points[j]); err != nil || got != want {
					t.Errorf("points %d and %d: %v, %v, want %v", i, j, got, err, want)
				}
			}
		}
	}
}
