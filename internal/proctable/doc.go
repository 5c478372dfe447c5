// Package proctable reads the processes of a Linux host from its /proc.
//
// One pass reads one file a process, stat. What does not change while a process
// runs the same program (its command line, its owner) is read once and kept until
// the process is gone. What the caller asks for after each pass about the
// processes that it watches (disk traffic, open files) is read along with their
// stat, through descriptors that stay open as far as the budget goes; what is dear
// or needs rights, only for the process named, when it is named. A pass over known
// processes allocates nothing for any of them.
//
// A process is its pid together with its start time, so nothing that was seen of
// one process is ever told of another that got the same pid later: whatever is
// read by a pid is read before, and believed after, a stat that shows the known
// start time. The grain of start times is a hundredth of a second; a pid would
// have to come round within that to deceive it. Nothing depends on the wall clock.
//
// A process that ends while it is being read is left out without a word; anything
// else that cannot be read is counted by file and reason and returned beside the
// data, see Faults. Diagnose says beforehand what this process cannot read, and
// what would mend it.
//
// A Watcher tells of the end of processes when they end, and how they ended.
//
// Which processes matter, and how they group, is the business of the caller.
package proctable
