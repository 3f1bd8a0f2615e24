/*
 * The limit: what one core can do for HTTP at best on this machine. A bare
 * epoll loop in one thread, with answers that are made before the first
 * request. It looks at no more of a request than it needs to answer it, and is
 * a yardstick, not a server.
 *
 *	limit -listen 127.0.0.1:0 [-root DIR]
 *
 *	/, /plaintext, and all else   "Hello, World!"
 *	/json                         {"message":"Hello, World!"}
 *	POST (any target)             the content back
 *	/files/4k.html                DIR/4k.html, from memory
 *	/big                          1 MiB of 'x', by sendfile
 *	/files/1m.bin                 DIR/1m.bin, by sendfile
 *
 * Connections are kept alive, requests may be pipelined, and a head whose last
 * field is "Connection: close" ends its connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"

enum { IN_MAX = 1 << 16, OUT_MAX = 1 << 18, FDS_MAX = 1 << 20, EVENTS = 256 };

/* rest is what a connection has beyond one event: part of a request that is
 * not whole, or part of an answer that the socket did not take. Most
 * connections have none, so that an idle one costs a pointer. */
struct rest {
	char *in, *out;
	size_t in_len, in_cap, out_len, out_off;
	int file; /* -1: none */
	off_t file_off, file_len;
	int closing, waiting; /* waiting: for EPOLLOUT */
};

static struct rest **rests; /* by fd */
static int ep, rests_len;
static char in[IN_MAX], out[OUT_MAX];
static size_t out_len;

static struct rest *rest_of(int fd)
{
	if (!rests[fd]) {
		rests[fd] = must(calloc(1, sizeof **rests));
		rests[fd]->file = -1;
	}
	return rests[fd];
}

static void rest_free(int fd)
{
	if (!rests[fd])
		return;
	free(rests[fd]->in);
	free(rests[fd]->out);
	free(rests[fd]);
	rests[fd] = NULL;
}

static void lose(int fd)
{
	rest_free(fd);
	close(fd);
}

static void watch(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	if (epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev) < 0)
		die("limit: epoll_ctl");
}

/* queue keeps what the socket did not take. */
static void queue(struct rest *r, const char *p, size_t n)
{
	r->out = must(realloc(r->out, r->out_len + n));
	memcpy(r->out + r->out_len, p, n);
	r->out_len += n;
}

/* flush sends what is in out, and keeps the rest. -1: the connection is lost. */
static int flush(int fd, int flags)
{
	ssize_t n = 0;

	if (!out_len)
		return 0;
	if (!(rests[fd] && rests[fd]->out_len))
		n = flags ? send(fd, out, out_len, flags) : write(fd, out, out_len);
	if (n < 0) {
		if (errno != EAGAIN)
			return -1;
		n = 0;
	}
	if ((size_t)n < out_len)
		queue(rest_of(fd), out + n, out_len - n);
	out_len = 0;
	return 0;
}

/* put appends to out. -1: the connection is lost. */
static int put(int fd, const char *p, size_t n)
{
	while (out_len + n > OUT_MAX) {
		size_t k = OUT_MAX - out_len;
		memcpy(out + out_len, p, k);
		out_len += k, p += k, n -= k;
		if (flush(fd, 0) < 0)
			return -1;
	}
	memcpy(out + out_len, p, n);
	out_len += n;
	return 0;
}

/* drain sends what is kept. 1: all is with the kernel, 0: not yet, -1: lost. */
static int drain(int fd, struct rest *r)
{
	while (r->out_off < r->out_len) {
		ssize_t n = write(fd, r->out + r->out_off, r->out_len - r->out_off);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		r->out_off += n;
	}
	r->out_off = r->out_len = 0;
	while (r->file >= 0 && r->file_off < r->file_len) {
		ssize_t n = sendfile(fd, r->file, &r->file_off, r->file_len - r->file_off);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
	}
	r->file = -1;
	return 1;
}

/* answer_one answers the request p[0:len] whose content is the last n bytes.
 * 1: go on, 0: an answer is on its way and later requests wait, -1: lost. */
static int answer_one(int fd, const char *p, size_t len, size_t n)
{
	static const char last[] = "Connection: close\r\n\r\n";
	size_t head_len = len - n, k = sizeof last - 1;
	int closing = head_len > k && !memcmp(p + head_len - k, last, k);
	const struct answer *a;
	struct rest *r;

	if (*p == 'P') {
		char h[512];
		size_t hn = head(h, sizeof h, "application/octet-stream", n, closing);
		if (put(fd, h, hn) < 0 || put(fd, p + head_len, n) < 0)
			return -1;
	} else {
		a = find(p + 4);
		if (put(fd, closing ? a->bytes_close : a->bytes, closing ? a->len_close : a->len) < 0)
			return -1;
		if (a->file >= 0) {
			if (flush(fd, MSG_MORE) < 0)
				return -1;
			r = rest_of(fd);
			r->file = a->file, r->file_off = 0, r->file_len = a->file_len, r->closing = closing;
			return 0;
		}
	}
	if (closing)
		rest_of(fd)->closing = 1;
	return !closing;
}

