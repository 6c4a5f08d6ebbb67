//go:build !amd64 || purego

package sha2x

func implementation() string { return "crypto/sha256" }

func sum(dst [][Size]byte, prefix byte, data []byte, size, stride int) {
	generic(dst, prefix, data, size, stride)
}
