package naive

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// formula is the data of that name in the vectors.
func formula(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*i*31 + i*7 + (i>>8)*13)
	}
	return data
}

// ceremony returns the first of the ceremony's G1 powers, as many as the tests need.
var ceremony = sync.OnceValues(func() ([]bls12381.G1Affine, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/crate-crypto/go-eth-kzg").Output()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "trusted_setup.json"))
	if err != nil {
		return nil, err
	}
	var setup struct {
		G1 []string `json:"g1_monomial"`
	}
	if err := json.Unmarshal(text, &setup); err != nil {
		return nil, err
	}
	powers := make([]bls12381.G1Affine, 256)
	for i := range powers {
		b, err := hex.DecodeString(strings.TrimPrefix(setup.G1[i], "0x"))
		if err != nil {
			return nil, err
		}
		if _, err := powers[i].SetBytes(b); err != nil {
			return nil, err
		}
	}
	return powers, nil
})

// The vectors' roots are the sliver roots themselves, not d: some have a top bit set.
func TestVectors(t *testing.T) {
	powers, err := ceremony()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../testdata/blob-ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			N             int    `json:"n"`
			Size          int    `json:"size"`
			Data          string `json:"data"`
			BlobID        string `json:"blob_id"`
			Commitment    string `json:"commitment"`
			PrimaryRoot   string `json:"primary_root_0"`
			SecondaryRoot string `json:"secondary_root_0"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 12 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for i, c := range file.Cases {
		var blob []byte
		if ascii, ok := strings.CutPrefix(c.Data, "ascii: "); ok {
			blob = []byte(ascii)
		} else if c.Data == "formula" {
			blob = formula(c.Size)
		} else if c.Data != "empty" {
			t.Fatalf("case %d: data %q", i, c.Data)
		}
		if len(blob) != c.Size {
			t.Fatalf("case %d: %d bytes, want %d", i, len(blob), c.Size)
		}
		g, commitment, id, err := Identify(blob, c.N, powers)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("case %d (n = %d, %d bytes): %s is %s, want %s", i, c.N, c.Size, what, got, want)
			}
		}
		primary, secondary := g.Root(Primary, 0), g.Root(Secondary, 0)
		check("primary root", hex.EncodeToString(primary[:]), c.PrimaryRoot)
		check("secondary root", hex.EncodeToString(secondary[:]), c.SecondaryRoot)
		check("commitment", hex.EncodeToString(commitment[:]), c.Commitment)
		check("blob ID", BlobIDText(id), c.BlobID)
	}
}

func TestScalarOrder(t *testing.T) {
	if scalarOrder.Cmp(fr.Modulus()) != 0 {
		t.Fatal("r is not gnark's")
	}
	for size := 1; size <= 4096; size *= 2 {
		w := rootOfUnity(size)
		if new(big.Int).Exp(w, big.NewInt(int64(size)), scalarOrder).Cmp(big.NewInt(1)) != 0 {
			t.Fatalf("no root of unity of order %d", size)
		}
		if size > 1 && new(big.Int).Exp(w, big.NewInt(int64(size/2)), scalarOrder).Cmp(big.NewInt(1)) == 0 {
			t.Fatalf("root of unity of order %d is not primitive", size)
		}
	}
}

// With a known τ the commitment is p(τ)·G, p(τ) being computed by another way,
// Lagrange's formula: p(τ) = (τ^N - 1)/N · sum_i d_i·w^i / (τ - w^i).
func TestCommitKnownTau(t *testing.T) {
	r := testRand()
	tau := big.NewInt(123456789)
	_, _, generator, _ := bls12381.Generators()
	powers := make([]bls12381.G1Affine, 32)
	tauPower := big.NewInt(1)
	for i := range powers {
		powers[i].ScalarMultiplication(&generator, tauPower)
		tauPower = new(big.Int).Mod(new(big.Int).Mul(tauPower, tau), scalarOrder)
	}
	for _, n := range []int{4, 5, 8, 13, 16} {
		values := make([]Hash, 2*n)
		for i := range values {
			for j := range values[i] {
				values[i][j] = byte(r.Uint32())
			}
			values[i] = Committed(values[i])
		}
		size := powerOfTwoAtLeast(2 * n)
		w, point, sum := rootOfUnity(size), big.NewInt(1), new(big.Int)
		for _, v := range values {
			term := new(big.Int).ModInverse(new(big.Int).Sub(tau, point), scalarOrder)
			term.Mul(term, point)
			term.Mul(term, new(big.Int).SetBytes(v[:]))
			sum.Add(sum, term)
			point = new(big.Int).Mod(new(big.Int).Mul(point, w), scalarOrder)
		}
		factor := new(big.Int).Exp(tau, big.NewInt(int64(size)), scalarOrder)
		factor.Sub(factor, big.NewInt(1))
		factor.Mul(factor, new(big.Int).ModInverse(big.NewInt(int64(size)), scalarOrder))
		sum.Mod(sum.Mul(sum, factor), scalarOrder)
		var want bls12381.G1Affine
		want.ScalarMultiplication(&generator, sum)
		got, err := Commit(values, powers)
		if err != nil || got != want.Bytes() {
			t.Errorf("n = %d: commitment %x, %v, want %x", n, got, err, want.Bytes())
		}
	}
	if _, err := Commit(make([]Hash, 34), powers); err == nil {
		t.Error("too few powers are accepted")
	}
}
