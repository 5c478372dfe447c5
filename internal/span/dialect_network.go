package span

// network are HTTP requests, by the HTTP conventions before and after 1.23, and
// what both and others say of the other end.
var network = dialect{
	name: "http",
	fields: []field{
		{"error.type", errorType, 0},
		{"http.request.method", httpMethod, 0},
		{"http.method", httpMethod, 1},
		{"http.route", httpRoute, 0},
		{"url.template", httpRoute, 1},
		{"http.response.status_code", httpStatus, 0},
		{"http.status_code", httpStatus, 1},
		{"peer.service", peerService, 1},
		{"service.peer.name", peerService, 0},
		{"server.address", peerAddress, 0},
		{"net.peer.name", peerAddress, 1},
		{"http.host", peerAddress, 2},
		{"network.peer.address", peerAddress, 3},
		{"net.sock.peer.addr", peerAddress, 4},
		{"net.peer.ip", peerAddress, 5},
		{"server.port", peerPort, 0},
		{"net.peer.port", peerPort, 1},
		{"network.peer.port", peerPort, 2},
	},
	triggers: []slot{httpMethod, httpStatus},
	classify: func(s *Span, m *Meaning) bool {
		switch s.Kind {
		case KindClient:
			m.Type = HTTPClient
		case KindServer:
			m.Type = HTTPServer
		default:
			return false
		}
		return true
	},
}

// conventionalMethod is the request method as the HTTP conventions bound it.
func conventionalMethod(method string) string {
	switch method {
	case "", "GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY", "_OTHER":
		return method
	case "get":
		return "GET"
	case "post":
		return "POST"
	case "put":
		return "PUT"
	case "delete":
		return "DELETE"
	case "head":
		return "HEAD"
	case "patch":
		return "PATCH"
	case "options":
		return "OPTIONS"
	}
	return "_OTHER"
}
