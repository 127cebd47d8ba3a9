// A gateway that only reads: serves the rows of a file by the routes C1, C4, L1 and L4 of the contract.
// One thread, epoll, replies sent from the rows as they lie in memory: it is not to be what is measured.
//
//     stub ROWS_FILE        listens on a free port of 127.0.0.1, and says which on stdout
//
// GET /__stats              requests since it was last asked
// GET /__latency?ms=20      from now on every reply waits so long
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { TABLE = 1 << 15, CONNECTIONS = 8192, IN_BYTES = 16384, WAITING = 1 << 16 };

// All rows of a list lie one behind the other, with commas between: any page of it is one slice.
typedef struct {
    char *rows;
    uint32_t *begins;  // of each row, and one more: where the next would begin
    uint32_t count;
} List;

typedef struct {
    char *path;
    List *list;  // a list, or
    const char *row;  // one row
    uint32_t length;
} Entry;

typedef struct {
    char in[IN_BYTES];
    size_t in_length;
    char head[512], tail[96];
    struct iovec out[3];
    int out_at, out_count;
    int busy;  // a reply is being sent, or waits for its time
    uint32_t life;
} Connection;

typedef struct {
    double due;
    int fd;
    uint32_t life;
} Waiting;

static Entry table[TABLE];
static Connection *connections[CONNECTIONS];
static uint32_t lives;
static Waiting waiting[WAITING];
static unsigned first_waiting, past_waiting;
static unsigned long requests;
static double latency_ms;
static int poller;

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void *need(void *memory) {
    if (!memory) {
        fprintf(stderr, "stub: out of memory\n");
        exit(1);
    }
    return memory;
}

static Entry *entry(const char *path, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)path[i]) * 16777619u;
    for (uint32_t at = hash & (TABLE - 1);; at = (at + 1) & (TABLE - 1)) {
        Entry *e = &table[at];
        if (!e->path || (strlen(e->path) == length && !memcmp(e->path, path, length))) return e;
    }
}

// ------------------------------------------------------------------------------------------- the rows

static int number(FILE *file, uint32_t *value) { return fread(value, 4, 1, file) == 1; }

static char *text(FILE *file, uint32_t *length) {
    if (!number(file, length)) return NULL;
    char *content = need(malloc(*length + 1));
    if (fread(content, 1, *length, file) != *length) {
        fprintf(stderr, "stub: the file of rows ends too early\n");
        exit(1);
    }
    content[*length] = 0;
    return content;
}

static void read_list(FILE *file, char *path) {
    uint32_t count = 0, used = 0, room = 1 << 16, id_length, length;
    if (!number(file, &count)) exit(1);
    List *list = need(calloc(1, sizeof *list));
    list->count = count;
    list->begins = need(calloc(count + 1, sizeof *list->begins));
    list->rows = need(malloc(room));
    char **ids = need(calloc(count + 1, sizeof *ids));
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = text(file, &id_length);
        char *row = text(file, &length);
        while (used + length + 1 > room) list->rows = need(realloc(list->rows, room *= 2));
        list->begins[i] = used;
        memcpy(list->rows + used, row, length);
        used += length;
        list->rows[used++] = ',';
        free(row);
    }
    list->begins[count] = used;
    for (uint32_t i = 0; i < count; i++) {
        char *own;
        if (asprintf(&own, "%s/%s", path, ids[i]) < 0) exit(1);
        *entry(own, strlen(own)) = (Entry){.path = own,
                                           .row = list->rows + list->begins[i],
                                           .length = list->begins[i + 1] - list->begins[i] - 1};
        free(ids[i]);
    }
    free(ids);
    *entry(path, strlen(path)) = (Entry){.path = path, .list = list};
}

static void read_rows(const char *name) {
    FILE *file = fopen(name, "rb");
    uint32_t length;
    char *path;
    if (!file) {
        perror(name);
        exit(1);
    }
    while ((path = text(file, &length))) read_list(file, path);
    fclose(file);
}

// ---------------------------------------------------------------------------------------- the replies

