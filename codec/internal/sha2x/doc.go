// Package sha2x hashes many equal-length messages with SHA-256.
package sha2x
