// Closed-loop load: every connection sends the same request again as soon as its answer has come.
// When the time is over no request is begun, and the answers under way are awaited, so that what the server
// did and what is counted are the same. Every answer is compared with the one that was checked before.
//
//     load PORT REQUEST_FILE ANSWER_FILE|- CONNECTIONS SECONDS PATIENCE_S
//
// One line of JSON: answers, wrong (another status or another body), lost (connections that ended),
// elapsed_s, and the percentiles of the time to the last byte, in milliseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd;
    char *in;
    size_t length, room, to_send;
    size_t body, whole;  // where the body begins, and how much there is in all; 0 while not known
    int chunked;
    double begun;
} Connection;

static char *request, *expected;
static size_t request_length, expected_length;
static unsigned long answers, wrong, lost;
static float *times;
static size_t times_room;
static int poller, port, under_way;
static double stop_at, last_answer;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *need(void *memory) {
    if (!memory) exit(1);
    return memory;
}

static char *content_of(const char *name, size_t *length) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *content = need(malloc(*length + 1));
    if (fread(content, 1, *length, file) != *length) exit(1);
    fclose(file);
    return content;
}

static void connect_it(Connection *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address)) {
        perror("load: connect");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void begin(Connection *c) {
    c->length = c->body = c->whole = 0;
    c->chunked = 0;
    c->begun = now_s();
    // Requests are of a few kilobytes: they fit into the socket's buffer at once.
    for (size_t sent = 0; sent < request_length;) {
        ssize_t n = send(c->fd, request + sent, request_length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) break;  // the end of the connection is read as such
        if (n > 0) sent += (size_t)n;
    }
    under_way++;
}

static void lose(Connection *c) {
    under_way--;
    lost++;
    close(c->fd);
    if (lost > 1000) {
        fprintf(stderr, "load: the server ends every connection\n");
        exit(1);
    }
    connect_it(c);
    if (now_s() < stop_at) begin(c);
}

static void note(Connection *c, double now) {
    if (answers == times_room) times = need(realloc(times, (times_room = times_room ? times_room * 2 : 65536) * 4));
    times[answers++] = (float)((now - c->begun) * 1e3);
    last_answer = now;
}

// Puts the chunks of a body together, in place. Its length.
static size_t joined(char *body) {
    char *to = body;
    for (char *from = body;;) {
        size_t size = strtoul(from, &from, 16);
        from = strstr(from, "\r\n") + 2;
        if (!size) return (size_t)(to - body);
        memmove(to, from, size);
        to += size;
        from += size + 2;
    }
}

static void read_head(Connection *c) {
    char *end = memmem(c->in, c->length, "\r\n\r\n", 4);
    if (!end) return;
    c->body = (size_t)(end - c->in) + 4;
    *end = 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    c->chunked = !length;
    if (length) c->whole = c->body + strtoul(length + 17, NULL, 10);
}

static int is_whole(const Connection *c) {
    if (!c->body) return 0;
    if (!c->chunked) return c->length >= c->whole;
    // JSON holds no line break of its own, so that this is the end and nothing else.
    return c->length >= c->body + 5 && !memcmp(c->in + c->length - 5, "0\r\n\r\n", 5);
}

static void receive(Connection *c) {
    if (c->room - c->length < 65536) c->in = need(realloc(c->in, (c->room = c->room * 2 + 131072) + 1));
    ssize_t got = recv(c->fd, c->in + c->length, c->room - c->length, 0);
    if (got <= 0) {
        lose(c);
        return;
    }
    c->length += (size_t)got;
    c->in[c->length] = 0;
    if (!c->body) read_head(c);
    if (!is_whole(c)) return;
    double now = now_s();
    note(c, now);
    under_way--;
    size_t length = c->chunked ? joined(c->in + c->body) : c->whole - c->body;
    int as_checked = !expected || (length == expected_length && !memcmp(c->in + c->body, expected, length));
    if (strncmp(c->in, "HTTP/1.1 200", 12) || !as_checked) wrong++;
    if (now < stop_at) begin(c);
}

static int by_time(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(double share) {
    if (!answers) return 0;
    size_t at = (size_t)(share * (double)(answers - 1) + 0.5);
    return times[at];
}

int main(int count, char **arguments) {
    if (count != 7) {
        fprintf(stderr, "usage: load PORT REQUEST_FILE ANSWER_FILE|- CONNECTIONS SECONDS PATIENCE_S\n");
        return 2;
    }
    port = atoi(arguments[1]);
    request = content_of(arguments[2], &request_length);
    if (strcmp(arguments[3], "-")) expected = content_of(arguments[3], &expected_length);
    int wanted = atoi(arguments[4]);
    double patience_s = atof(arguments[6]);
    poller = epoll_create1(0);
    Connection *all = need(calloc((size_t)wanted, sizeof *all));
    for (int i = 0; i < wanted; i++) connect_it(&all[i]);
    double begun = now_s();
    stop_at = begun + atof(arguments[5]);
    for (int i = 0; i < wanted; i++) begin(&all[i]);
    struct epoll_event events[256];
    while (under_way && now_s() < stop_at + patience_s) {
        int ready = epoll_wait(poller, events, 256, 1000);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    if (answers) qsort(times, answers, sizeof *times, by_time);
    printf("{\"answers\": %lu, \"wrong\": %lu, \"lost\": %lu, \"elapsed_s\": %.6f, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"worst_ms\": %.3f}\n",
           answers, wrong, lost + (unsigned long)under_way, answers ? last_answer - begun : 0.0, percentile(0.5),
           percentile(0.99), percentile(1));
    return 0;
}
