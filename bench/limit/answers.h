/* The answers of the limit, made before the first request. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stddef.h>
#include <sys/types.h>

/* answer is one that was made before. file is -1 when body is in memory. */
struct answer {
	char *bytes, *bytes_close; /* head and body; head only with a file */
	size_t len, len_close;
	int file;
	off_t file_len;
};

/* make_answers makes all of them; root may be NULL. */
void make_answers(const char *root);

/* find is the answer to a GET; target is what follows the method. */
const struct answer *find(const char *target);

/* head writes the head of a 200 answer with n bytes of content. */
size_t head(char *to, size_t cap, const char *type, size_t n, int closing);

void die(const char *what);
void *must(void *p); /* p, or the end: no memory */

#endif
