package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
	"github.com/selvage-network/selvage/codec/folder"
)

// decodeResult is what decode prints with --json.
type decodeResult struct {
	BlobID   codec.BlobID `json:"blobId"`
	Size     uint64       `json:"size"`   // of the blob
	Offset   uint64       `json:"offset"` // of what was written
	Length   uint64       `json:"length"`
	File     string       `json:"file"`
	Verified string       `json:"verified"` // "blob": encoded again and compared; "slivers": those that were read
	Missing  []string     `json:"missing"`
	Corrupt  []badSliver  `json:"corrupt"` // or not to be read, as far as that was tried
}

// badSliver is a sliver that was refused.
type badSliver struct {
	Sliver string `json:"sliver"`
	Stripe *int   `json:"stripe,omitempty"` // absent: the sliver as a whole
	Error  string `json:"error"`
}

func newBadSliver(e *codec.SliverError) badSliver {
	b := badSliver{Sliver: e.Sliver.String(), Error: e.Err.Error()}
	if e.Stripe >= 0 {
		b.Stripe = &e.Stripe
	}
	return b
}

// badWord says what is wrong with a sliver that was refused.
func badWord(e *codec.SliverError) string {
	if errors.Is(e, fs.ErrPermission) {
		return "can't be read"
	}
	return "corrupt"
}

// decodeFlags are the flags of decode.
type decodeFlags struct {
	out, id, span string
	fast, force   bool
	json          bool
}

func newDecode() *cobra.Command {
	var f decodeFlags
	cmd := &cobra.Command{
		Use:   "decode --out FILE DIR",
		Short: "Give a file back from its slivers",
		Long: `Decodes the blob whose slivers are in DIR, going round slivers that are missing or corrupt, and writes it to FILE,
which gets its name only when everything checked out. FILE may be "-" for stdout; what is written there may be
used only when the exit code is 0.

A whole blob is encoded again and compared with its ID, so that nobody can get different bytes from other slivers of
the same blob. With --fast, or with a --range, slivers are checked against their commitments only: that suffices
unless the blob's writer was malicious.`,
		Example: `  selvage codec decode --out photo.jpg photo.slivers
  selvage codec decode --out - album.slivers | tar -x
  selvage codec decode --out head --range 0-1MiB --force photo.slivers
  selvage codec decode --out tail --range 5000- photo.slivers`,
		Args: one("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.out == "":
				return usagef("--out is missing: the file to write, or - for stdout")
			case f.out == "-" && f.json:
				return usagef("--json and --out - both want stdout; choose a file for the blob")
			}
			return f.run(cmd, args[0])
		},
	}
	cmd.Flags().StringVarP(&f.out, "out", "o", "", `file to write, or "-" for stdout (required)`)
	cmd.Flags().StringVar(&f.span, "range", "", "A-B: only the bytes A ≤ x < B, counted from 0; A- goes to the end; sizes such as 1MiB are allowed")
	cmd.Flags().BoolVar(&f.fast, "fast", false, "check the slivers that are read, not the encoding of the whole blob")
	cmd.Flags().BoolVar(&f.force, "force", false, "overwrite FILE if it exists")
	cmd.MarkFlagFilename("out")
	idFlag(cmd, &f.id)
	jsonFlag(cmd, &f.json)
	return cmd
}

