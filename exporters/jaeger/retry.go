package jaeger

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// classify tells exporterhelper which failures are worth another attempt, and
// when. The codes are those of the OTLP specification, "OTLP/gRPC Response",
// "Failures": everything that it does not list as retryable is final.
func classify(err error) error {
	s := status.Convert(err)
	wait, told := retryDelay(s)
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
	case codes.ResourceExhausted:
		// Without RetryInfo the server says that the request itself is too much.
		if !told {
			return consumererror.NewPermanent(err)
		}
	default:
		return consumererror.NewPermanent(err)
	}
	if wait > 0 {
		return exporterhelper.NewThrottleRetry(err, wait)
	}
	return err
}

func retryDelay(s *status.Status) (wait time.Duration, told bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}
