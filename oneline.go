package main

import (
	"regexp"
	"strings"
)

// Configuration errors come from several layers, each of which starts a new
// paragraph. On a terminal, in a journal or in a pod's last log line one line is
// what a person gets to see.
var (
	decodingFailed = regexp.MustCompile(`decoding failed due to the following error\(s\):\s*`)
	lineBreaks     = regexp.MustCompile(`\s*\n\s*`)
)

// oneLine returns the text of err as a single line, without the phrases that
// only introduce the next layer.
func oneLine(err error) string {
	s := decodingFailed.ReplaceAllString(err.Error(), "")
	return lineBreaks.ReplaceAllString(strings.TrimSpace(s), "; ")
}
