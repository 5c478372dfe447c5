package prometheus

import (
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// FuzzNegotiate reads any header: what comes out can always be written.
func FuzzNegotiate(f *testing.F) {
	f.Add(modernAccept, "gzip;q=0.5, zstd")
	f.Add("text/plain;q=nan;escaping=dots,,;", ";;q=,*;q=-1")
	f.Fuzz(func(t *testing.T, accept, encoding string) {
		syntax, contentType := negotiate([]string{accept}, true)
		require.Contains(t, []expo.Syntax{expo.Text, expo.OpenMetrics, expo.Protobuf}, syntax)
		require.NotEmpty(t, contentType)
		require.Contains(t, []expo.Encoding{expo.Plain, expo.Gzip, expo.Zstd}, encodingFor([]string{encoding}))
		require.Contains(t, []model.EscapingScheme{model.NoEscaping, model.UnderscoreEscaping, model.DotsEscaping, model.ValueEncodingEscaping},
			escapingFor([]string{accept}))
		syntax, _ = negotiate([]string{accept}, false)
		require.NotEqual(t, expo.OpenMetrics, syntax)
	})
}
