package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// repairResult is what repair prints with --json. Bytes moved are those that would have crossed a network, bytes read
// those that came from this disk.
type repairResult struct {
	BlobID     codec.BlobID     `json:"blobId"`
	OK         bool             `json:"ok"` // every sliver is good now
	Repaired   []repairedSliver `json:"repaired"`
	Passes     []repairPass     `json:"passes,omitempty"` // decodings of the whole blob
	LostBytes  int64            `json:"lostBytes"`
	MovedBytes int64            `json:"movedBytes"`
	ReadBytes  int64            `json:"readBytes"`
	MovedRatio float64          `json:"movedRatio"` // movedBytes / lostBytes
	ReadRatio  float64          `json:"readRatio"`  // readBytes / lostBytes
	Seconds    float64          `json:"seconds"`
	Error      string           `json:"error,omitempty"`
}

// repairedSliver is a sliver that was made anew: from symbols of others, or by a pass, which then has the figures.
type repairedSliver struct {
	Sliver     string       `json:"sliver"`
	Was        sliverStatus `json:"was"`
	Pass       *int         `json:"pass,omitempty"` // which of the passes made it
	LostBytes  int64        `json:"lostBytes"`
	MovedBytes int64        `json:"movedBytes,omitempty"`
	ReadBytes  int64        `json:"readBytes,omitempty"`
	MovedRatio float64      `json:"movedRatio,omitempty"`
	ReadRatio  float64      `json:"readRatio,omitempty"`
	Seconds    float64      `json:"seconds,omitempty"`
	BadSources []badSliver  `json:"badSources,omitempty"`
}

// repairPass is one decoding of the blob.
type repairPass struct {
	Slivers    int         `json:"slivers"`
	LostBytes  int64       `json:"lostBytes"`
	ReadBytes  int64       `json:"readBytes"`
	ReadRatio  float64     `json:"readRatio"`
	Seconds    float64     `json:"seconds"`
	BadSources []badSliver `json:"badSources,omitempty"`
}

func newRepair() *cobra.Command {
	var id string
	var whole, asJSON bool
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "Make missing and corrupt slivers anew",
		Long: `Checks the slivers in DIR and recovers each that is missing or corrupt from symbols of good ones, without decoding
the blob, as the nodes of the network do. A sliver is replaced only by one that matches the blob's commitment.

For each sliver it prints the bytes lost, the symbol bytes that its recovery moved (what would cross a network), the
bytes read from this disk, and the ratios of both to the bytes lost. More is read than moved for slivers whose
symbols are not stored but computed by whoever holds the slivers across.

With --decode, and without it when too few slivers are good as a whole though every stripe can still be decoded, the
blob is decoded once and encoded again, which makes all slivers in one pass.`,
		Example: `  selvage codec repair photo.slivers
  selvage codec repair --decode photo.slivers
  selvage codec repair --json photo.slivers`,
		Args: one("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, report, err := checkFolder(cmd, args[0], id)
			if err != nil {
				return err
			}
			defer f.Close()
			return repair(cmd, f, report, whole, asJSON)
		},
	}
	cmd.Flags().BoolVar(&whole, "decode", false, "decode the blob once instead: reads less when most slivers are lost")
	idFlag(cmd, &id)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func repair(cmd *cobra.Command, f *folder.Folder, report *folder.CheckReport, whole, asJSON bool) error {
	opts := folder.RepairOptions{Whole: whole}
	bar := newCountBar(cmd, "repairing", len(report.Bad()))
	byCount := report.Sufficient() && !whole
	switch {
	case byCount && report.PreferDecode():
		notef(cmd, "hint: decoding the blob once moves fewer bytes than so many recoveries: selvage codec repair --decode %s", f.Dir())
	case !report.Sufficient() && report.Decodable() && !whole:
		notef(cmd, "note: too few slivers are good as a whole; decoding the blob once instead")
	}
	if !byCount {
		bar = newBytesBar(cmd, "repairing", int64(f.Layout().Size()))
		opts.Progress = bar.set
	}
	result := repairResult{BlobID: f.ID(), Repaired: []repairedSliver{}}
	begin := time.Now()
	w := cmd.OutOrStdout()
	var pass *folder.Pass // the last one that was told of
	warn := func(bad []*codec.SliverError, during string) {
		for _, e := range bad {
			notef(cmd, "warning: found while %s: %s: %v", during, badWord(e), e)
		}
	}
	known := make(map[codec.SliverIndex]bool)
	for _, s := range report.Bad() {
		known[s.Sliver] = true
	}
	err := f.Repair(cmd.Context(), report, opts, func(r folder.Repaired) {
		bar.clear()
		if r.Pass != nil && r.Pass != pass {
			pass = r.Pass
			result.addPass(pass)
			if !asJSON {
				fmt.Fprintf(w, "decoded the blob once: %d bytes read for %d lost (ratio %.3f), %s made in %.3fs\n",
					pass.ReadBytes, pass.LostBytes, pass.ReadRatio(), count(pass.Slivers, "sliver"), pass.Took.Seconds())
			}
			var news []*codec.SliverError // the check has told of the others
			for _, e := range pass.Bad {
				if !known[e.Sliver] {
					news = append(news, e)
				}
			}
			warn(news, "decoding the blob")
		}
		if result.add(r); !asJSON {
			printRepaired(w, r, len(result.Repaired) == 1)
		}
		if byCount {
			bar.set(uint64(len(result.Repaired)))
		}
		warn(r.Bad, fmt.Sprintf("repairing %v", r.Sliver))
	})
	bar.end()
	result.Seconds = time.Since(begin).Seconds()
	result.OK = err == nil
	if err != nil {
		result.Error = err.Error()
	}
	if result.LostBytes > 0 {
		result.MovedRatio = float64(result.MovedBytes) / float64(result.LostBytes)
		result.ReadRatio = float64(result.ReadBytes) / float64(result.LostBytes)
	}
	if asJSON {
		if e := printJSON(w, result); e != nil && err == nil {
			err = e
		}
	} else {
		result.print(cmd)
	}
	if err == nil || context.Cause(cmd.Context()) != nil {
		return err
	}
	return advise(fmt.Errorf("repair %s: %w", f.Dir(), err))
}

