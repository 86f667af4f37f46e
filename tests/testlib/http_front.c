/* See http_front.h. */
#include "testlib/http_front.h"
#include "testlib/fault.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 8
#define BUFFER 65536

struct http_front {
    schloss_transport_t transport;
    int listener;
    pthread_t thread;
    char url[64];
    uint8_t *memory;
    bool own_memory;
};

typedef struct seat {
    http_front_t *front;
    int fd;
    char *buffer; /* BUFFER bytes */
    pthread_t thread;
    bool taken;
} seat_t;

/* Length of the request's head with its blank line, 0 while it is not complete. */
static size_t head_len(const char *in) {
    const char *end = strstr(in, "\r\n\r\n");
    return end == NULL ? 0 : (size_t)(end - in) + 4;
}

static size_t body_len(const char *head) {
    const char *p = strcasestr(head, "\r\ncontent-length:");
    return p == NULL ? 0 : strtoul(p + 17, NULL, 10);
}

static bool send_all(int fd, const void *p, size_t n) {
    const char *at = p;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* One complete request in s->buffer. */
static bool answer(const seat_t *s, size_t head, size_t body) {
    char method[16], path[2048], url[2200], line[160];
    if (sscanf(s->buffer, "%15s %2047s", method, path) != 2) {
        return false;
    }
    snprintf(url, sizeof url, "%s%s", s->front->url, path);
    schloss_http_request_t req = {.method = method, .url = url, .max_body = 1u << 24};
    req.body = schloss_bytes(s->buffer + head, body);
    schloss_http_response_t out;
    if (s->front->transport.perform(s->front->transport.user, &req, &out, NULL) != SCHLOSS_OK) {
        return false; /* the connection is cut: that is what a fault of the transport looks like */
    }
    int n = snprintf(line, sizeof line, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", out.status, out.body_len);
    bool ok = send_all(s->fd, line, (size_t)n) && send_all(s->fd, out.body, out.body_len);
    s->front->transport.release(s->front->transport.user, &out);
    return ok;
}

static void *connection(void *arg) {
    seat_t *s = arg;
    fault_pause();
    size_t have = 0;
    ssize_t got;
    while ((got = read(s->fd, s->buffer + have, BUFFER - 1 - have)) > 0) {
        have += (size_t)got;
        s->buffer[have] = 0;
        size_t head = head_len(s->buffer), body = head == 0 ? 0 : body_len(s->buffer);
        if (head != 0 && have >= head + body) {
            if (!answer(s, head, body)) {
                break;
            }
            have = 0; /* clients here do not pipeline */
        }
    }
    close(s->fd);
    explicit_bzero(s->buffer, BUFFER);
    fault_resume();
    return NULL;
}

static void *listen_loop(void *arg) {
    http_front_t *front = arg;
    seat_t seats[CONNECTIONS] = {0};
    for (size_t i = 0;; i = (i + 1) % CONNECTIONS) {
        int fd = accept(front->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        if (seats[i].taken) {
            pthread_join(seats[i].thread, NULL);
        }
        seats[i] = (seat_t){.front = front, .fd = fd, .buffer = (char *)front->memory + i * BUFFER, .taken = true};
        if (pthread_create(&seats[i].thread, NULL, connection, &seats[i]) != 0) {
            abort();
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (seats[i].taken) {
            pthread_join(seats[i].thread, NULL);
        }
    }
    return NULL;
}

http_front_t *http_front_start(fake_registry_t *fr, void *memory) {
    fault_pause();
    http_front_t *front = calloc(1, sizeof *front);
    if (front == NULL) {
        abort();
    }
    front->transport = fake_registry_transport(fr);
    front->own_memory = memory == NULL;
    front->memory = memory == NULL ? calloc(1, HTTP_FRONT_MEMORY) : memory;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    front->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (front->memory == NULL || bind(front->listener, (struct sockaddr *)&addr, len) != 0 ||
        listen(front->listener, CONNECTIONS) != 0 ||
        getsockname(front->listener, (struct sockaddr *)&addr, &len) != 0 ||
        pthread_create(&front->thread, NULL, listen_loop, front) != 0) {
        perror("front of the fake registry");
        abort();
    }
    snprintf(front->url, sizeof front->url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    fault_resume();
    return front;
}

const char *http_front_url(const http_front_t *front) {
    return front->url;
}

void http_front_stop(http_front_t *front) {
    shutdown(front->listener, SHUT_RDWR);
    pthread_join(front->thread, NULL);
    close(front->listener);
    if (front->own_memory) {
        free(front->memory);
    }
    free(front);
}
