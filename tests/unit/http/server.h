/* A small HTTP server on plain sockets that misbehaves as its path says. For test_curl.c. */
#ifndef UNIT_HTTP_SERVER_H
#define UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_CONNECTIONS_MAX 256

typedef struct server {
    int listener;
    unsigned port;
    pthread_t acceptor;
    pthread_t threads[SERVER_CONNECTIONS_MAX];
    _Atomic int n_threads; /* connections accepted so far */
    _Atomic int n_requests;
    _Atomic bool stop;
} server_t;

typedef struct server_connection {
    server_t *server;
    int fd;
} server_connection_t;

static bool server_send(int fd, const char *p, size_t n) {
    while (n != 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool server_text(int fd, const char *text) {
    return server_send(fd, text, strlen(text));
}

/* Sleeps, but not longer than the test lasts. */
static void server_sleep(server_t *s, int ms) {
    for (; ms > 0 && !s->stop; ms -= 10) {
        usleep(10000);
    }
}

static bool server_is(const char *request, const char *path) {
    const char *p = strchr(request, ' ');
    size_t n = strlen(path);
    return p != NULL && strncmp(p + 1, path, n) == 0 && (p[1 + n] == ' ' || p[1 + n] == '?');
}

/* Answers one request; false closes the connection. */
static bool server_answer(server_t *s, int fd, const char *request, const char *body) {
    if (server_is(request, "/ok")) {
        return server_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}");
    }
    if (server_is(request, "/empty")) {
        return server_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    }
    if (server_is(request, "/missing")) {
        return server_text(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    }
    if (server_is(request, "/echo")) {
        static _Thread_local char out[8192 + 65536 + 128];
        (void)snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s%s",
                       strlen(request) + strlen(body), request, body);
        return server_text(fd, out);
    }
    if (server_is(request, "/slow")) {
        server_sleep(s, 20000);
        return false;
    }
    if (server_is(request, "/trickle")) {
        (void)server_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n");
        for (int i = 0; i < 2000 && !s->stop && server_text(fd, "x"); i++) {
            server_sleep(s, 10);
        }
        return false;
    }
    if (server_is(request, "/garbage")) {
        (void)server_text(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
        return false;
    }
    if (server_is(request, "/http09")) {
        (void)server_text(fd, "<html>no headers at all</html>");
        return false;
    }
    if (server_is(request, "/close")) {
        return false;
    }
    if (server_is(request, "/cut")) {
        (void)server_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot a hundred bytes");
        return false;
    }
    if (server_is(request, "/long-declared")) {
        (void)server_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        return false;
    }
    if (server_is(request, "/long-streamed")) {
        (void)server_text(fd, "HTTP/1.1 200 OK\r\n\r\n");
        static const char block[4096];
        for (int i = 0; i < 100000 && !s->stop && server_send(fd, block, sizeof block); i++) {
        }
        return false;
    }
    if (server_is(request, "/long-headers")) {
        (void)server_text(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 1000000 && !s->stop && server_text(fd, "X-Header: some value or other\r\n"); i++) {
        }
        return false;
    }
    if (server_is(request, "/busy")) {
        return server_text(fd, "HTTP/1.1 503 Busy\r\nretry-after:  7\r\nContent-Length: 0\r\n\r\n");
    }
    if (server_is(request, "/busy-date")) {
        return server_text(fd, "HTTP/1.1 503 Busy\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
                               "Content-Length: 0\r\n\r\n");
    }
    if (server_is(request, "/busy-huge")) {
        return server_text(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n");
    }
    if (server_is(request, "/busy-odd")) {
        return server_text(fd, "HTTP/1.1 503 Busy\r\nRetry-After: 7x\r\nContent-Length: 0\r\n\r\n");
    }
    if (server_is(request, "/interim")) {
        return server_text(fd, "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
    if (server_is(request, "/redirect")) {
        return server_text(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    }
    return false;
}

static void *server_connection_run(void *arg) {
    server_connection_t *c = arg;
    char in[65536];
    size_t n = 0;
    while (!c->server->stop) {
        in[n] = '\0';
        char *end = strstr(in, "\r\n\r\n");
        size_t body_len = 0;
        const char *length = strstr(in, "Content-Length: ");
        if (end != NULL && length != NULL && length < end) {
            body_len = strtoul(length + 16, NULL, 10);
        }
        if (end != NULL && n >= (size_t)(end + 4 - in) + body_len) {
            char body[4096];
            (void)snprintf(body, sizeof body, "%.*s", (int)body_len, end + 4);
            end[2] = '\0';
            c->server->n_requests++;
            if (!server_answer(c->server, c->fd, in, body)) {
                break;
            }
            n = 0;
            continue;
        }
        struct pollfd p = {c->fd, POLLIN, 0};
        if (poll(&p, 1, 20) == 0) {
            continue;
        }
        ssize_t got = n < sizeof in - 1 ? recv(c->fd, in + n, sizeof in - 1 - n, 0) : -1;
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
    }
    close(c->fd);
    free(c);
    return NULL;
}

static void *server_accept(void *arg) {
    server_t *s = arg;
    while (!s->stop && s->n_threads < SERVER_CONNECTIONS_MAX) {
        struct pollfd p = {s->listener, POLLIN, 0};
        if (poll(&p, 1, 20) <= 0) {
            continue;
        }
        int fd = accept(s->listener, NULL, NULL);
        server_connection_t *c = malloc(sizeof *c);
        if (fd < 0 || c == NULL) {
            abort();
        }
        *c = (server_connection_t){s, fd};
        int n = s->n_threads++; /* counted before it answers: tests look right after the first answer */
        if (pthread_create(&s->threads[n], NULL, server_connection_run, c) != 0) {
            abort();
        }
    }
    return NULL;
}

static inline server_t *server_start(void) {
    server_t *s = calloc(1, sizeof *s);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    if (s == NULL) {
        abort();
    }
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listener, (struct sockaddr *)&addr, len) != 0 || listen(s->listener, 64) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) != 0 ||
        pthread_create(&s->acceptor, NULL, server_accept, s) != 0) {
        abort();
    }
    s->port = ntohs(addr.sin_port);
    return s;
}

static inline void server_stop(server_t *s) {
    s->stop = true;
    (void)pthread_join(s->acceptor, NULL);
    for (int i = 0; i < s->n_threads; i++) {
        (void)pthread_join(s->threads[i], NULL);
    }
    close(s->listener);
    free(s);
}

#endif