// printRepaired prints the line of a sliver, after the heads of the columns if it is the first.
func printRepaired(w io.Writer, r folder.Repaired, first bool) {
	if first {
		fmt.Fprintf(w, "%-14s  %-7s  %12s  %12s  %12s  %10s  %9s  %8s\n",
			"SLIVER", "WAS", "LOST", "MOVED", "READ", "MOVED/LOST", "READ/LOST", "TIME")
	}
	if r.Pass != nil {
		fmt.Fprintf(w, "%-14v  %-7v  %12d  %12s  %12s  %10s  %9s  %8s\n", r.Sliver, r.Was.State, r.LostBytes, "-", "-", "-", "-", "-")
		return
	}
	fmt.Fprintf(w, "%-14v  %-7v  %12d  %12d  %12d  %10.3f  %9.3f  %7.3fs\n",
		r.Sliver, r.Was.State, r.LostBytes, r.SymbolBytes, r.ReadBytes, r.Ratio(), r.ReadRatio(), r.Took.Seconds())
}

func (r *repairResult) addPass(p *folder.Pass) {
	r.Passes = append(r.Passes, repairPass{
		Slivers: p.Slivers, LostBytes: p.LostBytes, ReadBytes: p.ReadBytes, ReadRatio: p.ReadRatio(),
		Seconds: p.Took.Seconds(), BadSources: newBadSlivers(p.Bad),
	})
	r.MovedBytes += p.ReadBytes
	r.ReadBytes += p.ReadBytes
}

func newBadSlivers(bad []*codec.SliverError) []badSliver {
	var all []badSliver
	for _, e := range bad {
		all = append(all, newBadSliver(e))
	}
	return all
}

func (r *repairResult) add(done folder.Repaired) {
	one := repairedSliver{Sliver: done.Sliver.String(), Was: newSliverStatus(done.Was), LostBytes: done.LostBytes}
	if done.Pass != nil {
		last := len(r.Passes) - 1
		one.Pass = &last
	} else {
		one.MovedBytes, one.ReadBytes = done.SymbolBytes, done.ReadBytes
		one.MovedRatio, one.ReadRatio = done.Ratio(), done.ReadRatio()
		one.Seconds, one.BadSources = done.Took.Seconds(), newBadSlivers(done.Bad)
	}
	r.Repaired = append(r.Repaired, one)
	r.LostBytes += one.LostBytes
	r.MovedBytes += one.MovedBytes
	r.ReadBytes += one.ReadBytes
}

func (r *repairResult) print(cmd *cobra.Command) {
	w := cmd.OutOrStdout()
	if len(r.Repaired) == 0 {
		if r.OK {
			fmt.Fprintln(w, "all slivers are good, nothing to repair")
		}
		return
	}
	fmt.Fprintf(w, "%s repaired in %.1f s: %s lost, %s moved (%.3f × lost), %s read (%.3f × lost)\n", count(len(r.Repaired), "sliver"),
		r.Seconds, formatSize(r.LostBytes), formatSize(r.MovedBytes), r.MovedRatio, formatSize(r.ReadBytes), r.ReadRatio)
}
