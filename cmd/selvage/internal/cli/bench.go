package cli

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
)

func newBench() *cobra.Command {
	return group("bench", "Measure this machine", "Measures what this machine makes of Selvage's parts, the figures of the README.", newBenchCodec())
}

func newBenchCodec() *cobra.Command {
	var sizes string
	var shards []int
	var runs int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "codec",
		Short: "Measure encoding, decoding, recovery and openings",
		Long: `Measures package codec for each number of shards: medians of several runs, all cores busy, nothing written to disk.
Speeds are in MB of blob per second (of sliver, for recoveries), MB = 1,000,000 bytes.

Encoding is compared with its limit, cores × SHA-256 speed / expansion, where the expansion is that of the whole
grid, n² / (rows·cols): every symbol has to be hashed once.`,
		Example: `  selvage bench codec
  selvage bench codec --shards 1000 --size 1GiB --runs 5
  selvage bench codec --json > codec.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			size, err := parseSize(sizes)
			if err != nil {
				return usagef("--size: %w", err)
			}
			if runs < 1 {
				return usagef("--runs %d: at least one", runs)
			}
			var grids []codec.Grid
			for _, n := range shards {
				g, err := gridOf(n)
				if err != nil {
					return err
				}
				grids = append(grids, g)
			}
			r, err := benchCodec(cmd, grids, int64(size), runs)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&sizes, "size", "256MiB", "size of the blob to encode")
	cmd.Flags().IntSliceVar(&shards, "shards", []int{10, 100, 1000}, "numbers of shards to measure")
	cmd.Flags().IntVar(&runs, "runs", 3, "runs of each measurement, of which the median is given")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// benchResult is what bench codec prints. Speeds are in MB/s, times in milliseconds unless their names say other.
type benchResult struct {
	Cores     int          `json:"cores"`
	Platform  string       `json:"platform"`
	Go        string       `json:"go"`
	Runs      int          `json:"runs"`
	Size      int64        `json:"size"`
	SHA256    float64      `json:"sha256PerCore"` // of messages of 4 KiB, crypto/sha256
	SHA256All float64      `json:"sha256AllCores"`
	Grids     []gridResult `json:"grids"`
}

// gridResult is one column of the table.
type gridResult struct {
	Shards    int     `json:"shards"`
	Expansion float64 `json:"expansion"`
	SHA256    float64 `json:"sha256PerCore"` // before and after encoding, on average
	Limit     float64 `json:"limit"`

	Encode        float64 `json:"encode"`
	EncodeRatio   float64 `json:"encodeRatio"` // to the limit
	EncodeRSS     int64   `json:"encodePeakRSS"`
	EncodeID      float64 `json:"encodeID"`
	EncodeIDRatio float64 `json:"encodeIDRatio"`
	EncodeSmall   float64 `json:"encode1KiBMillis"`

	// Shares of the cores' time while encoding with slivers, from measurements of each part alone.
	ShareReedSolomon float64 `json:"shareReedSolomon"`
	ShareKZG         float64 `json:"shareKZG"`
	ShareRest        float64 `json:"shareHashingAndRest"`
	ShareSHA256      float64 `json:"shareIfHashedWithCryptoSHA256"`

	DecodeSize             int64   `json:"decodeSize"`
	DecodeFast             float64 `json:"decodeFast"` // systematic primaries
	Decode                 float64 `json:"decode"`
	DecodeParityPrimary    float64 `json:"decodeParityPrimary"`
	DecodeParitySecondary  float64 `json:"decodeParitySecondary"`
	DecodeFastParityPrim   float64 `json:"decodeFastParityPrimary"`
	DecodeFastParitySecond float64 `json:"decodeFastParitySecondary"`
	DecodeRSS              int64   `json:"decodePeakRSS"`

	RecoverSize int64           `json:"recoverSize"` // of the blob
	Recover     []recoverResult `json:"recover"`

	Commit        float64 `json:"commitMillis"`
	Open          float64 `json:"openMillis"`
	Verify        float64 `json:"verifyMillis"`
	BatchVerify64 float64 `json:"batchVerify64Millis"`
}

// recoverResult is the recovery of one sliver, on all cores.
type recoverResult struct {
	Axis       string  `json:"axis"`
	Neighbours string  `json:"neighbours"`
	Bytes      int64   `json:"bytes"` // of the sliver
	Speed      float64 `json:"speed"`
	// The time that the recovery took, as a multiple of the time in which one core, or all of them, hash the n symbols
	// of the expanded sliver with crypto/sha256: whoever checks a sliver against its root has to hash these.
	ToHashOne float64 `json:"timesHashingOneCore"`
	ToHashAll float64 `json:"timesHashingAllCores"`
}

func benchCodec(cmd *cobra.Command, grids []codec.Grid, size int64, runs int) (*benchResult, error) {
	r := &benchResult{
		Cores: runtime.GOMAXPROCS(0), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Runs: runs, Size: size,
	}
	steps := newCountBar(cmd, "measuring", 1+len(grids)*len(gridSteps))
	defer steps.end()
	r.SHA256, r.SHA256All = hashSpeed(1), hashSpeed(r.Cores)
	done := uint64(1)
	steps.set(done)
	for _, g := range grids {
		b := &gridBench{ctx: cmd.Context(), machine: r, grid: g, size: size, runs: runs}
		for _, step := range gridSteps {
			if err := step(b); err != nil {
				return nil, fmt.Errorf("measure n = %d: %w", g.Shards(), err)
			}
			done++
			steps.set(done)
		}
		r.Grids = append(r.Grids, b.gridResult)
	}
	return r, nil
}

func (r *benchResult) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, %s, %s; medians of %s\n", count(r.Cores, "core"), r.Platform, r.Go, count(r.Runs, "run"))
	fmt.Fprintf(out, "SHA-256 of 4 KiB messages: %.0f MB/s on one core, %.0f MB/s on all at once\n\n", r.SHA256, r.SHA256All)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, cell func(g *gridResult) string) {
		cells := []string{name}
		for i := range r.Grids {
			cells = append(cells, cell(&r.Grids[i]))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
	}
	number := func(name, format string, value func(g *gridResult) float64) {
		row(name, func(g *gridResult) string { return fmt.Sprintf(format, value(g)) })
	}
	number("shards n", "%.0f", func(g *gridResult) float64 { return float64(g.Shards) })
	number("expansion of the grid", "%.2f×", func(g *gridResult) float64 { return g.Expansion })
	number("encoding's limit, MB/s", "%.0f", func(g *gridResult) float64 { return g.Limit })
	row(fmt.Sprintf("encode %s with slivers, MB/s", formatSize(r.Size)), func(g *gridResult) string {
		return fmt.Sprintf("%.0f (%.0f%%)", g.Encode, 100*g.EncodeRatio)
	})
	row("encode, ID only, MB/s", func(g *gridResult) string {
		return fmt.Sprintf("%.0f (%.0f%%)", g.EncodeID, 100*g.EncodeIDRatio)
	})
	row("peak memory, encode", func(g *gridResult) string { return formatSize(g.EncodeRSS) })
	number("encode 1 KiB, ms", "%.1f", func(g *gridResult) float64 { return g.EncodeSmall })
	row("share of Reed-Solomon / KZG / hashing and rest", func(g *gridResult) string {
		return fmt.Sprintf("%.0f / %.0f / %.0f%%", 100*g.ShareReedSolomon, 100*g.ShareKZG, 100*g.ShareRest)
	})
	number("share that crypto/sha256 would take", "%.0f%%", func(g *gridResult) float64 { return 100 * g.ShareSHA256 })
	row("blob for the decodings below", func(g *gridResult) string { return formatSize(g.DecodeSize) })
	number("decode fast, systematic primaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.DecodeFast })
	number("decode fast, parity primaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.DecodeFastParityPrim })
	number("decode fast, parity secondaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.DecodeFastParitySecond })
	number("decode, systematic primaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.Decode })
	number("decode, parity primaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.DecodeParityPrimary })
	number("decode, parity secondaries, MB/s", "%.0f", func(g *gridResult) float64 { return g.DecodeParitySecondary })
	row("peak memory, decode (slivers included)", func(g *gridResult) string { return formatSize(g.DecodeRSS) })
	row("blob for the recoveries below", func(g *gridResult) string { return formatSize(g.RecoverSize) })
	for i := range r.Grids[0].Recover {
		of := func(g *gridResult) *recoverResult { return &g.Recover[i] }
		first := of(&r.Grids[0])
		row(fmt.Sprintf("recover a %s, %s, MB/s", first.Axis, first.Neighbours), func(g *gridResult) string {
			return fmt.Sprintf("%.0f (%.1f× / %.1f×)", of(g).Speed, of(g).ToHashOne, of(g).ToHashAll)
		})
	}
	number("commit, ms", "%.1f", func(g *gridResult) float64 { return g.Commit })
	number("open, ms", "%.1f", func(g *gridResult) float64 { return g.Open })
	number("verify, ms", "%.1f", func(g *gridResult) float64 { return g.Verify })
	number("batch verify 64, ms", "%.1f", func(g *gridResult) float64 { return g.BatchVerify64 })
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprint(out, `
Decodings keep all slivers that they read in memory and so use a blob of at most two full stripes or 64 MiB,
whichever is more. Recoveries are given with their time as a multiple of hashing the sliver's n symbols on one core
and on all; "f silent" leaves f neighbours chosen at random out, "parity only" is the worst case. Shares are of the
cores' time: Reed-Solomon and KZG measured alone, and what remains.
`)
	return nil
}
