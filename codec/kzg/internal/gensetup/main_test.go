package main

import (
	"bytes"
	"os"
	"testing"

	_ "github.com/crate-crypto/go-eth-kzg" // keeps the source of the setup in go.mod
)

// TestCheckedInSetupIsCurrent fails when the embedded file is not what the ceremony's output converts to.
func TestCheckedInSetupIsCurrent(t *testing.T) {
	source, err := readSource()
	if err != nil {
		t.Fatal(err)
	}
	want, err := encode(source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../setup/ethereum-ceremony.bin")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("setup/ethereum-ceremony.bin is stale; run `go generate ./codec/kzg` and find out why it changed")
	}
}

// TestEncodeRefuses feeds the generator sources that are no ceremony.
func TestEncodeRefuses(t *testing.T) {
	for name, source := range map[string]string{
		"not JSON":   "{",
		"no powers":  `{"g1_monomial": [], "g2_monomial": []}`,
		"wrong name": `{"g1": ["0x00"], "g2": ["0x00"]}`,
	} {
		if _, err := encode([]byte(source)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
