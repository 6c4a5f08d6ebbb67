package cli

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// bar is a progress bar, or nothing when stderr is no terminal.
type bar struct{ p *progressbar.ProgressBar }

// newBytesBar shows bytes of a total, or with total −1 a spinner.
func newBytesBar(cmd *cobra.Command, what string, total int64) bar {
	return newBar(cmd, what, total, progressbar.OptionShowBytes(true))
}

// newCountBar shows a count of things.
func newCountBar(cmd *cobra.Command, what string, total int) bar {
	return newBar(cmd, what, int64(total), progressbar.OptionShowCount())
}

func newBar(cmd *cobra.Command, what string, total int64, how progressbar.Option) bar {
	f, ok := cmd.ErrOrStderr().(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || total == 0 {
		return bar{}
	}
	return bar{progressbar.NewOptions64(total, how,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(f),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
	)}
}

// set moves the bar; it fits codec.Options.Progress.
func (b bar) set(done uint64) {
	if b.p != nil {
		b.p.Set64(int64(done))
	}
}

// clear takes the bar off the screen while something else is printed there.
func (b bar) clear() {
	if b.p != nil {
		b.p.Clear()
	}
}

// end takes the bar off the screen for good.
func (b bar) end() {
	if b.p != nil {
		b.p.Exit()
		b.p.Clear()
	}
}