static void reply(Connection *c, const char *status, const char *begin, const char *body, size_t length,
                  const char *end) {
    size_t whole = strlen(begin) + length + strlen(end);
    int head = snprintf(c->head, sizeof c->head,
                        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
                        whole, begin);
    if (end != c->tail) snprintf(c->tail, sizeof c->tail, "%s", end);
    c->out[0] = (struct iovec){c->head, (size_t)head};
    c->out[1] = (struct iovec){(void *)body, length};
    c->out[2] = (struct iovec){c->tail, strlen(c->tail)};
    c->out_at = 0;
    c->out_count = 3;
}

static void refuse(Connection *c, const char *status, const char *detail) {
    reply(c, status, "{\"detail\":", detail, strlen(detail), "}");
}

// A whole number in the query; `otherwise` if it is not there, -1 if it is no number.
static long parameter(const char *query, size_t length, const char *name, long otherwise) {
    size_t n = strlen(name);
    for (const char *p = query, *end = query + length; p && p < end;) {
        const char *next = memchr(p, '&', (size_t)(end - p));
        const char *stop = next ? next : end;
        if ((size_t)(stop - p) > n && !memcmp(p, name, n) && p[n] == '=') {
            long value = 0;
            for (const char *d = p + n + 1; d < stop; d++) {
                if (*d < '0' || *d > '9' || value > 100000000) return -1;
                value = value * 10 + (*d - '0');
            }
            return stop == p + n + 1 ? -1 : value;
        }
        p = next ? next + 1 : NULL;
    }
    return otherwise;
}

static void reply_page(Connection *c, const List *list, const char *query, size_t length) {
    long page = parameter(query, length, "page", 1), limit = parameter(query, length, "limit", 50);
    if (page < 1 || limit < 1 || limit > 100) {
        refuse(c, "422 Unprocessable Entity",
               "[{\"loc\":[\"query\"],\"msg\":\"page from 1, limit 1 to 100\",\"type\":\"value_error\"}]");
        return;
    }
    uint64_t begin = (uint64_t)(page - 1) * (uint64_t)limit, end = begin + (uint64_t)limit;
    if (begin > list->count) begin = list->count;
    if (end > list->count) end = list->count;
    size_t slice = end > begin ? list->begins[end] - list->begins[begin] - 1 : 0;
    snprintf(c->tail, sizeof c->tail, "],\"total\":%u,\"page\":%ld,\"limit\":%ld}", list->count, page, limit);
    reply(c, "200 OK", "{\"data\":[", list->rows + list->begins[begin], slice, c->tail);
}

static int is_path(const char *path, size_t length, const char *wanted) {
    return length == strlen(wanted) && !memcmp(path, wanted, length);
}

// Fills the reply. Whether it is one of the gateway's, and so waits and is counted.
static int answer(Connection *c, const char *target, size_t length, int has_token) {
    const char *query = memchr(target, '?', length);
    size_t path = query ? (size_t)(query - target) : length;
    size_t query_length = query ? length - path - 1 : 0;
    if (query) query++;
    if (is_path(target, path, "/__stats")) {
        snprintf(c->tail, sizeof c->tail, "%lu}", requests);
        requests = 0;
        reply(c, "200 OK", "{\"requests\":", "", 0, c->tail);
        return 0;
    }
    if (is_path(target, path, "/__latency")) {
        latency_ms = (double)parameter(query, query_length, "ms", 0);
        reply(c, "200 OK", "{}", "", 0, "");
        return 0;
    }
    if (is_path(target, path, "/health")) {
        reply(c, "200 OK", "{\"status\":", "\"ok\"", 4, "}");
        return 0;
    }
    requests++;
    if (!has_token) {
        refuse(c, "401 Unauthorized", "\"Not authenticated\"");
    } else {
        Entry *e = entry(target, path);
        if (!e->path) refuse(c, "404 Not Found", "\"Not Found\"");
        else if (e->list) reply_page(c, e->list, query ? query : "", query_length);
        else reply(c, "200 OK", "", e->row, e->length, "");
    }
    return 1;
}

