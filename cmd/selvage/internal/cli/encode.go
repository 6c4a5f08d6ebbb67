package cli

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// encodeResult is what encode prints.
type encodeResult struct {
	BlobID        codec.BlobID `json:"blobId"`
	Shards        int          `json:"shards"`
	Size          uint64       `json:"size"`
	Stripes       int          `json:"stripes"`
	Slivers       int          `json:"slivers"`
	PrimarySize   int64        `json:"primarySize"`
	SecondarySize int64        `json:"secondarySize"`
	MetadataSize  int          `json:"metadataSize"`
	Stored        int64        `json:"stored"`
	Expansion     float64      `json:"expansion,omitempty"`
	Folder        string       `json:"folder"`
}

func newEncode() *cobra.Command {
	var shards int
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "encode --shards N --out DIR FILE",
		Short: "Write a file's slivers to a folder",
		Long: `Encodes FILE and writes its 2n slivers and its metadata to DIR, which must not exist yet or be empty, and which
gets its name only when everything in it is whole and on disk. FILE may be "-" for stdin, which is first copied to
a temporary file beside DIR since the slivers' files can be laid out only when the size is known.`,
		Example: `  selvage codec encode --shards 10 --out photo.slivers photo.jpg
  tar -c album | selvage codec encode --shards 100 --out album.slivers -`,
		Args: one("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := gridOf(shards)
			if err != nil {
				return err
			}
			if out == "" {
				return usagef("--out is missing: the folder that the slivers are written to")
			}
			r, err := encode(cmd, g, args[0], out)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd)
		},
	}
	shardsFlag(cmd, &shards)
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder to write the slivers to (required)")
	cmd.MarkFlagDirname("out")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func encode(cmd *cobra.Command, g codec.Grid, path, out string) (*encodeResult, error) {
	if err := folder.CheckTarget(out); err != nil {
		return nil, advise(err)
	}
	in, err := openInput(cmd, path)
	if err != nil {
		return nil, err
	}
	defer in.close()
	if in.size < 0 {
		abs, err := filepath.Abs(out)
		if err != nil {
			return nil, err
		}
		if in, err = spool(cmd, in, filepath.Dir(abs)); err != nil {
			return nil, err
		}
		defer in.close()
	}
	bar := newBytesBar(cmd, "encoding", in.size)
	m, err := folder.Encode(cmd.Context(), out, g, in, uint64(in.size), codec.Options{Progress: bar.set})
	bar.end()
	if err != nil {
		return nil, in.fail(err)
	}
	l, err := m.Layout()
	if err != nil {
		return nil, err
	}
	r := &encodeResult{
		BlobID: m.ID(), Shards: m.Shards, Size: m.Size, Stripes: l.Stripes(), Slivers: 2 * m.Shards,
		PrimarySize: l.SliverSize(codec.Primary), SecondarySize: l.SliverSize(codec.Secondary),
		MetadataSize: l.MetadataSize(), Folder: out,
	}
	r.Stored = int64(m.Shards)*(r.PrimarySize+r.SecondarySize) + int64(r.MetadataSize)
	if m.Size > 0 {
		r.Expansion = float64(r.Stored) / float64(m.Size)
	}
	return r, nil
}

func (r *encodeResult) print(cmd *cobra.Command) error {
	g, err := codec.NewGrid(r.Shards)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "blob ID\t%v\n", r.BlobID)
	fmt.Fprintf(w, "blob\t%s (%d bytes, %s)\n", formatSize(r.Size), r.Size, count(r.Stripes, "stripe"))
	fmt.Fprintf(w, "slivers\t%d primary of %s (any %d decode), %d secondary of %s (any %d decode)\n",
		r.Shards, formatSize(r.PrimarySize), g.Rows(), r.Shards, formatSize(r.SecondarySize), g.Cols())
	if r.Expansion > 0 {
		fmt.Fprintf(w, "stored\t%s, %.2f × the blob\n", formatSize(r.Stored), r.Expansion)
	}
	fmt.Fprintf(w, "folder\t%s\n", r.Folder)
	return w.Flush()
}
