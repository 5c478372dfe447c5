package program

import (
	"testing"
	"time"
)

func TestProcessorTimeIsUserAndSystemTimeBehindAnyName(t *testing.T) {
	const fields = " S 1 1 1 0 -1 4194368 22 0 0 0 250 17 900 900 20 0 1 0 455500 2625536 106\n"
	for _, name := range []string{"(node)", "(a) R 1 ()", "(two words)", "(a\nb)"} {
		got, err := parseCPUTime([]byte("11738 " + name + fields))
		if err != nil || got != 2670*time.Millisecond {
			t.Errorf("%q: got %s, %v", name, got, err)
		}
	}
	for _, text := range []string{"", "1 (node) S 1", "no name at all", "1 (node)" + " S 1 1 1 0 -1 1 1 0 0 0 x 17"} {
		if got, err := parseCPUTime([]byte(text)); err == nil {
			t.Errorf("%q: got %s and no error", text, got)
		}
	}
}

func TestMemoryIsTheNamedLine(t *testing.T) {
	got, err := parseMemory([]byte("Name:\tnode\nVmHWM:\t    9000 kB\nVmRSS:\t    8132 kB\nRssAnon:\t 1 kB\n"), "VmRSS")
	if err != nil || got != 8132<<10 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, text := range []string{"", "Name:\tkthreadd\n", "VmRSS:\t x kB\n"} {
		if got, err := parseMemory([]byte(text), "VmRSS"); err == nil {
			t.Errorf("%q: got %d and no error", text, got)
		}
	}
}

func TestOnlyTheEndOfTheOutputIsKept(t *testing.T) {
	var out tail
	for range 3 * tailSize {
		_, _ = out.Write([]byte("."))
	}
	_, _ = out.Write([]byte("the end"))
	if got := out.String(); len(got) != tailSize || got[len(got)-7:] != "the end" {
		t.Errorf("kept %d bytes, the last are %q", len(got), got[len(got)-7:])
	}
}
