/* See listen.h. */
#include "server/listen.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Splits "HOST:PORT", "[V6]:PORT", ":PORT" (all interfaces). */
static bool split(const char *address, char *host, size_t cap, char *port, size_t port_cap) {
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= port_cap) {
        return false;
    }
    size_t n = (size_t)(colon - address);
    const char *h = address;
    if (n >= 2 && h[0] == '[' && h[n - 1] == ']') {
        h++;
        n -= 2;
    } else if (memchr(h, ':', n) != NULL) {
        return false; /* an IPv6 address needs its brackets */
    }
    if (n >= cap || strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        return false;
    }
    memcpy(host, h, n);
    host[n] = '\0';
    (void)snprintf(port, port_cap, "%s", colon + 1);
    return true;
}

static int try_listen(const struct addrinfo *ai) {
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 1024) == 0) {
        return fd;
    }
    int e = errno;
    (void)close(fd);
    errno = e;
    return -1;
}

static void print_url(int fd, const char *host, bool tls, char *url, size_t cap) {
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    unsigned port = 0;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0) {
        if (bound.ss_family == AF_INET6) {
            struct sockaddr_in6 v6;
            memcpy(&v6, &bound, sizeof v6);
            port = ntohs(v6.sin6_port);
        } else {
            struct sockaddr_in v4;
            memcpy(&v4, &bound, sizeof v4);
            port = ntohs(v4.sin_port);
        }
    }
    bool v6_text = strchr(host, ':') != NULL;
    (void)snprintf(url, cap, "%s://%s%s%s:%u", tls ? "https" : "http", v6_text ? "[" : "", host, v6_text ? "]" : "",
                   port);
}

schloss_rc listen_open(int *fd, const char *address, bool tls, char *url, size_t cap, schloss_error_t *err) {
    char host[256], port[8];
    if (address == NULL || !split(address, host, sizeof host, port, sizeof port)) {
        schloss_rc rc = FAIL(err, CONF_VALUE, "listen address '%s' is not HOST:PORT", address == NULL ? "" : address);
        err_hint(err, "for example 127.0.0.1:8081, [::1]:8081, or 0.0.0.0:8081 for all interfaces");
        return rc;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &list);
    ENSURE(rc == 0, err, CONF_VALUE, "listen address '%s': %s", address, gai_strerror(rc));
    int found = -1, error = 0;
    for (const struct addrinfo *ai = list; ai != NULL && found < 0; ai = ai->ai_next) {
        found = try_listen(ai);
        error = errno;
    }
    freeaddrinfo(list);
    if (found < 0) {
        schloss_rc e = FAIL(err, CONNECT, "cannot listen on %s: %s", address, strerror(error));
        err_hint(err, "%s",
                 error == EADDRINUSE ? "another process uses the port; stop it or choose another one"
                                     : "check the address and the permission to bind it");
        return e;
    }
    print_url(found, host[0] == '\0' ? "0.0.0.0" : host, tls, url, cap);
    *fd = found;
    return 0;
}
