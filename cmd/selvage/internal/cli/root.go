package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitInterrupted = 130 // what a shell reports for a program that SIGINT has ended
)

// Run runs the command that args name and returns its exit code. Errors are printed to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := New()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "selvage: interrupted (%v)\n", err)
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "selvage: %v\n", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "Run '%s --help' for how to use it.\n", cmd.CommandPath())
	}
	return exitFailed
}

// New returns the command tree.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "selvage",
		Short: "A decentralized blob store",
		Long: `Selvage stores blobs on many nodes that need not trust each other: every blob is cut into
a grid of symbols, erasure-coded in both directions, so that any third of the nodes may fail.`,
		// Cobra would print the usage after every failed run, and the error twice.
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newCodec(), newBench(), newVersion())
	return root
}

// usageError is an error in the command line, as opposed to one while running.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// one takes exactly one argument, with an error that says which.
func one(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usagef("%s is missing", what)
		case 1:
			return nil
		}
		return usagef("only one %s can be given, these are %d: %q", what, len(args), args)
	}
}

// group is a command that only has subcommands.
func group(use, short, long string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", cmd.CommandPath()+" "+args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(subs...)
	return c
}
