#define _GNU_SOURCE
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *answer_error = "";

static int wrong(const char *what)
{
	answer_error = what;
	return -1;
}

static const char *field(const char *head, size_t n, const char *name)
{
	const char *end = head + n, *p = head;
	size_t k = strlen(name);

	while ((p = memchr(p, '\n', end - p)) && ++p + k < end)
		if (!strncasecmp(p, name, k))
			return p + k;
	return NULL;
}

/* parse_head looks at a whole head. */
static int parse_head(struct expected *e, const char *head, size_t n)
{
	static char said[64];
	const char *length = field(head, n, "Content-Length:");

	if (n < 15 || memcmp(head, "HTTP/1.1 ", 9))
		return wrong("not an HTTP/1.1 answer");
	if (atoi(head + 9) != e->status) {
		snprintf(said, sizeof said, "the status is %.3s, not %d", head + 9, e->status);
		return wrong(said);
	}
	if (!length)
		return wrong("an answer without Content-Length");
	e->head_says = atoll(length);
	if (e->length >= 0 && e->head_says != e->length) {
		snprintf(said, sizeof said, "the length is %lld, not %lld", e->head_says, e->length);
		return wrong(said);
	}
	e->head_len = n <= HEAD_MAX ? n : 0;
	memcpy(e->head, head, e->head_len);
	return 0;
}

/* find_head gives back the length of the head at p, 0 when it is not whole. */
static size_t find_head(struct expected *e, const char *p, size_t n)
{
	const char *end;

	if (e->head_len && n >= e->head_len && !memcmp(p, e->head, e->head_len))
		return e->head_len;
	end = memmem(p, n, "\r\n\r\n", 4);
	if (!end)
		return 0;
	return parse_head(e, p, end + 4 - p) < 0 ? (size_t)-1 : (size_t)(end + 4 - p);
}

/* join adds p[0:n] to a head that came in pieces, and gives back how many of
 * the n bytes belong to the head; 0: all, and it is not whole yet. */
static long join(struct reader *r, struct expected *e, const char *p, size_t n)
{
	size_t had = r->head_len, take = n < HEAD_MAX - had ? n : HEAD_MAX - had, h;

	if (!r->head && !(r->head = malloc(HEAD_MAX)))
		return wrong("no memory");
	memcpy(r->head + had, p, take);
	r->head_len += take;
	if ((h = find_head(e, r->head, r->head_len)) == (size_t)-1)
		return -1;
	if (!h)
		return take < n ? wrong("a head over 4 KiB") : 0;
	free(r->head);
	r->head = NULL;
	r->head_len = 0;
	return h - had;
}

int read_answers(struct reader *r, struct expected *e, const char *p, size_t n, int due)
{
	int done = 0;

	while (n) {
		if (!r->left) {
			size_t h;
			if (done == due)
				return wrong("more answers than requests");
			if (r->head || !(h = find_head(e, p, n))) {
				long k = join(r, e, p, n);
				if (k <= 0)
					return k < 0 ? -1 : done;
				h = k;
			}
			if (h == (size_t)-1)
				return -1;
			p += h, n -= h;
			if (!(r->left = e->head_says))
				done++;
			continue;
		}
		size_t take = (size_t)r->left < n ? (size_t)r->left : n;
		p += take, n -= take;
		if (!(r->left -= take))
			done++;
	}
	return done;
}
