package proctable

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFaultsAreCountedByFileAndReason(t *testing.T) {
	var f Faults
	require.NoError(t, f.Err())
	f.Add("fd", nil)
	f.Add("fd", fmt.Errorf("reading fd: %w", ErrGone))
	require.NoError(t, f.Err())

	denied := fmt.Errorf("reading 7/stat: %w", syscall.EACCES)
	f.Add("stat", denied)
	f.Add("stat", syscall.EPERM)
	f.Add("fd", syscall.EACCES)
	f.Add("stat", errMalformed)
	f.Add("fd", syscall.EMFILE)
	f.Add("fd", syscall.EIO)
	require.Equal(t, Faults{
		{"stat", Permission, 2, denied},
		{"fd", Permission, 1, syscall.EACCES},
		{"stat", Parse, 1, errMalformed},
		{"fd", Exhausted, 1, syscall.EMFILE},
		{"fd", Other, 1, syscall.EIO},
	}, f)
	require.ErrorIs(t, f.Err(), fs.ErrPermission)
	require.ErrorIs(t, f.Err(), errMalformed)
	require.NotErrorIs(t, f.Err(), ErrGone)

	var got Faults
	require.True(t, errors.As(fmt.Errorf("scraping: %w", f.Err()), &got))
	require.Equal(t, "stat of 2 processes not read (permission), for example: reading 7/stat: permission denied; "+
		"fd of 1 processes not read (permission), for example: permission denied", f[:2].Error())
}
