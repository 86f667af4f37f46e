/* See stats.h. */
#include "server/stats.h"
#include <stdatomic.h>

#define N_CLASSES 4u /* 2xx 3xx 4xx 5xx */
#define N_BUCKETS 9u
static const uint64_t bucket_us[N_BUCKETS] = {50, 100, 250, 1000, 5000, 25000, 100000, 1000000, 10000000};
static const char *const bucket_name[N_BUCKETS] = {"0.00005", "0.0001", "0.00025", "0.001", "0.005",
                                                   "0.025",   "0.1",    "1",       "10"};

typedef struct row {
    _Atomic uint64_t answers[N_CLASSES];
    _Atomic uint64_t us;
} row_t;

struct stats {
    const route_t *routes;
    size_t n_routes;
    _Atomic uint64_t buckets[N_BUCKETS + 1];
    _Atomic uint64_t us;
    row_t rows[]; /* one per route, and one for requests that match none */
};

schloss_rc stats_new(stats_t **out, const route_t *routes, size_t n_routes, schloss_error_t *err) {
    stats_t *s = mem_calloc(1, sizeof *s + (n_routes + 1) * sizeof(row_t));
    if (s == NULL) {
        return NO_MEMORY(err);
    }
    s->routes = routes;
    s->n_routes = n_routes;
    *out = s;
    return 0;
}

void stats_free(stats_t *s) {
    mem_free(s);
}

static void add(_Atomic uint64_t *p, uint64_t n) {
    atomic_fetch_add_explicit(p, n, memory_order_relaxed);
}
static uint64_t get(const _Atomic uint64_t *p) {
    return atomic_load_explicit(p, memory_order_relaxed);
}

void stats_add(stats_t *s, const request_t *rq, uint64_t us) {
    row_t *row = &s->rows[rq->route == NULL ? s->n_routes : (size_t)(rq->route - s->routes)];
    int class = rq->status / 100 - 2;
    add(&row->answers[class < 0 || class >= (int)N_CLASSES ? N_CLASSES - 1 : (unsigned)class], 1);
    add(&row->us, us);
    size_t i = 0;
    while (i < N_BUCKETS && us > bucket_us[i]) {
        i++;
    }
    add(&s->buckets[i], 1);
    add(&s->us, us);
}

void stats_print(const stats_t *s, buf_t *out) {
    buf_put_str(out, "# HELP schloss_http_requests_total Requests answered, by route and status class.\n"
                     "# TYPE schloss_http_requests_total counter\n");
    for (size_t i = 0; i <= s->n_routes; i++) {
        for (unsigned c = 0; c < N_CLASSES; c++) {
            uint64_t n = get(&s->rows[i].answers[c]);
            if (n != 0) {
                buf_printf(out, "schloss_http_requests_total{method=\"%s\",route=\"%s\",code=\"%uxx\"} %llu\n",
                           i == s->n_routes ? "" : s->routes[i].method, i == s->n_routes ? "" : s->routes[i].path,
                           c + 2, (unsigned long long)n);
            }
        }
    }
    buf_put_str(out, "# HELP schloss_http_route_seconds_total Time spent, by route.\n"
                     "# TYPE schloss_http_route_seconds_total counter\n");
    for (size_t i = 0; i < s->n_routes; i++) {
        uint64_t us = get(&s->rows[i].us);
        if (us != 0) {
            buf_printf(out, "schloss_http_route_seconds_total{method=\"%s\",route=\"%s\"} %.6f\n", s->routes[i].method,
                       s->routes[i].path, (double)us / 1e6);
        }
    }
    buf_put_str(out, "# HELP schloss_http_request_seconds Time from request line to answer.\n"
                     "# TYPE schloss_http_request_seconds histogram\n");
    uint64_t total = 0;
    for (size_t i = 0; i <= N_BUCKETS; i++) {
        total += get(&s->buckets[i]);
        buf_printf(out, "schloss_http_request_seconds_bucket{le=\"%s\"} %llu\n",
                   i == N_BUCKETS ? "+Inf" : bucket_name[i], (unsigned long long)total);
    }
    buf_printf(out, "schloss_http_request_seconds_sum %.6f\nschloss_http_request_seconds_count %llu\n",
               (double)get(&s->us) / 1e6, (unsigned long long)total);
}
