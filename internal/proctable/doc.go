// Package proctable reads the processes of a Linux host from its /proc.
//
// One pass reads one file a process, stat. What does not change while a process
// runs the same program (its command line, its owner) is read once and kept until
// the process is gone. What is dear or needs rights (open files, proportional
// memory, the path of the program) is read only for the processes that the caller
// names.
//
// A process is its pid together with its start time, so nothing that was seen of
// one process is ever told of another that got the same pid later. A process that
// ends while it is being read is left out without a word; anything else that
// cannot be read is counted by file and reason and returned beside the data, see
// Faults.
//
// Which processes matter, and how they group, is the business of the caller.
package proctable
