package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// repairResult is what repair prints with --json.
type repairResult struct {
	BlobID      codec.BlobID     `json:"blobId"`
	OK          bool             `json:"ok"` // every sliver is good now
	Repaired    []repairedSliver `json:"repaired"`
	LostBytes   int64            `json:"lostBytes"`
	SymbolBytes int64            `json:"symbolBytes"`
	ReadBytes   int64            `json:"readBytes"`
	Ratio       float64          `json:"ratio,omitempty"` // symbolBytes / lostBytes
	Seconds     float64          `json:"seconds"`
	Error       string           `json:"error,omitempty"`
}

type repairedSliver struct {
	Sliver      string       `json:"sliver"`
	Was         sliverStatus `json:"was"`
	LostBytes   int64        `json:"lostBytes"`
	SymbolBytes int64        `json:"symbolBytes"`
	ReadBytes   int64        `json:"readBytes"`
	Ratio       float64      `json:"ratio"`
	Seconds     float64      `json:"seconds"`
	BadSources  []badSliver  `json:"badSources,omitempty"`
}

func newRepair() *cobra.Command {
	var id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "Make missing and corrupt slivers anew",
		Long: `Checks the slivers in DIR and recovers each that is missing or corrupt from symbols of good ones, without decoding
the blob, as the nodes of the network do. A sliver is replaced only by one that matches the blob's commitment.

For each sliver it prints the bytes lost, the symbol bytes that its recovery moved (what would cross a network), and
their ratio, and the bytes read from this disk: more than moved for slivers whose symbols are not stored but
computed by whoever holds the slivers across.`,
		Example: `  selvage codec repair photo.slivers
  selvage codec repair --json photo.slivers`,
		Args: one("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openFolder(cmd, args[0], id)
			if err != nil {
				return err
			}
			defer f.Close()
			return repair(cmd, f, asJSON)
		},
	}
	idFlag(cmd, &id)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func repair(cmd *cobra.Command, f *folder.Folder, asJSON bool) error {
	report, err := check(cmd, f)
	if err != nil {
		return advise(err)
	}
	result := repairResult{BlobID: f.ID(), Repaired: []repairedSliver{}}
	bar := newCountBar(cmd, "repairing", len(report.Bad()))
	begin := time.Now()
	w := cmd.OutOrStdout()
	err = f.Repair(cmd.Context(), report, codec.Options{}, func(r folder.Repaired) {
		if result.add(r); !asJSON {
			bar.clear()
			if len(result.Repaired) == 1 {
				fmt.Fprintf(w, "%-14s  %-7s  %12s  %12s  %6s  %12s  %8s\n", "SLIVER", "WAS", "LOST", "MOVED", "RATIO", "READ", "TIME")
			}
			fmt.Fprintf(w, "%-14v  %-7v  %12d  %12d  %6.3f  %12d  %7.3fs\n", r.Sliver, r.Was.State, r.LostBytes, r.SymbolBytes, r.Ratio(), r.ReadBytes, r.Took.Seconds())
		}
		bar.set(uint64(len(result.Repaired)))
		for _, e := range r.Bad {
			notef(cmd, "warning: found corrupt while repairing %v: %v", r.Sliver, e)
		}
	})
	bar.end()
	result.Seconds = time.Since(begin).Seconds()
	result.OK = err == nil
	if err != nil {
		result.Error = err.Error()
	}
	if result.LostBytes > 0 {
		result.Ratio = float64(result.SymbolBytes) / float64(result.LostBytes)
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

func (r *repairResult) add(done folder.Repaired) {
	one := repairedSliver{
		Sliver: done.Sliver.String(), Was: newSliverStatus(done.Was), LostBytes: done.LostBytes,
		SymbolBytes: done.SymbolBytes, ReadBytes: done.ReadBytes, Ratio: done.Ratio(), Seconds: done.Took.Seconds(),
	}
	for _, e := range done.Bad {
		one.BadSources = append(one.BadSources, newBadSliver(e))
	}
	r.Repaired = append(r.Repaired, one)
	r.LostBytes += done.LostBytes
	r.SymbolBytes += done.SymbolBytes
	r.ReadBytes += done.ReadBytes
}

func (r *repairResult) print(cmd *cobra.Command) {
	w := cmd.OutOrStdout()
	if len(r.Repaired) == 0 {
		if r.OK {
			fmt.Fprintln(w, "all slivers are good, nothing to repair")
		}
		return
	}
	fmt.Fprintf(w, "%s repaired in %.1f s: %s lost, %s moved (ratio %.3f), %s read\n", count(len(r.Repaired), "sliver"),
		r.Seconds, formatSize(r.LostBytes), formatSize(r.SymbolBytes), r.Ratio, formatSize(r.ReadBytes))
}
