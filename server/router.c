/* See router.h. */
#include "server/router.h"
#include <string.h>

static bool path_matches(const char *pattern, request_t *rq, const char **arg) {
    size_t n_arg = 0, i = 0;
    const char *p = pattern + (*pattern == '/');
    while (*p != '\0') {
        if (i == rq->n_seg) {
            return false;
        }
        size_t n = strcspn(p, "/");
        if (*p == '{') {
            if (n_arg < REQUEST_MAX_ARGS) {
                arg[n_arg++] = rq->seg[i];
            }
        } else if (strncmp(rq->seg[i], p, n) != 0 || rq->seg[i][n] != '\0') {
            return false;
        }
        i++;
        p += n;
        p += *p == '/';
    }
    return i == rq->n_seg;
}

rest_rc router_find(const route_t *routes, size_t n, request_t *rq) {
    const char *method = strcmp(rq->method, "HEAD") == 0 ? "GET" : rq->method;
    bool other_method = false;
    for (size_t i = 0; i < n; i++) {
        const char *arg[REQUEST_MAX_ARGS] = {NULL};
        if (!path_matches(routes[i].path, rq, arg)) {
            continue;
        }
        if (strcmp(routes[i].method, method) != 0) {
            other_method = true;
            continue;
        }
        rq->route = &routes[i];
        memcpy(rq->arg, arg, sizeof arg);
        return 0;
    }
    return rest_fail(rq, other_method ? REST_METHOD : REST_NOT_FOUND, NULL);
}