// --------------------------------------------------------------------------------------- connections

static void watch(int fd, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poller, operation, fd, &event);
}

static void hang_up(int fd) {
    close(fd);
    free(connections[fd]);
    connections[fd] = NULL;
}

// 1: all is sent; 0: the rest follows when there is room; -1: the connection is gone.
static int flush(int fd) {
    Connection *c = connections[fd];
    while (c->out_at < c->out_count) {
        ssize_t sent = writev(fd, c->out + c->out_at, c->out_count - c->out_at);
        if (sent < 0) {
            if (errno == EAGAIN) {
                watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
                return 0;
            }
            hang_up(fd);
            return -1;
        }
        for (size_t left = (size_t)sent; c->out_at < c->out_count;) {
            struct iovec *part = &c->out[c->out_at];
            if (left < part->iov_len) {
                part->iov_base = (char *)part->iov_base + left;
                part->iov_len -= left;
                break;
            }
            left -= part->iov_len;
            c->out_at++;
        }
    }
    c->busy = 0;
    return 1;
}

static void serve_requests(int fd) {
    Connection *c;
    while ((c = connections[fd]) && !c->busy) {
        char *end = memmem(c->in, c->in_length, "\r\n\r\n", 4);
        if (!end) {
            if (c->in_length == IN_BYTES) hang_up(fd);
            return;
        }
        *end = 0;
        char *space = strchr(c->in, ' '), *target = space ? space + 1 : NULL;
        size_t length = target ? strcspn(target, " \r") : 0;
        size_t whole = (size_t)(end - c->in) + 4;
        if (!target || strncmp(c->in, "GET ", 4)) {
            hang_up(fd);
            return;
        }
        c->busy = 1;
        int waits = answer(c, target, length, strcasestr(target, "\r\nauthorization:") != NULL) && latency_ms > 0;
        memmove(c->in, c->in + whole, c->in_length - whole);
        c->in_length -= whole;
        if (waits) {
            waiting[past_waiting++ % WAITING] = (Waiting){now_ms() + latency_ms, fd, c->life};
            return;
        }
        if (flush(fd) <= 0) return;
    }
}

static void take_connections(int listener) {
    int fd, yes = 1, room = 1 << 20;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        connections[fd] = need(calloc(1, sizeof(Connection)));
        connections[fd]->life = ++lives;
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void serve_connection(int fd, uint32_t events) {
    Connection *c = connections[fd];
    if (events & EPOLLOUT && c->busy) {
        int sent = flush(fd);
        if (sent < 0) return;
        if (sent) {
            watch(fd, EPOLL_CTL_MOD, EPOLLIN);
            serve_requests(fd);
        }
    }
    if (!(c = connections[fd]) || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    ssize_t got = read(fd, c->in + c->in_length, IN_BYTES - c->in_length);
    if (got == 0 || (got < 0 && errno != EAGAIN)) hang_up(fd);
    else if (got > 0) {
        c->in_length += (size_t)got;
        serve_requests(fd);
    }
}

static void send_what_is_due(void) {
    double now = now_ms();
    for (; first_waiting != past_waiting && waiting[first_waiting % WAITING].due <= now; first_waiting++) {
        Waiting w = waiting[first_waiting % WAITING];
        if (connections[w.fd] && connections[w.fd]->life == w.life && flush(w.fd) == 1) serve_requests(w.fd);
    }
}

static int patience_ms(void) {
    if (first_waiting == past_waiting) return -1;
    double left = waiting[first_waiting % WAITING].due - now_ms();
    return left <= 0 ? 0 : (int)left + 1;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: stub ROWS_FILE\n");
        return 2;
    }
    read_rows(arguments[1]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (void *)&address, length) || listen(listener, 1024) ||
        getsockname(listener, (void *)&address, &length)) {
        perror("stub");
        return 1;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    for (struct epoll_event events[256];;) {
        int ready = epoll_wait(poller, events, 256, patience_ms());
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) take_connections(listener);
            else if (connections[fd]) serve_connection(fd, events[i].events);
        }
        send_what_is_due();
    }
}
