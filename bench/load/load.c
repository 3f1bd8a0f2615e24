/*
 * A load client that costs less than the server it asks, so that it can
 * saturate one: one thread, epoll, a closed loop over N connections.
 *
 *	load -to 127.0.0.1:8080 -request FILE [-conns 64] [-depth 1]
 *	     [-seconds 1] [-status 200] [-length N] [-spin] [-new] [-idle]
 *
 * FILE holds the bytes of one request. Each connection sends it depth times in
 * one write, waits for all the answers, and sends again. Every answer is looked
 * at: its status, and the length of its content.
 *
 *	-spin   ask epoll again and again instead of sleeping
 *	-new    a new connection for each request, which should say
 *	        "Connection: close"; the server's close is waited for
 *	-idle   open the connections, send one request on each, say "ready", and
 *	        hold them until the standard input ends
 *
 * The last line of the output is one JSON object. After -seconds no request is
 * sent any more, and those on their way are waited for and counted, so that
 * what the server did and what is counted here are the same.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "hist.h"

enum { EVENTS = 256, IN_MAX = 1 << 18, OPENING_MAX = 128, SILENCE_MAX = 10 };

struct conn {
	int fd, open;
	int due;           /* answers still to come */
	size_t unsent;     /* bytes of the batch the socket did not take */
	uint64_t sent_at;  /* ns */
	struct reader in;
};

static struct {
	struct sockaddr_in to;
	int conns, depth, spin, new, idle;
	double seconds;
	char *batch; /* the request, depth times */
	size_t batch_len;
} opt = {.conns = 64, .depth = 1, .seconds = 1};

static struct expected expected = {.status = 200, .length = -1};
static struct conn *conns;
static struct hist hist;
static uint64_t answers, bytes, end_at, last_at;
static int ep, started, running, ended; /* running: with answers due; ended: no more requests */
static char in[IN_MAX];

static void die(const char *what)
{
	fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(1);
}

static void refuse(const char *what)
{
	errno = 0;
	die(what);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void watch(struct conn *c, int op, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	if (epoll_ctl(ep, op, c->fd, &ev) < 0)
		die("epoll_ctl");
}

/* --- one connection --- */

/* send_rest sends what is left of a batch. A connect may be under way: then
 * nothing is taken yet. */
static void send_rest(struct conn *c)
{
	ssize_t n = send(c->fd, opt.batch + opt.batch_len - c->unsent, c->unsent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != ENOTCONN && errno != EPIPE && errno != ECONNRESET)
		die("send"); /* that the server has closed is seen when reading */
	if (n > 0)
		c->unsent -= n;
}

static void send_batch(struct conn *c)
{
	c->due = opt.depth;
	c->unsent = opt.batch_len;
	c->sent_at = now();
	send_rest(c);
	if (c->unsent)
		watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

/* spread binds to one of many loopback addresses, so that ten thousand
 * connections to one port find free ones of their own. */
static void spread(struct conn *c)
{
	int i = c - conns, one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET};

	if (opt.conns < 4096 || ntohl(opt.to.sin_addr.s_addr) >> 24 != 127)
		return;
	a.sin_addr.s_addr = htonl(127u << 24 | 1 << 16 | (getpid() & 0xff) << 8 | (i / 4096 + 1));
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (bind(c->fd, (struct sockaddr *)&a, sizeof a) < 0)
		die("bind");
}

static void open_conn(struct conn *c)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	spread(c);
	if (!opt.new)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&opt.to, sizeof opt.to) < 0 && errno != EINPROGRESS)
		die("connect");
	c->open = 1;
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
	send_batch(c);
	running++;
}

static void close_conn(struct conn *c)
{
	if (opt.idle) { /* no TIME_WAIT for ten thousand */
		struct linger l = {1, 0};
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	}
	close(c->fd);
	c->open = 0;
}

/* batch_done is called when all answers to a batch are here. */
static void batch_done(struct conn *c)
{
	if (opt.idle) {
		running--;
		if (started < opt.conns)
			open_conn(&conns[started++]);
		return;
	}
	if (opt.new)
		return; /* the end of the connection is awaited */
	if (ended)
		running--;
	else
		send_batch(c);
}

static void closed(struct conn *c)
{
	if (c->due || !opt.new)
		refuse(c->due ? "the server closed before its answers were whole" : "the server closed a kept connection");
	close_conn(c);
	running--;
	if (!ended)
		open_conn(c);
}

static void received(struct conn *c, size_t n)
{
	int k = read_answers(&c->in, &expected, in, n, c->due);

	if (k < 0)
		refuse(answer_error);
	bytes += n;
	if (!k)
		return;
	last_at = now();
	for (int i = 0; i < k; i++)
		hist_add(&hist, last_at - c->sent_at);
	answers += k;
	c->due -= k;
	if (!c->due)
		batch_done(c);
}

