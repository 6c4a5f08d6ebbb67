// Package cli holds the commands of the selvage binary. They parse flags, call the packages that do the work, and
// print: results on stdout, as text or with --json as one JSON value, and everything else, warnings, progress and
// errors, on stderr. It follows design/cli.md.
package cli
