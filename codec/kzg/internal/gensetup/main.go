// Command gensetup writes the trusted setup that codec/kzg embeds, from the copy of the Ethereum KZG ceremony's output that the
// module github.com/crate-crypto/go-eth-kzg carries. Run it with `go generate ./codec/kzg`. It always writes the same
// bytes; when it doesn't, the digest pinned in codec/kzg refuses them. The format is in codec/kzg/setup/README.md.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

const (
	sourceModule = "github.com/crate-crypto/go-eth-kzg"
	sourceFile   = "trusted_setup.json"
	powers       = 4096
)

func main() {
	out := flag.String("out", "setup/ethereum-ceremony.bin", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gensetup:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	source, err := readSource()
	if err != nil {
		return err
	}
	setup, err := encode(source)
	if err != nil {
		return fmt.Errorf("couldn't convert %s of %s: %w", sourceFile, sourceModule, err)
	}
	return os.WriteFile(out, setup, 0o644)
}

// readSource reads the ceremony's output from the module cache, at the version that go.mod names.
func readSource() ([]byte, error) {
	var stderr bytes.Buffer
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sourceModule)
	list.Stderr = &stderr
	dir, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("couldn't find module %s: %w: %s", sourceModule, err, bytes.TrimSpace(stderr.Bytes()))
	}
	path := strings.TrimSpace(string(dir))
	if path == "" {
		return nil, fmt.Errorf("module %s is not in the module cache; run `go mod download %[1]s`", sourceModule)
	}
	return os.ReadFile(filepath.Join(path, sourceFile))
}

// encode converts the JSON form to ours: the second power in G2, then all powers in G1, uncompressed. Every point is
// checked to be in its group.
func encode(source []byte) ([]byte, error) {
	var ceremony struct {
		G1 []string `json:"g1_monomial"`
		G2 []string `json:"g2_monomial"`
	}
	if err := json.Unmarshal(source, &ceremony); err != nil {
		return nil, err
	}
	if len(ceremony.G1) != powers || len(ceremony.G2) < 2 {
		return nil, fmt.Errorf("%d powers in G1 and %d in G2, want %d and at least 2", len(ceremony.G1), len(ceremony.G2), powers)
	}
	out := make([]byte, 0, bls12381.SizeOfG2AffineUncompressed+powers*bls12381.SizeOfG1AffineUncompressed)

	b, err := decodeHex(ceremony.G2[1], bls12381.SizeOfG2AffineCompressed)
	if err != nil {
		return nil, fmt.Errorf("power 1 in G2: %w", err)
	}
	var g2 bls12381.G2Affine
	if _, err := g2.SetBytes(b); err != nil {
		return nil, fmt.Errorf("power 1 in G2: %w", err)
	}
	raw2 := g2.RawBytes()
	out = append(out, raw2[:]...)

	for i, s := range ceremony.G1 {
		b, err := decodeHex(s, bls12381.SizeOfG1AffineCompressed)
		if err != nil {
			return nil, fmt.Errorf("power %d in G1: %w", i, err)
		}
		var g1 bls12381.G1Affine
		if _, err := g1.SetBytes(b); err != nil {
			return nil, fmt.Errorf("power %d in G1: %w", i, err)
		}
		if g1.IsInfinity() {
			return nil, fmt.Errorf("power %d in G1 is infinity", i)
		}
		raw1 := g1.RawBytes()
		out = append(out, raw1[:]...)
	}
	return out, nil
}

func decodeHex(s string, size int) ([]byte, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		return nil, err
	}
	if len(b) != size {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), size)
	}
	return b, nil
}