func (f *decodeFlags) run(cmd *cobra.Command, dir string) (err error) {
	src, err := openFolder(cmd, dir, f.id)
	if err != nil {
		return err
	}
	defer src.Close()
	size := src.Layout().Size()
	from, to := uint64(0), size
	if f.span != "" {
		if from, to, err = parseRange(f.span, size); err != nil {
			return err
		}
	}
	var out io.Writer
	var file *outputFile
	if f.out == "-" {
		notef(cmd, "note: use the bytes on stdout only if the exit code is 0; an error may come after some of them")
		out = cmd.OutOrStdout()
	} else {
		if file, err = createOutput(f.out, f.force); err != nil {
			return err
		}
		defer file.discard()
		out = file
	}
	verified, bad, err := f.decode(cmd, src, out, from, to)
	if err != nil {
		return advise(fmt.Errorf("decode %s: %w", dir, err))
	}
	if file != nil {
		if err := file.commit(); err != nil {
			return advise(err)
		}
	}
	missing := src.Missing()
	warnBad(cmd, dir, missing, bad)
	if !f.json {
		return nil
	}
	r := decodeResult{
		BlobID: src.ID(), Size: size, Offset: from, Length: to - from, File: f.out, Verified: verified,
		Missing: []string{}, Corrupt: []badSliver{},
	}
	for _, s := range missing {
		r.Missing = append(r.Missing, s.String())
	}
	for _, e := range bad {
		r.Corrupt = append(r.Corrupt, newBadSliver(e))
	}
	return printJSON(cmd.OutOrStdout(), r)
}

// decode writes the wanted bytes, and says how they were verified and which slivers it refused.
func (f *decodeFlags) decode(cmd *cobra.Command, src *folder.Folder, out io.Writer, from, to uint64) (verified string, bad []*codec.SliverError, err error) {
	bar := newBytesBar(cmd, "decoding", int64(to-from))
	defer bar.end()
	d, err := src.Decoder(codec.Options{Progress: bar.set})
	if err != nil {
		return "", nil, err
	}
	w := bufio.NewWriterSize(cancelledWriter{cmd.Context(), out}, 1<<20)
	ctx := cmd.Context()
	verified = "slivers"
	switch {
	case f.span != "":
		err = d.DecodeRange(ctx, w, from, to-from)
	case f.fast:
		err = d.DecodeFast(ctx, w)
	default:
		verified = "blob"
		err = d.Decode(ctx, w)
	}
	if err == nil {
		err = w.Flush()
	}
	var few *codec.NotEnoughError
	if errors.As(err, &few) {
		if missing := src.Missing(); len(missing) > 0 {
			err = fmt.Errorf("%w; missing: %s", err, nameSlivers(missing))
		}
	}
	return verified, d.Bad(), err
}

// cancelledWriter refuses to write when ctx has ended, so that a full pipe's reader that has gone is the only thing
// that a decoding can wait for.
type cancelledWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c cancelledWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

// warnBad names the slivers that a successful decoding went without.
func warnBad(cmd *cobra.Command, dir string, missing []codec.SliverIndex, bad []*codec.SliverError) {
	if len(missing) > 0 {
		notef(cmd, "warning: %s missing: %s", count(len(missing), "sliver"), nameSlivers(missing))
	}
	const listed = 8
	for i, e := range bad {
		if i == listed {
			notef(cmd, "warning: and %d more", len(bad)-listed)
			break
		}
		notef(cmd, "warning: %s: %v", badWord(e), e)
	}
	if len(missing)+len(bad) > 0 {
		notef(cmd, "The others were sufficient. To make these anew: selvage codec repair %s", dir)
	}
}

// parseRange reads "A-B" or "A-" for a blob of the given size.
func parseRange(s string, size uint64) (from, to uint64, err error) {
	a, b, ok := strings.Cut(s, "-")
	if !ok || a == "" {
		return 0, 0, usagef("--range %q is not A-B or A-: the bytes A ≤ x < B, counted from 0", s)
	}
	if from, err = parseSize(a); err != nil {
		return 0, 0, usagef("--range: %w", err)
	}
	if to = size; b != "" {
		if to, err = parseSize(b); err != nil {
			return 0, 0, usagef("--range: %w", err)
		}
	}
	switch {
	case from > math.MaxInt64 || from > to && b != "":
		return 0, 0, usagef("--range %s ends before it begins", s)
	case to > size || from > size:
		return 0, 0, usagef("--range %s goes beyond the blob, which has %d bytes", s, size)
	}
	return from, to, nil
}
