package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// checkResult is what check prints with --json.
type checkResult struct {
	BlobID     codec.BlobID   `json:"blobId"`
	Shards     int            `json:"shards"`
	Size       uint64         `json:"size"`
	OK         bool           `json:"ok"`
	Sufficient bool           `json:"sufficient"` // to decode the blob, and to repair the rest
	Slivers    []sliverStatus `json:"slivers"`
	Warnings   []string       `json:"warnings"`
}

type sliverStatus struct {
	Sliver string       `json:"sliver"`
	State  folder.State `json:"state"`
	Stripe *int         `json:"stripe,omitempty"`
	Error  string       `json:"error,omitempty"`
}

func newSliverStatus(s folder.Status) sliverStatus {
	r := sliverStatus{Sliver: s.Sliver.String(), State: s.State}
	if s.Err != nil {
		b := newBadSliver(s.Err)
		r.Stripe, r.Error = b.Stripe, b.Error
	}
	return r
}

func newCheck() *cobra.Command {
	var id string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Verify every sliver in a folder",
		Long: `Reads every sliver in DIR and verifies all of it, stripe by stripe, against the blob's commitment. Nothing is
changed. The exit code is 1 if any sliver is missing or corrupt.`,
		Example: `  selvage codec check photo.slivers
  selvage codec check --json photo.slivers | jq '.slivers[] | select(.state != "good")'`,
		Args: one("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openFolder(cmd, args[0], id)
			if err != nil {
				return err
			}
			defer f.Close()
			report, err := check(cmd, f)
			if err != nil {
				return advise(err)
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), newCheckResult(f, report))
			} else {
				printCheck(cmd, f, report)
			}
			if err != nil {
				return err
			}
			return checkVerdict(args[0], report)
		},
	}
	idFlag(cmd, &id)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// check checks a folder behind a progress bar.
func check(cmd *cobra.Command, f *folder.Folder) (*folder.CheckReport, error) {
	bar := newBytesBar(cmd, "checking", f.CheckSize())
	defer bar.end()
	return f.Check(cmd.Context(), codec.Options{Progress: bar.set})
}

func newCheckResult(f *folder.Folder, report *folder.CheckReport) checkResult {
	r := checkResult{
		BlobID: f.ID(), Shards: f.Layout().Shards(), Size: f.Layout().Size(),
		OK: len(report.Bad()) == 0, Sufficient: report.Sufficient(), Warnings: []string{},
	}
	for _, s := range report.Slivers {
		r.Slivers = append(r.Slivers, newSliverStatus(s))
	}
	for _, w := range f.Warnings() {
		r.Warnings = append(r.Warnings, w.String())
	}
	return r
}

func printCheck(cmd *cobra.Command, f *folder.Folder, report *folder.CheckReport) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "blob %v, %s, %d shards\n", f.ID(), formatSize(f.Layout().Size()), f.Layout().Shards())
	for _, s := range report.Bad() {
		if s.State == folder.Missing {
			fmt.Fprintf(w, "missing  %v\n", s.Sliver)
		} else {
			fmt.Fprintf(w, "corrupt  %v\n", s.Err)
		}
	}
	for _, a := range []codec.Axis{codec.Primary, codec.Secondary} {
		fmt.Fprintf(w, "%-9v  %d good, %d missing, %d corrupt; %d good ones are sufficient\n", a,
			report.Count(a, folder.Good), report.Count(a, folder.Missing), report.Count(a, folder.Corrupt), report.Grid.Needed(a))
	}
}

// checkVerdict is the error of a check that found something.
func checkVerdict(dir string, report *folder.CheckReport) error {
	bad := len(report.Bad())
	switch {
	case bad == 0:
		return nil
	case report.Sufficient():
		return fmt.Errorf("%s of %d missing or corrupt\n  → the others are sufficient to make them anew: selvage codec repair %s",
			count(bad, "sliver"), len(report.Slivers), dir)
	}
	return fmt.Errorf("%s of %d missing or corrupt, too many to decode or to repair\n  → %s",
		count(bad, "sliver"), len(report.Slivers), stillNeeded(report.NotEnough()))
}
