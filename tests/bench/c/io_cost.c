// SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What does one I/O cost, in ticks of the time stamp counter?
 *
 *	io_cost DEVICE read|write BYTES DEPTH BATCHES
 *
 * Submits DEPTH requests in one system call, waits for all of them, and does
 * that BATCHES times. It waits by looking at the completion ring in memory, in
 * a loop of three instructions that is counted and taken off: what is left does
 * not depend on how long a device takes. Prints JSON: how many batches cost how
 * many ticks, and a loop of known length as the measure of a tick.
 *
 * Meant for machines whose time counts instructions (QEMU -icount, one CPU).
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/fs.h>
#include <x86intrin.h>

#define KNOWN_LOOPS	100000ULL	/* short enough to fit between two timer interrupts */
#define KNOWN_TRIES	9
#define HUGE_BYTES	(2UL << 20)
#define WARM_UP		64
#define SPIN_WORDS	3	/* instructions of one look at the ring */

/* The kernel's struct aio_ring; user space may read it. */
struct ring {
	uint32_t id, count, head;
	volatile uint32_t tail;
	uint32_t magic, compat, incompat, header_bytes;
	struct io_event events[];
};

static int by_value(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Ticks of 2 * KNOWN_LOOPS instructions, undisturbed. */
static uint64_t known_loop(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < KNOWN_TRIES; i++) {
		uint64_t loops = KNOWN_LOOPS, begun = __rdtsc();

		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(loops) : : "cc");
		begun = __rdtsc() - begun;
		if (begun < best)
			best = begun;
	}
	return best;
}

/* Looks until the ring has something beyond @seen; returns how often. */
static uint64_t spin(const struct ring *ring, uint32_t seen)
{
	uint64_t looks = 0;

	__asm__ volatile("1: inc %0\n\tcmp %1, %2\n\tje 1b"
			 : "+r"(looks) : "m"(ring->tail), "r"(seen) : "cc", "memory");
	return looks;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		errx(2, "usage: io_cost DEVICE read|write BYTES DEPTH BATCHES");
	int writes = !strcmp(argv[2], "write");
	size_t bytes = strtoul(argv[3], NULL, 10);
	unsigned int depth = strtoul(argv[4], NULL, 10), batches = strtoul(argv[5], NULL, 10);
	int device = open(argv[1], (writes ? O_WRONLY : O_RDONLY) | O_DIRECT);
	uint64_t device_bytes, position = 0, known = known_loop();
	aio_context_t context = 0;
	uint64_t *costs = calloc(batches, sizeof(*costs));
	struct iocb *blocks = calloc(depth, sizeof(*blocks)), **list = calloc(depth, sizeof(*list));
	char *buffer;

	if (device < 0 || ioctl(device, BLKGETSIZE64, &device_bytes))
		err(1, "%s", argv[1]);
	/* Contiguous memory, or the number of segments of a request were a matter of luck. */
	buffer = mmap(NULL, (bytes * depth + HUGE_BYTES - 1) & -HUGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (buffer == MAP_FAILED || !costs || !blocks || !list)
		err(1, "memory (are there huge pages?)");
	memset(buffer, 0x5a, bytes * depth);
	memset(costs, 0, batches * sizeof(*costs)); /* page faults are not ours */
	if (syscall(SYS_io_setup, depth * 2, &context) || mlockall(MCL_CURRENT | MCL_FUTURE))
		err(1, "set-up");
	for (unsigned int i = 0; i < depth; i++) {
		blocks[i].aio_fildes = device;
		blocks[i].aio_lio_opcode = writes ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		blocks[i].aio_buf = (uintptr_t)(buffer + i * bytes);
		blocks[i].aio_nbytes = bytes;
		list[i] = &blocks[i];
	}

	struct ring *ring = (struct ring *)context;

	for (unsigned int batch = 0; batch < batches + WARM_UP; batch++) {
		uint64_t looks = 0;

		/* Every second block, so that no two requests can be merged. */
		for (unsigned int i = 0; i < depth; i++) {
			blocks[i].aio_offset = position;
			position += 2 * bytes;
			if (position + bytes > device_bytes)
				position = 0;
		}
		uint64_t begun = __rdtsc();

		if (syscall(SYS_io_submit, context, (long)depth, list) != depth)
			err(1, "io_submit");
		for (unsigned int done = 0; done < depth; done++) {
			looks += spin(ring, ring->head);
			struct io_event *event = &ring->events[ring->head];

			if (event->res != (int64_t)bytes)
				errx(1, "I/O: %lld", (long long)event->res);
			__asm__ volatile("" : : : "memory");
			ring->head = (ring->head + 1) % ring->count;
		}
		uint64_t ticks = __rdtsc() - begun;

		if (batch >= WARM_UP)
			costs[batch - WARM_UP] = ticks - looks * SPIN_WORDS * known / (2 * KNOWN_LOOPS);
	}
	qsort(costs, batches, sizeof(*costs), by_value);
	printf("{\"known_instructions\": %llu, \"known_ticks\": %llu, \"depth\": %u, \"costs\": [",
	       2 * KNOWN_LOOPS, (unsigned long long)known, depth);
	for (unsigned int i = 0, same = 1; i < batches; i++, same++) {
		if (i + 1 < batches && costs[i + 1] == costs[i])
			continue;
		printf("%s[%llu, %u]", i + 1 == same ? "" : ", ", (unsigned long long)costs[i], same);
		same = 0;
	}
	printf("]}\n");
	return 0;
}
