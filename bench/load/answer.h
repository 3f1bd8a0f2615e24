/* Reading of answers, as cheap as can be: a head that is the same as the last
 * one, byte by byte, is not parsed again. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stddef.h>

enum { HEAD_MAX = 4096 };

/* expected is what every answer has to be, and the last head that was parsed. */
struct expected {
	int status;
	long long length; /* of the content; -1: as the server says */
	char head[HEAD_MAX];
	size_t head_len;
	long long head_says; /* the content length in that head */
};

/* reader is where one connection is within its answers. */
struct reader {
	long long left; /* content still to come */
	size_t head_len;
	char *head;     /* a head of which a part is here, or NULL */
};

extern const char *answer_error; /* what was wrong, after -1 */

/* read_answers goes through p[0:n] and gives back how many answers ended in
 * it, at most due; -1: something is wrong. */
int read_answers(struct reader *r, struct expected *e, const char *p, size_t n, int due);

#endif
