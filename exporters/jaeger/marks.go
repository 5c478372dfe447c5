package jaeger

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/tracelink"
)

// workflowMark begins the keys that the workflow connector writes onto spans of
// the workflows that it has put together.
const workflowMark = "watchkeeper.workflow."

// marked reports whether a component before this one, which may have seen the
// whole trace, has said that the span is of a workflow.
func marked(key string) bool { return strings.HasPrefix(key, workflowMark) }

// linkRoots writes onto each span without a parent where its trace can be looked
// at, unless that is said there already.
func linkRoots(page tracelink.Page, td ptrace.Traces) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				if !sp.ParentSpanID().IsEmpty() {
					continue
				}
				if _, ok := sp.Attributes().Get(tracelink.Attribute); ok {
					continue
				}
				if link := page.URL(sp.TraceID(), sp.SpanID()); link != "" {
					sp.Attributes().PutStr(tracelink.Attribute, link)
				}
			}
		}
	}
}
