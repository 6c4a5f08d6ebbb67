package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selvage-network/selvage/codec"
)

// printJSON prints one JSON value, indented.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// jsonFlag adds --json to a command.
func jsonFlag(cmd *cobra.Command, on *bool) {
	cmd.Flags().BoolVar(on, "json", false, "print the result as JSON")
}

// notef prints a line to stderr.
func notef(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
}

// units of sizes, for people.
var units = []struct {
	name string
	size float64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// formatSize prints a number of bytes with three digits.
func formatSize[T int | int64 | uint64](n T) string {
	for _, u := range units {
		if f := float64(n) / u.size; f >= 1 {
			return fmt.Sprintf("%.*f %s", digits(f), f, u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}

func digits(f float64) int {
	switch {
	case f >= 100:
		return 0
	case f >= 10:
		return 1
	}
	return 2
}

// parseSize reads a number of bytes such as 4096, 64KiB or 256MiB. Units are powers of 1024 only, so that nobody has
// to guess.
func parseSize(s string) (uint64, error) {
	number, unit := s, uint64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = strings.TrimSpace(rest), uint64(u.size)
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n > (1<<63-1)/unit {
		return 0, fmt.Errorf("%q is not a number of bytes such as 4096, 64KiB or 256MiB", s)
	}
	return n * unit, nil
}

// nameSlivers lists slivers, which are in order, in a sentence: runs of them as "primary-0003…0017", and the first few
// runs only.
func nameSlivers(all []codec.SliverIndex) string {
	const listed = 8
	var names []string
	for i := 0; i < len(all); {
		if len(names) == listed {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(all)-i)
		}
		last := i
		for last+1 < len(all) && all[last+1].Axis == all[i].Axis && all[last+1].Index == all[last].Index+1 {
			last++
		}
		name := all[i].String()
		if last > i {
			name += fmt.Sprintf("…%04d", all[last].Index)
		}
		names = append(names, name)
		i = last + 1
	}
	return strings.Join(names, ", ")
}

// count prints a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
