//go:build !race

package sha2x

const raceEnabled = false