static void on_event(struct conn *c, uint32_t events)
{
	ssize_t n;

	if (!c->open)
		return;
	if (c->unsent && events & (EPOLLOUT | EPOLLERR)) {
		send_rest(c);
		if (!c->unsent)
			watch(c, EPOLL_CTL_MOD, EPOLLIN);
	}
	if (!(events & ~EPOLLOUT))
		return;
	do {
		n = recv(c->fd, in, sizeof in, 0);
		if (n > 0)
			received(c, n);
	} while (n > 0 && opt.new && !c->due); /* the close is often here already */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		closed(c);
	else if (n < 0 && errno != EAGAIN)
		die("recv");
}

/* --- the whole --- */

/* turn deals with the events of one epoll_wait. Connections that say nothing
 * for SILENCE_MAX seconds end the run. */
static void turn(void)
{
	struct epoll_event evs[EVENTS];
	static uint64_t heard_at;
	int n = epoll_wait(ep, evs, EVENTS, opt.spin && !ended ? 0 : 100);
	uint64_t t = now();

	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	if (n > 0 || !heard_at)
		heard_at = t;
	if (t - heard_at > SILENCE_MAX * 1000000000ull)
		refuse("no answer for 10 s");
	if (t >= end_at)
		ended = 1;
	for (int i = 0; i < n; i++)
		on_event(evs[i].data.ptr, evs[i].events);
}

static void report(uint64_t from)
{
	double took = (last_at - from) / 1e9;

	printf("{\"requests\":%llu,\"seconds\":%.6f,\"bytes\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"open\":%d}\n",
		(unsigned long long)answers, took, (unsigned long long)bytes,
		hist_at(&hist, .50) / 1e3, hist_at(&hist, .99) / 1e3, running);
	fflush(stdout);
}

/* hold keeps idle connections until the standard input ends, and then counts
 * those that the server has left open. */
static void hold(void)
{
	char c;

	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	for (int i = 0; i < opt.conns; i++) {
		if (recv(conns[i].fd, in, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
			running++;
		close_conn(&conns[i]);
	}
}

static void run(void)
{
	uint64_t from = now();
	int at_once = opt.idle && opt.conns > OPENING_MAX ? OPENING_MAX : opt.conns;

	end_at = opt.idle ? UINT64_MAX : from + (uint64_t)(opt.seconds * 1e9);
	while (started < at_once)
		open_conn(&conns[started++]);
	while (running)
		turn();
	if (opt.idle)
		hold();
	report(from);
}

static void read_request(const char *path)
{
	static char request[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, request, sizeof request);

	if (n <= 0)
		die(path);
	close(fd);
	opt.batch_len = n * opt.depth;
	opt.batch = malloc(opt.batch_len);
	for (int i = 0; i < opt.depth; i++)
		memcpy(opt.batch + i * n, request, n);
}

static void set_address(char *s)
{
	char *colon = strrchr(s, ':');

	if (colon)
		*colon = 0;
	opt.to.sin_family = AF_INET;
	if (!colon || inet_pton(AF_INET, s, &opt.to.sin_addr) != 1)
		refuse("-to wants ADDRESS:PORT");
	opt.to.sin_port = htons(atoi(colon + 1));
}

static void options(int argc, char **argv)
{
	const char *request = NULL;

	for (int i = 1; i < argc; i++) {
		const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(o, "-spin"))
			opt.spin = 1;
		else if (!strcmp(o, "-new"))
			opt.new = 1;
		else if (!strcmp(o, "-idle"))
			opt.idle = 1;
		else if (i++, !strcmp(o, "-to"))
			set_address(argv[i] ? argv[i] : "");
		else if (!strcmp(o, "-request"))
			request = v;
		else if (!strcmp(o, "-conns"))
			opt.conns = atoi(v);
		else if (!strcmp(o, "-depth"))
			opt.depth = atoi(v);
		else if (!strcmp(o, "-seconds"))
			opt.seconds = atof(v);
		else if (!strcmp(o, "-status"))
			expected.status = atoi(v);
		else if (!strcmp(o, "-length"))
			expected.length = atoll(v);
		else
			refuse("unknown option; the first lines of load.c say what there is");
	}
	if (!request || !opt.to.sin_port || opt.conns < 1 || opt.depth < 1)
		refuse("-to and -request are needed, -conns and -depth are at least 1");
	read_request(request);
}

int main(int argc, char **argv)
{
	struct rlimit rl;

	options(argc, argv);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	conns = calloc(opt.conns, sizeof *conns);
	if ((ep = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	run();
	return 0;
}
