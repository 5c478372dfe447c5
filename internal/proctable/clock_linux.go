package proctable

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock counts from the boot of the host, suspended time included, and knows when
// that was. Nothing but the latter depends on the wall clock.
type clock struct {
	dir   int // of /proc
	bound bool
	buf   []byte

	booted time.Time
	// offset is what the wall clock was ahead of the one since boot when booted was
	// read. Both run at the same pace, so it changes only when somebody sets the
	// former.
	offset time.Duration
	// wall replaces the wall clock in tests.
	wall func() time.Time
}

// sinceBoot asks the kernel's own clock, to which start times refer. The uptime
// file, which a copy of /proc has instead, may be that of a container.
func (c *clock) sinceBoot() (time.Duration, error) {
	if c.bound {
		return bootClock(), nil
	}
	b, err := read(c.dir, "uptime", c.buf)
	if err != nil {
		return 0, err
	}
	return parseUptime(b)
}

// readBootTime takes the boot time from /proc/stat.
func (c *clock) readBootTime() error {
	offset := c.ahead()
	b, err := read(c.dir, "stat", c.buf)
	if err != nil {
		return err
	}
	booted, err := parseBootTime(b)
	if err != nil {
		return err
	}
	c.booted, c.offset = booted, offset
	return nil
}

// follow reads the boot time again if the wall clock was set since. If that fails
// the known one stays, and the next pass tries again.
func (c *clock) follow() {
	if step := c.ahead() - c.offset; step.Abs() >= time.Second {
		_ = c.readBootTime()
	}
}

func (c *clock) ahead() time.Duration {
	wall := time.Now
	if c.wall != nil {
		wall = c.wall
	}
	return time.Duration(wall().UnixNano()) - bootClock()
}

func bootClock() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) // every kernel that Go runs on has it
	return time.Duration(now.Nano())
}
