package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

func newCodec() *cobra.Command {
	return group("codec", "Encode, decode, check and repair blobs in local folders",
		`Works on the grid of one blob, with no network: encode writes a blob's slivers to a folder, decode gives
the blob back from any sufficient set of them, check verifies them and repair makes lost ones anew.

With n shards and f = ⌊(n−1)/3⌋, any n−2f primary slivers or any n−f secondary slivers are sufficient.`,
		newID(), newEncode(), newDecode(), newCheck(), newRepair())
}

// shardsFlag adds --shards to a command.
func shardsFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVarP(n, "shards", "n", 0, fmt.Sprintf("number of shards of the network, %d to %d (required; it is part of the blob ID)", codec.MinShards, codec.MaxShards))
}

// gridOf makes the grid that --shards asks for.
func gridOf(n int) (codec.Grid, error) {
	if n == 0 {
		return codec.Grid{}, usagef("--shards is missing: the number of shards of the network, %d to %d", codec.MinShards, codec.MaxShards)
	}
	g, err := codec.NewGrid(n)
	if err != nil {
		return codec.Grid{}, usagef("--shards %d: the number of shards is %d to %d", n, codec.MinShards, codec.MaxShards)
	}
	return g, nil
}

// idFlag adds --id to a command that opens a folder.
func idFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "id", "", "blob ID that the folder must hold (default: that of its only metadata file)")
}

// openFolder opens a folder, and warns of what is no part of it.
func openFolder(cmd *cobra.Command, dir, id string) (*folder.Folder, error) {
	var f *folder.Folder
	var err error
	if id == "" {
		f, err = folder.Open(dir)
	} else {
		var parsed codec.BlobID
		if parsed, err = codec.ParseBlobID(id); err != nil {
			return nil, usagef("--id: %w", err)
		}
		f, err = folder.OpenBlob(dir, parsed)
	}
	if err != nil {
		return nil, advise(err)
	}
	for _, w := range f.Warnings() {
		notef(cmd, "warning: %v", w)
	}
	return f, nil
}

// checkFolder opens a folder and checks it behind a progress bar. The folder must be closed.
func checkFolder(cmd *cobra.Command, dir, id string) (*folder.Folder, *folder.CheckReport, error) {
	f, err := openFolder(cmd, dir, id)
	if err != nil {
		return nil, nil, err
	}
	bar := newBytesBar(cmd, "checking", f.CheckSize())
	report, err := f.Check(cmd.Context(), codec.Options{Progress: bar.set})
	bar.end()
	if err != nil {
		f.Close()
		return nil, nil, advise(err)
	}
	return f, report, nil
}

func newID() *cobra.Command {
	var shards int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "id --shards N FILE",
		Short: "Print the blob ID of a file",
		Long: `Encodes FILE, keeps nothing of it, and prints the ID that it has as a blob. FILE may be "-" for stdin,
of any size.`,
		Example: `  selvage codec id --shards 1000 photo.jpg
  tar -c album | selvage codec id --shards 1000 -
  selvage codec id --shards 10 --json photo.jpg`,
		Args: one("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := gridOf(shards)
			if err != nil {
				return err
			}
			in, err := openInput(cmd, args[0])
			if err != nil {
				return err
			}
			defer in.close()
			bar := newBytesBar(cmd, "encoding", in.size)
			m, err := codec.Encode(cmd.Context(), g, in, in.size, nil, codec.Options{Progress: bar.set})
			bar.end()
			if err != nil {
				return in.fail(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					BlobID codec.BlobID `json:"blobId"`
					Shards int          `json:"shards"`
					Size   uint64       `json:"size"`
				}{m.ID(), m.Shards, m.Size})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), m.ID())
			return err
		},
	}
	shardsFlag(cmd, &shards)
	jsonFlag(cmd, &asJSON)
	return cmd
}
