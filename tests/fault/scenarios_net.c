/* libcurl against a small HTTP server in a thread, with curl's own allocations failing too. */
#include "scenarios.h"
#include "http/curl.h"
#include "http/io.h"
#include "testlib/fault.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER "{\"schema\":\"\\\"string\\\"\"}"

typedef struct net {
    int listener;
    pthread_t thread;
    char url[64];
    schloss_transport_t transport;
    bool has_transport, answered;
} net_t;

/* Answers every request on one connection after the other until the listener is shut down. */
static void *serve(void *arg) {
    net_t *net = arg;
    fault_pause();
    for (int fd; (fd = accept(net->listener, NULL, NULL)) >= 0; close(fd)) {
        char in[4096];
        size_t n = 0;
        ssize_t got;
        while ((got = read(fd, in + n, sizeof in - 1 - n)) > 0) {
            n += (size_t)got;
            in[n] = 0;
            if (strstr(in, "\r\n\r\n") != NULL) {
                char out[256];
                int len = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(ANSWER),
                                   ANSWER);
                if (write(fd, out, (size_t)len) != len) {
                    break;
                }
                n = 0;
            }
        }
    }
    fault_resume();
    return NULL;
}

static void *open_net(void) {
    fault_pause();
    net_t *net = calloc(1, sizeof *net);
    if (net == NULL) {
        abort();
    }
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    net->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(net->listener, (struct sockaddr *)&addr, len) != 0 || listen(net->listener, 8) != 0 ||
        getsockname(net->listener, (struct sockaddr *)&addr, &len) != 0 ||
        pthread_create(&net->thread, NULL, serve, net) != 0) {
        perror("server of the scenario");
        abort();
    }
    snprintf(net->url, sizeof net->url, "http://127.0.0.1:%u", ntohs(addr.sin_port));
    fault_resume();
    return net;
}

static void close_net(void *ctx) {
    net_t *net = ctx;
    if (net->has_transport) {
        net->transport.destroy(net->transport.user);
    }
    shutdown(net->listener, SHUT_RDWR);
    pthread_join(net->thread, NULL);
    close(net->listener);
    free(net);
}

typedef struct ask {
    const http_service_t *service;
    net_t *net;
} ask_t;

static schloss_rc ask(void *arg, io_t *io, schloss_error_t *err) {
    ask_t *a = arg;
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "/subjects/%d", i);
        io_call_t call = {.method = i == 2 ? "POST" : "GET", .path = path, .sensitive = i == 1};
        call.body = i == 2 ? bytes("{}", 2) : bytes(NULL, 0);
        io_answer_t answer;
        TRY(io_call(io, a->service, &call, &answer, err));
        a->net->answered = answer.status == 200 && answer.body.len == strlen(ANSWER) &&
                           memcmp(answer.body.ptr, ANSWER, answer.body.len) == 0;
    }
    return SCHLOSS_OK;
}

static schloss_rc step_net(void *ctx, schloss_error_t *err) {
    net_t *net = ctx;
    net->answered = false;
    if (!net->has_transport) {
        curl_conf_t conf = {0};
        TRY(curl_transport_new(&net->transport, &conf, err));
        net->has_transport = true;
    }
    char *urls[] = {net->url};
    http_service_t service = {.urls = urls,
                              .n_urls = 1,
                              .retries_wait_ms = 1,
                              .retries_max_wait_ms = 1,
                              .connect_timeout_ms = 5000,
                              .timeout_ms = 5000};
    ask_t a = {&service, net};
    io_t *io = NULL;
    TRY(io_new(&io, err));
    schloss_rc rc = io_run(io, &net->transport, ask, &a, err);
    io_free(io);
    return rc;
}

static bool check_net(void *ctx) {
    return ((net_t *)ctx)->answered;
}

const scenario_t scenarios_net[] = {
    {"three requests over libcurl", open_net, step_net, check_net, close_net},
};
const size_t n_scenarios_net = sizeof scenarios_net / sizeof *scenarios_net;
