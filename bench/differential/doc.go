// Package differential gives the prometheus exporters of Watchkeeper and of the
// contrib distribution the same metrics and compares what a scrape gets.
package differential
