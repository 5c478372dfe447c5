package jaeger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"go.opentelemetry.io/collector/consumer/consumererror"
)

func TestOnlyTheCodesOfTheSpecificationAreRetried(t *testing.T) {
	retryable := map[codes.Code]bool{
		codes.Canceled: true, codes.DeadlineExceeded: true, codes.Aborted: true,
		codes.OutOfRange: true, codes.Unavailable: true, codes.DataLoss: true,
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		err := classify(status.Error(code, "no"))
		require.Equal(t, !retryable[code], consumererror.IsPermanent(err), code)
	}
}

func TestAnExhaustedServerIsAskedAgainWhenItSaysWhen(t *testing.T) {
	s, err := status.New(codes.ResourceExhausted, "busy").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	require.NoError(t, err)
	classified := classify(s.Err())
	require.False(t, consumererror.IsPermanent(classified))
	require.ErrorContains(t, classified, "Throttle (3s)")
}
