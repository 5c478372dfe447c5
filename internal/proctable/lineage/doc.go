// Package lineage tells to which agent a process belongs, and which processes
// their agent has left behind.
//
// The kernel knows only the parent that a process has now: when a parent ends, its
// children hang under init and nothing says whose they were. So a Forest is shown
// all processes again and again, and remembers of each what stood above it while
// it still did. It knows processes by pid and start time, never by pid alone.
//
// Like a detector it reads no files, starts no goroutine and takes the time from
// its caller. What a process is (an agent, a server, the name of its group) is the
// caller's judgement.
package lineage
