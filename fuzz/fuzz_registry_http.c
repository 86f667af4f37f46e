/* Requests into the registry without sockets: decoding, rewriting, routing, authentication's parser, handlers, store.
 *
 * Input: requests separated by the byte 0x1e, each "METHOD TARGET\n", header lines "Name: value\n", an empty line,
 * body. Found is not only memory errors: every answer must be JSON (but metrics and empty ones) with a status that
 * fits. */
#include "registry/service.h"
#include "server/media.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static service_t *service;

static void reset(void) {
    static const char *const tables[] = {"DELETE FROM versions", "DELETE FROM schemas", "DELETE FROM refs",
                                         "DELETE FROM config",   "DELETE FROM modes",   "DELETE FROM associations",
                                         "DELETE FROM keks",     "DELETE FROM deks",    "DELETE FROM contexts"};
    if (service == NULL) {
        service_conf_t conf = {.store = "sqlite::memory:", .kms_secret = "test-only", .readers = 1};
        if (service_open(&service, &conf, NULL) != 0) {
            abort();
        }
    }
    db_t *db = store_write_begin(service->store);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        (void)db_exec(db, tables[i], "");
    }
    if (!store_write_commit(service->store, db)) {
        abort();
    }
}

static void check(const request_t *rq) {
    if (rq->status == 204) {
        return;
    }
    if (rq->status < 200 || rq->status > 599 || buf_check(&rq->out, NULL) != 0) {
        abort();
    }
    if ((rq->error_code != 0) != (rq->status >= 400)) {
        abort();
    }
    if (strcmp(rq->media, MEDIA_METRICS) != 0) {
        json_error_t e;
        json_t *v = json_loadb((const char *)rq->out.ptr, rq->out.len, JSON_DECODE_ANY, &e);
        if (v == NULL) {
            fprintf(stderr, "not JSON (%s): %.*s\n", e.text, (int)rq->out.len, (const char *)rq->out.ptr);
            abort();
        }
        json_decref(v);
    }
}

/* One line of *p, cut off; NULL at the empty line or the end. */
static char *next_line(char **p) {
    char *line = *p;
    char *end = strchr(line, '\n');
    if (*line == '\0') {
        return NULL;
    }
    *p = end == NULL ? line + strlen(line) : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    return *line == '\0' ? NULL : line;
}

static void one(char *text, size_t n) {
    char *p = text;
    char *line = next_line(&p);
    char *target = line == NULL ? NULL : strchr(line, ' ');
    if (target == NULL) {
        return;
    }
    *target++ = '\0';
    request_t rq;
    request_init(&rq, line, target);
    while ((line = next_line(&p)) != NULL) {
        char *value = strchr(line, ':');
        if (value == NULL) {
            continue;
        }
        *value++ = '\0';
        value += *value == ' ';
        if (strcasecmp(line, "Accept") == 0) {
            rq.accept = value;
        } else if (strcasecmp(line, "Content-Type") == 0) {
            rq.content_type = value;
        } else if (strcasecmp(line, "Authorization") == 0) {
            rq.authorization = value;
        }
    }
    rq.body = bytes(p, n - (size_t)(p - text));
    service_handle(service, &rq);
    service_done(service, &rq, 1);
    check(&rq);
    request_clear(&rq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 65536) {
        return 0;
    }
    reset();
    while (size > 0) {
        const uint8_t *end = memchr(data, 0x1e, size);
        size_t n = end == NULL ? size : (size_t)(end - data);
        char *text = malloc(n + 1);
        if (text == NULL) {
            return 0;
        }
        memcpy(text, data, n);
        text[n] = '\0';
        one(text, n);
        free(text);
        size_t used = n + (end != NULL);
        data += used;
        size -= used;
    }
    return 0;
}
