package jaeger

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestOnlyTheCodesOfTheSpecificationAreRetried(t *testing.T) {
	retryable := map[codes.Code]bool{
		codes.Canceled: true, codes.DeadlineExceeded: true, codes.Aborted: true,
		codes.OutOfRange: true, codes.Unavailable: true, codes.DataLoss: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		err := classify(fmt.Errorf("sending: %w", status.Error(code, "no")))
		var r *refusal
		require.Equal(t, !retryable[code], errors.As(err, &r), code)
	}
}

func TestAnExhaustedServerIsAskedAgainWhenItSaysWhen(t *testing.T) {
	s, err := status.New(codes.ResourceExhausted, "busy").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	require.NoError(t, err)
	classified := classify(fmt.Errorf("sending: %w", s.Err()))
	var r *refusal
	require.False(t, errors.As(classified, &r))
	require.ErrorContains(t, classified, "Throttle (3s)")
}

func TestAServerCannotAskForAPauseOfDays(t *testing.T) {
	s, err := status.New(codes.Unavailable, "busy").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(1000 * time.Hour)})
	require.NoError(t, err)
	require.ErrorContains(t, classify(s.Err()), "Throttle (5m0s)")
}
