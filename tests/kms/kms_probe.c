/* What drives the KMS drivers against servers: one wrap, one unwrap, and the outcome in words that a script reads.
 *
 *   kms_probe [--wrap | --unwrap BASE64] KMS_TYPE KEY_ID [NAME=VALUE ...]
 *
 * Settings are those of the drivers; environment variables count as they do in an application. Prints
 * "wrapped BASE64" and "unwrapped HEX" as it gets them, then "ok", or
 * "error NAME retriable|final MESSAGE | HINT". The default wraps a key message, unwraps it and compares. */
#include "base/secret.h"
#include "base/text.h"
#include "http/curl.h"
#include "kms/kms.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct probe {
    kms_key_t key;
    char **settings;
    const uint8_t *plain;
    size_t plain_len;
    buf_t wrapped;
    uint8_t *out;
    size_t out_len;
} probe_t;

#define OUT_MAX 1024u

static const char *get(void *user, const char *name) {
    const probe_t *p = user;
    size_t n = strlen(name);
    for (char **s = p->settings; *s != NULL; s++) {
        if (strncmp(*s, name, n) == 0 && (*s)[n] == '=') {
            return *s + n + 1;
        }
    }
    return NULL;
}

static schloss_rc do_wrap(void *arg, io_t *io, schloss_error_t *err) {
    probe_t *p = arg;
    return kms_wrap(&p->key, io, bytes(p->plain, p->plain_len), &p->wrapped, err);
}

static schloss_rc do_unwrap(void *arg, io_t *io, schloss_error_t *err) {
    probe_t *p = arg;
    return kms_unwrap(&p->key, io, buf_view(&p->wrapped), p->out, OUT_MAX, &p->out_len, err);
}

static int run(probe_t *p, const schloss_transport_t *t, bool wrap, schloss_error_t *err) {
    io_t *io = NULL;
    schloss_rc rc = io_new(&io, err);
    if (rc == SCHLOSS_OK) {
        rc = io_run(io, t, wrap ? do_wrap : do_unwrap, p, err);
    }
    io_free(io);
    if (rc != SCHLOSS_OK) {
        printf("error %s %s %s | %s\n", schloss_rc_name(rc), schloss_error_is_retriable(err) ? "retriable" : "final",
               err->message, err->hint);
        return 1;
    }
    const bytes_t got = wrap ? buf_view(&p->wrapped) : bytes(p->out, p->out_len);
    char *text = calloc(1, 2 * got.len + 8);
    if (text == NULL) {
        return 1;
    }
    if (wrap) {
        (void)b64_encode((uint8_t *)text, got.ptr, got.len);
    } else {
        hex_encode(text, got.ptr, got.len);
    }
    printf("%s %s\n", wrap ? "wrapped" : "unwrapped", text);
    free(text);
    return 0;
}

/* Field 3 of a Tink key message with 32 bytes: what a DEK of AES256_GCM looks like (spec 1.2). */
static const uint8_t message[34] = {0x1a, 0x20, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                    15,   16,   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

int main(int argc, char **argv) {
    probe_t p = {.plain = message, .plain_len = sizeof message};
    bool wrap = true;
    bool unwrap = true;
    int at = 1;
    buf_init(&p.wrapped, 1 << 20, "wrapped key", false);
    if (at < argc && strcmp(argv[at], "--wrap") == 0) {
        unwrap = false;
        at++;
    } else if (at + 1 < argc && strcmp(argv[at], "--unwrap") == 0) {
        size_t n = strlen(argv[at + 1]);
        wrap = false;
        if (!buf_reserve(&p.wrapped, n + 4) ||
            !b64_decode(p.wrapped.ptr, &p.wrapped.len, (const uint8_t *)argv[at + 1], n)) {
            (void)fputs("kms_probe: not base64\n", stderr);
            return 2;
        }
        at += 2;
    }
    if (argc < at + 2) {
        (void)fputs("usage: kms_probe [--wrap | --unwrap BASE64] KMS_TYPE KEY_ID [NAME=VALUE ...]\n", stderr);
        return 2;
    }
    p.settings = argv + at + 2;
    p.key = (kms_key_t){argv[at], argv[at + 1], {get, &p}, {0}};
    curl_conf_t conf = {0};
    schloss_transport_t t;
    schloss_error_t err = {0};
    void *secret = NULL;
    if (curl_transport_new(&t, &conf, &err) != SCHLOSS_OK || secret_alloc(OUT_MAX, &secret, &err) != SCHLOSS_OK) {
        (void)fprintf(stderr, "kms_probe: %s\n", err.message);
        return 2;
    }
    p.out = secret;
    int rc = wrap ? run(&p, &t, true, &err) : 0;
    if (rc == 0 && unwrap) {
        rc = run(&p, &t, false, &err);
    }
    if (rc == 0 && wrap && unwrap && (p.out_len != sizeof message || memcmp(p.out, message, sizeof message) != 0)) {
        puts("error DIFFERENT final what was unwrapped is not what was wrapped | ");
        rc = 1;
    }
    if (rc == 0) {
        puts("ok");
    }
    secret_free(secret);
    buf_clear(&p.wrapped);
    t.destroy(t.user);
    return rc;
}