/* content_length is that of a POST; the head ends before end. */
static size_t content_length(const char *p, const char *end)
{
	static const char name[] = "Content-Length: ";
	const char *at = memmem(p, end - p, name, sizeof name - 1);

	return at ? strtoul(at + sizeof name - 1, NULL, 10) : 0;
}

/* answer_all answers the whole requests in p[0:len] and gives back how many
 * bytes they had; -1: lost. */
static ssize_t answer_all(int fd, const char *p, size_t len)
{
	size_t used = 0, n;
	const char *end;
	int go_on = 1;

	while (go_on > 0 && used < len) {
		const char *at = p + used;
		if (!(end = memmem(at, len - used, "\r\n\r\n", 4)))
			break;
		end += 4;
		n = *at == 'P' ? content_length(at, end) : 0;
		if ((size_t)(end - at) + n > len - used)
			break;
		used += end - at + n;
		if ((go_on = answer_one(fd, at, end - at + n, n)) < 0)
			return -1;
	}
	return flush(fd, 0) < 0 ? -1 : (ssize_t)used;
}

/* keep takes over the bytes that are not answered yet. */
static void keep(struct rest *r, const char *p, size_t n)
{
	if (r->in_cap < n)
		r->in = must(realloc(r->in, r->in_cap = n * 2));
	memmove(r->in, p, n);
	r->in_len = n;
}

/* settle does what is due after answers were made. -1: lost. */
static int settle(int fd)
{
	struct rest *r = rests[fd];
	int done;

	for (;;) {
		ssize_t n;
		if ((done = drain(fd, r)) < 0 || (done && r->closing))
			return -1;
		if (!done || !r->in_len)
			break;
		if ((n = answer_all(fd, r->in, r->in_len)) < 0)
			return -1;
		keep(r, r->in + n, r->in_len - n);
		if (!n)
			break;
	}
	if (r->waiting != !done) {
		r->waiting = !done;
		watch(fd, done ? EPOLLIN : EPOLLOUT);
	}
	if (done && !r->in_len)
		rest_free(fd);
	return 0;
}

static void readable(int fd)
{
	ssize_t n = read(fd, in, sizeof in), used;
	struct rest *r = rests[fd];

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			lose(fd);
		return;
	}
	if (r) { /* more of a request that is not whole */
		if (r->in_cap < r->in_len + n)
			r->in = must(realloc(r->in, r->in_cap = (r->in_len + n) * 2));
		memcpy(r->in + r->in_len, in, n);
		r->in_len += n;
	} else {
		if ((used = answer_all(fd, in, n)) < 0) {
			lose(fd);
			return;
		}
		if (used < n)
			keep(rest_of(fd), in + used, n - used);
	}
	if (rests[fd] && settle(fd) < 0)
		lose(fd);
}

static void accept_all(int port)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int fd;

	while ((fd = accept4(port, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= rests_len) {
			close(fd);
			continue;
		}
		ev.data.fd = fd;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
			die("limit: epoll_ctl");
	}
}

static int listen_on(const char *addr)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	const char *colon = strrchr(addr, ':');
	char host[64] = "127.0.0.1";
	socklen_t len = sizeof a;
	int fd, one = 1;

	if (!colon || colon - addr >= (long)sizeof host) {
		fprintf(stderr, "limit: -listen wants ADDRESS:PORT\n");
		exit(2);
	}
	if (colon > addr)
		snprintf(host, sizeof host, "%.*s", (int)(colon - addr), addr);
	a.sin_port = htons(atoi(colon + 1));
	inet_pton(AF_INET, host, &a.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* inherited */
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0)
		die("limit: listen");
	getsockname(fd, (struct sockaddr *)&a, &len);
	printf("listening on %s:%d\n", inet_ntoa(a.sin_addr), ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static void run(int port)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = port}, evs[EVENTS];

	if ((ep = epoll_create1(EPOLL_CLOEXEC)) < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, port, &ev) < 0)
		die("limit: epoll");
	for (;;) {
		int i, n = epoll_wait(ep, evs, EVENTS, -1);
		for (i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			if (fd == port)
				accept_all(port);
			else if (evs[i].events & EPOLLOUT || (rests[fd] && rests[fd]->waiting)) {
				if (settle(fd) < 0)
					lose(fd);
			} else
				readable(fd);
		}
	}
}

static void ended(int sig)
{
	(void)sig;
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *listen = "127.0.0.1:0", *root = NULL;
	struct rlimit rl;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-listen"))
			listen = argv[i + 1];
		else if (!strcmp(argv[i], "-root"))
			root = argv[i + 1];
	}
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	rests_len = rl.rlim_cur > FDS_MAX ? FDS_MAX : (int)rl.rlim_cur;
	rests = must(calloc(rests_len, sizeof *rests));
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, ended);
	signal(SIGINT, ended);
	make_answers(root);
	run(listen_on(listen));
	return 0;
}
