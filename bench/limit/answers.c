#define _GNU_SOURCE
#include "answers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static struct answer hello, json, small, large, big;

void die(const char *what)
{
	perror(what);
	exit(1);
}

void *must(void *p)
{
	if (!p)
		die("limit: memory");
	return p;
}

static char date[64];

size_t head(char *to, size_t cap, const char *type, size_t n, int closing)
{
	return snprintf(to, cap,
		"HTTP/1.1 200 OK\r\nServer: limit\r\nDate: %s\r\n"
		"Content-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
		date, type, n, closing ? "Connection: close\r\n" : "");
}

static char *head_and_body(const char *type, const char *body, size_t n, int closing, size_t *len)
{
	char *p = must(malloc(512 + n));
	size_t h = head(p, 512, type, n, closing);

	if (body) {
		memcpy(p + h, body, n);
		h += n;
	}
	*len = h;
	return p;
}

static struct answer canned(const char *type, const char *body, size_t n)
{
	struct answer a = {.file = -1};

	a.bytes = head_and_body(type, body, n, 0, &a.len);
	a.bytes_close = head_and_body(type, body, n, 1, &a.len_close);
	return a;
}

static struct answer from_fd(int fd, const char *type)
{
	struct answer a;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("limit: file");
	a = canned(type, NULL, st.st_size);
	a.file = fd;
	a.file_len = st.st_size;
	return a;
}

static int open_below(const char *root, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", root, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		die(path);
	return fd;
}

void make_answers(const char *root)
{
	time_t now = time(NULL);
	char *page = must(malloc(MIB));
	int fd;

	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
	hello = canned("text/plain", "Hello, World!", 13);
	json = canned("application/json", "{\"message\":\"Hello, World!\"}", 27);
	memset(page, 'x', MIB);
	if ((fd = memfd_create("big", MFD_CLOEXEC)) < 0 || write(fd, page, MIB) != MIB)
		die("limit: memfd");
	big = from_fd(fd, "text/plain");
	small = large = hello;
	if (root) {
		ssize_t n = read(fd = open_below(root, "4k.html"), page, MIB);
		if (n < 0)
			die("limit: 4k.html");
		close(fd);
		small = canned("text/html", page, n);
		large = from_fd(open_below(root, "1m.bin"), "application/octet-stream");
	}
	free(page);
}

const struct answer *find(const char *target)
{
	if (target[0] != '/' || target[1] == ' ' || target[1] == 'p')
		return &hello;
	if (!memcmp(target, "/json ", 6))
		return &json;
	if (!memcmp(target, "/big ", 5))
		return &big;
	if (!memcmp(target, "/files/4k.html ", 15))
		return &small;
	if (!memcmp(target, "/files/1m.bin ", 14))
		return &large;
	return &hello;
}
