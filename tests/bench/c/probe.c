// SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An application that wants one block every so often, and notes when it got it.
 *
 *	probe DEVICE PERIOD_US RECORDS SHARED_FILE
 *
 * Open loop: each read has a time at which it is due, whatever became of the
 * one before, and its latency counts from there. So a stall is seen by every
 * read that was due in it. O_DIRECT, 4 KiB, by the monotonic clock.
 *
 * SHARED_FILE is struct shared; it is both control and result. Told to close, the
 * probe gives the device up and every read that is due fails, until it is told to
 * read again. It ends when told to, or with its records full.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BLOCK		4096
#define REGION_BLOCKS	4096	/* 16 MiB */
#define STRIDE_BLOCKS	7
#define NS_PER_S	1000000000LL

enum command { READ, CLOSE, STOP };
enum state { STARTING, READING, CLOSED, ENDED };

struct shared {
	volatile uint32_t command;
	volatile uint32_t state;
	volatile uint64_t count;
	struct {
		uint64_t due_ns;
		uint64_t done_ns;
		int64_t error;	/* errno, 0 if the block was read */
	} records[];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
}

/* 0 or an errno. */
static int64_t read_block(int device, char *buffer, off_t offset)
{
	ssize_t got = pread(device, buffer, BLOCK, offset);

	return got == BLOCK ? 0 : got < 0 ? errno : EIO;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: probe DEVICE PERIOD_US RECORDS SHARED_FILE");
	const uint64_t period_ns = strtoull(argv[2], NULL, 10) * 1000;
	const uint64_t most = strtoull(argv[3], NULL, 10);
	const struct sched_param first = { .sched_priority = 10 };
	int file = open(argv[4], O_RDWR | O_CREAT, 0600), device = -1;
	size_t bytes = sizeof(struct shared) + most * sizeof(((struct shared *)0)->records[0]);
	char *buffer;

	if (file < 0 || ftruncate(file, bytes))
		err(1, "%s", argv[4]);
	struct shared *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);

	if (shared == MAP_FAILED || posix_memalign((void **)&buffer, BLOCK, BLOCK))
		err(1, "memory");
	/* What it sees is the device, not other programs that want the CPU. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) || sched_setscheduler(0, SCHED_FIFO, &first))
		err(1, "first in line");

	uint64_t due_ns = now_ns();

	for (uint64_t i = 0; i < most && shared->command != STOP; i++, due_ns += period_ns) {
		off_t offset = (off_t)(i * STRIDE_BLOCKS % REGION_BLOCKS) * BLOCK;
		int64_t error = ENODEV;

		sleep_until(due_ns);
		if (shared->command == CLOSE) {
			if (device >= 0)
				close(device);
			device = -1;
			shared->state = CLOSED;
		} else {
			if (device < 0)
				device = open(argv[1], O_RDONLY | O_DIRECT);
			if (device >= 0)
				error = read_block(device, buffer, offset);
			if (!error)
				shared->state = READING;
		}
		shared->records[i].due_ns = due_ns;
		shared->records[i].done_ns = now_ns();
		shared->records[i].error = error;
		shared->count = i + 1;
	}
	shared->state = ENDED;
	return 0;
}
