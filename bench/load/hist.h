/* A histogram of times: a bucket is at most 1/32 wide, from 1 ns to a day. */
#ifndef HIST_H
#define HIST_H

#include <stdint.h>

enum { SUB = 64, HIST_LEN = 42 * SUB };

struct hist {
	uint64_t count[HIST_LEN], total;
};

static inline int hist_bucket(uint64_t ns)
{
	int shift = ns < SUB ? 0 : 58 - __builtin_clzll(ns); /* then ns >> shift is below SUB */
	int i = shift * SUB + (int)(ns >> shift);

	return i < HIST_LEN ? i : HIST_LEN - 1;
}

static inline void hist_add(struct hist *h, uint64_t ns)
{
	h->count[hist_bucket(ns)]++;
	h->total++;
}

/* hist_at is the time in ns below which the share q (0 to 1) of all are. */
static inline double hist_at(const struct hist *h, double q)
{
	uint64_t seen = 0, want = (uint64_t)(q * h->total);
	int i;

	for (i = 0; i < HIST_LEN - 1; i++)
		if ((seen += h->count[i]) > want)
			break;
	return (double)((uint64_t)(i % SUB) << i / SUB);
}

#endif
