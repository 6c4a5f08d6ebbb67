package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const megabyte = 1e6

// hashSpeed is how many MB/s of 4 KiB messages SHA-256 hashes on some cores at once, in all.
func hashSpeed(cores int) float64 {
	const message, each = 4096, 24 << 20
	best := math.Inf(1)
	for range 3 {
		var wg sync.WaitGroup
		begin := time.Now()
		for range cores {
			wg.Go(func() {
				buf := make([]byte, 64*message)
				for done := 0; done < each; done += message {
					sum := sha256.Sum256(buf[done%len(buf):][:message])
					buf[done%len(buf)] = sum[0]
				}
			})
		}
		wg.Wait()
		best = min(best, time.Since(begin).Seconds())
	}
	return float64(each*cores) / megabyte / best
}

// median runs something several times and returns the median of the seconds that it took.
func median(runs int, run func() error) (float64, error) {
	times := make([]float64, runs)
	for i := range times {
		runtime.GC() // the garbage of the run before isn't this one's to collect
		begin := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		times[i] = time.Since(begin).Seconds()
	}
	slices.Sort(times)
	return times[runs/2], nil
}

// resetPeak begins a new measurement of peak memory, where the system can do that.
func resetPeak() {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peakMemory is the most memory in bytes that the process had resident since resetPeak, or 0 where the system
// doesn't tell.
func peakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}
