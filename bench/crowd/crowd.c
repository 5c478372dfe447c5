// crowd COUNT FDS DIR keeps COUNT processes alive that are named "crowd-member",
// for collectors to look at.
//
// A member first uses what makes it tell-tale: some have memory, threads, open
// files, processor time and direct I/O on an unlinked file in DIR. FDS, when not
// 0, is the number of files that each holds open instead. Once all have gone to
// sleep, crowd prints "ready". What it reads from its standard input then concerns
// every 50th member, the workers:
//
//	h  each works hard, once; crowd prints "ready" when all sleep again
//	w  from now on each works a little every second
//
// At the end of the input crowd kills the members, one by one by their ids, waits
// for them and exits. A member dies with crowd, however that ends.
//
// It is C because a member must cost next to nothing: it is a fork without an
// exec, which Go's runtime does not survive.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { block = 4096, max_members = 20000, worker = 50, ready_seconds = 120 };

static struct {
	atomic_int settled; // how often a member has gone to sleep after what it was told to do
	atomic_int tasks;   // of hard work
	atomic_bool working;
} *shared;

static int file;       // for direct I/O
static char *aligned;  // one block

static void fail(const char *act) {
	fprintf(stderr, "crowd: %s: %s\n", act, strerror(errno));
	exit(1);
}

static double seconds(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

// burn uses processor time, half of it in the kernel.
static void burn(double s) {
	double end = seconds(CLOCK_PROCESS_CPUTIME_ID) + s / 2;
	while (seconds(CLOCK_PROCESS_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 10000; i++) {}
	for (end += s / 2; seconds(CLOCK_PROCESS_CPUTIME_ID) < end;)
		for (int i = 0; i < 100; i++) syscall(SYS_getppid);
}

// move writes up to 8 blocks and reads every other one back. The blocks are the
// same for all and have been written before: a file that grows would add pages of
// the file system's to what a member has written.
static void move(int blocks) {
	for (int n = 0; n < blocks; n++) {
		off_t at = (off_t)n * block;
		if (pwrite(file, aligned, block, at) != block) fail("writing");
		if (n % 2 == 0 && pread(file, aligned, block, at) != block) fail("reading");
	}
}

static void *rest(void *unused) {
	for (;;) pause();
	return unused;
}

static void be_member(int i, int fds, pid_t parent) {
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) _exit(1);
	prctl(PR_SET_NAME, "crowd-member");

	for (int n = fds ? fds : i % 16; n > 0; n--)
		if (dup(STDERR_FILENO) < 0) fail("duplicating a descriptor");
	if (i % 10 == 0 && i % 80) {
		size_t size = (size_t)(i % 80) * 10 * block;
		memset(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, size);
	}
	if (i % 20 == 0) {
		pthread_attr_t small;
		pthread_attr_init(&small);
		pthread_attr_setstacksize(&small, 1 << 16);
		for (int n = 1 + i % 3; n > 0; n--) {
			pthread_t thread;
			if ((errno = pthread_create(&thread, &small, rest, NULL))) fail("starting a thread");
		}
	}
	if (i % 10 == 5) move(1 + i % 7);
	if (i % worker == 0) burn(0.03);
	shared->settled++;

	if (i % worker) rest(NULL);
	for (int done = 0;;) {
		sleep(1);
		if (shared->working) {
			burn(0.001);
			move(1);
		}
		if (done < shared->tasks) {
			burn(0.05);
			move(2 + i / worker % 6);
			done++;
			shared->settled++;
		}
	}
}

// wait_settled waits until all have done what they were told to. It returns false
// if a member has ended; that one is not waited for yet: its id stays its own.
static bool wait_settled(int target) {
	double deadline = seconds(CLOCK_MONOTONIC) + ready_seconds;
	while (shared->settled < target) {
		siginfo_t ended = {0};
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) || ended.si_pid) return false;
		if (seconds(CLOCK_MONOTONIC) > deadline) return false;
		usleep(10000);
	}
	puts("ready");
	fflush(stdout);
	return true;
}

static bool obey(int count) {
	int target = count;
	if (!wait_settled(target)) return false;
	for (char command; read(STDIN_FILENO, &command, 1) == 1;) {
		if (command == 'w') shared->working = true;
		if (command == 'h') {
			target += (count + worker - 1) / worker;
			shared->tasks++;
			if (!wait_settled(target)) return false;
		}
	}
	return true;
}

int main(int argc, char **argv) {
	int count = argc == 4 ? atoi(argv[1]) : 0, fds = argc == 4 ? atoi(argv[2]) : 0;
	if (count < 1 || count > max_members || fds < 0) {
		fprintf(stderr, "usage: crowd COUNT FDS DIR\n");
		return 2;
	}
	if (fds) {
		struct rlimit limit = {fds + 64, fds + 64}, now;
		if (getrlimit(RLIMIT_NOFILE, &now)) fail("reading the limit of open files");
		if (limit.rlim_max < now.rlim_max) limit.rlim_max = now.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit)) fail("raising the limit of open files");
	}
	if ((file = open(argv[3], O_TMPFILE | O_RDWR | O_DIRECT, 0600)) < 0) fail("opening a file for direct I/O");
	if ((errno = posix_memalign((void **)&aligned, block, block))) fail("allocating");
	memset(aligned, 1, block);
	move(8);
	if (fsync(file)) fail("writing");
	shared = mmap(NULL, block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) fail("sharing memory");

	static pid_t members[max_members];
	pid_t self = getpid();
	int started = 0;
	for (; started < count; started++) {
		pid_t pid = fork();
		if (pid == 0) be_member(started, fds, self);
		if (pid < 0) break;
		members[started] = pid;
	}
	bool well = started == count && obey(count);
	for (int i = 0; i < started; i++) kill(members[i], SIGKILL);
	for (int i = 0; i < started; i++) waitpid(members[i], NULL, 0);
	return well ? 0 : 1;
}
