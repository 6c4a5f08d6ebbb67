package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// checkResult is what check prints with --json.
type checkResult struct {
	BlobID     codec.BlobID `json:"blobId"`
	Shards     int          `json:"shards"`
	Size       uint64       `json:"size"`
	OK         bool         `json:"ok"`
	Sufficient bool         `json:"sufficient"` // slivers that are good as a whole: to decode the blob, and each of the rest
	Stripes    int          `json:"stripes"`
	// Undecodable is the number of stripes with too few good slivers. With 0 of them the blob can be decoded.
	Undecodable int            `json:"undecodableStripes"`
	Slivers     []sliverStatus `json:"slivers"`
	Warnings    []string       `json:"warnings"`
}

type sliverStatus struct {
	Sliver string       `json:"sliver"`
	State  folder.State `json:"state"`
	Stripe *int         `json:"stripe,omitempty"` // the first bad one; absent: the sliver as a whole
	Bad    int          `json:"badStripes,omitempty"`
	Error  string       `json:"error,omitempty"`
}

func newSliverStatus(s folder.Status) sliverStatus {
	r := sliverStatus{Sliver: s.Sliver.String(), State: s.State, Bad: s.BadStripes}
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
			f, report, err := checkFolder(cmd, args[0], id)
			if err != nil {
				return err
			}
			defer f.Close()
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

func newCheckResult(f *folder.Folder, report *folder.CheckReport) checkResult {
	r := checkResult{
		BlobID: f.ID(), Shards: f.Layout().Shards(), Size: f.Layout().Size(),
		OK: len(report.Bad()) == 0, Sufficient: report.Sufficient(),
		Stripes: report.Stripes, Undecodable: report.Undecodable, Warnings: []string{},
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
		switch {
		case s.State == folder.Missing:
			fmt.Fprintf(w, "missing  %v\n", s.Sliver)
		case s.State == folder.Unreadable:
			fmt.Fprintf(w, "can't be read  %v\n", s.Err)
		case s.BadStripes > 1:
			fmt.Fprintf(w, "corrupt  %v, and %s of %d\n", s.Err, count(s.BadStripes-1, "more stripe"), report.Stripes)
		default:
			fmt.Fprintf(w, "corrupt  %v\n", s.Err)
		}
	}
	for _, a := range []codec.Axis{codec.Primary, codec.Secondary} {
		unreadable := ""
		if n := report.Count(a, folder.Unreadable); n > 0 {
			unreadable = fmt.Sprintf(", %d that can't be read", n)
		}
		fmt.Fprintf(w, "%-9v  %d good, %d missing, %d corrupt%s; %d good ones are sufficient\n", a, report.Count(a, folder.Good),
			report.Count(a, folder.Missing), report.Count(a, folder.Corrupt), unreadable, report.Grid.Needed(a))
	}
}

// checkVerdict is the error of a check that found something.
func checkVerdict(dir string, report *folder.CheckReport) error {
	bad := len(report.Bad())
	found := fmt.Sprintf("%s of %d missing or corrupt", count(bad, "sliver"), len(report.Slivers))
	if report.Count(codec.Primary, folder.Unreadable)+report.Count(codec.Secondary, folder.Unreadable) > 0 {
		found += ", or not to be read"
	}
	switch {
	case bad == 0:
		return nil
	case report.Sufficient():
		return fmt.Errorf("%s\n  → the others are sufficient to make them anew: selvage codec repair %s", found, dir)
	case report.Decodable():
		return fmt.Errorf("%s, too many to make each anew from whole ones, but every stripe can still be decoded\n"+
			"  → decode the blob and make them anew: selvage codec repair %s", found, dir)
	}
	return fmt.Errorf("%s, too many: %d of %s can't be decoded\n  → %s",
		found, report.Undecodable, count(report.Stripes, "stripe"), stillNeeded(report.NotEnough()))
}
