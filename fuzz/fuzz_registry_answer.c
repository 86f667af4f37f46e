/* Hostile answers to every call of the registry client.
 *
 * The input is a list of answers separated by NUL bytes, given in order to whatever a call asks for; when they are used
 * up, everything is 404. An answer may begin with three digits, its HTTP status, else it is 200. All calls get the same
 * answers. Nothing may stay in secret memory, and what a call hands out must be whole. */
#include "base/secret.h"
#include "client/auth.h"
#include "client/registry.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct run {
    io_t *io;
    http_service_t svc;
    schloss_error_t err;
    const uint8_t *at, *end;
} run_t;

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

static void answer(run_t *r) {
    int status = 404;
    bytes_t body = bytes("", 0);
    if (r->at < r->end) {
        const uint8_t *stop = memchr(r->at, 0, (size_t)(r->end - r->at));
        stop = stop == NULL ? r->end : stop;
        const uint8_t *p = r->at;
        status = 200;
        if (stop - p >= 3 && is_digit(p[0]) && is_digit(p[1]) && is_digit(p[2])) {
            status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
            p += 3;
        }
        body = bytes(p, (size_t)(stop - p));
        r->at = stop == r->end ? stop : stop + 1;
    }
    must(io_feed(r->io, status, body, 0, &r->err) == SCHLOSS_OK);
}

static schloss_rc check(schloss_rc rc, const schloss_error_t *err) {
    must(rc == SCHLOSS_OK || rc == SCHLOSS_ABSENT || rc == SCHLOSS_NEED_IO || rc < 0);
    must(rc >= 0 || (err->code == rc && err->message[0] != '\0'));
    return rc;
}

static schloss_rc association(run_t *r) {
    char *subject = NULL;
    schloss_rc rc = check(sr_get_association(r->io, &r->svc, NULL, "t", true, &subject, &r->err), &r->err);
    must((rc == SCHLOSS_OK) == (subject != NULL));
    mem_free(subject);
    return rc;
}

static schloss_rc schema(schloss_rc rc, sr_schema_t *s) {
    must((rc == SCHLOSS_OK) == (s != NULL));
    if (s != NULL) {
        must(s->text != NULL && s->type != NULL && s->subject != NULL);
        for (size_t i = 0; i < s->n_references; i++) {
            must(s->references[i].name != NULL && s->references[i].subject != NULL && s->references[i].text != NULL);
        }
    }
    sr_schema_unref(s);
    return rc;
}

static schloss_rc latest(run_t *r) {
    sr_schema_t *s = NULL;
    return schema(check(sr_get_latest(r->io, &r->svc, ":.eu:s", &s, &r->err), &r->err), s);
}

static schloss_rc by_id(run_t *r) {
    sr_schema_t *s = NULL;
    return schema(check(sr_get_by_id(r->io, &r->svc, 7, "s", &s, &r->err), &r->err), s);
}

static schloss_rc by_guid(run_t *r) {
    sr_schema_t *s = NULL;
    const char *guid = "095d71cf-1255-6b9d-5e33-0ad575b3df5d";
    return schema(check(sr_get_by_guid(r->io, &r->svc, guid, &s, &r->err), &r->err), s);
}

static schloss_rc lookup(run_t *r) {
    sr_schema_t *s = NULL;
    schloss_schema_ref_t ref = {"n", "r", 1};
    sr_given_t given = {.text = "\"int\"", .refs = &ref, .n_refs = 1};
    return schema(check(sr_lookup(r->io, &r->svc, "s", &given, &s, &r->err), &r->err), s);
}

static schloss_rc by_metadata(run_t *r) {
    sr_schema_t *s = NULL;
    sr_want_t want = {.by = SR_METADATA, .subject = "s", .metadata = "k=v"};
    return schema(check(sr_get(r->io, &r->svc, &want, &s, &r->err), &r->err), s);
}

static schloss_rc reg(run_t *r) {
    sr_schema_t *s = NULL;
    sr_given_t given = {.text = "\"int\""};
    return schema(check(sr_register(r->io, &r->svc, "s", &given, &s, &r->err), &r->err), s);
}

/* A token endpoint of OAuth answers first, then the registry. */
static schloss_rc with_token(run_t *r) {
    static const schloss_tls_t tls;
    static const sr_auth_conf_t conf = {.url = "http://t.test", .client_id = "a", .secret = "b", .tls = &tls};
    if (r->svc.auth == NULL) {
        must(sr_auth_new(&r->svc.auth, &conf, &r->err) == SCHLOSS_OK);
    }
    return latest(r);
}

static schloss_rc kek(schloss_rc rc, sr_kek_t *k) {
    must((rc == SCHLOSS_OK) == (k->name != NULL));
    must(rc != SCHLOSS_OK || (k->kms_type != NULL && k->kms_key_id != NULL));
    sr_kek_clear(k);
    return rc;
}

static schloss_rc get_kek(run_t *r) {
    sr_kek_t k = {0};
    return kek(check(sr_get_kek(r->io, &r->svc, "k", ".eu", true, &k, &r->err), &r->err), &k);
}

static schloss_rc create_kek(run_t *r) {
    sr_kek_t k = {0};
    return kek(check(sr_create_kek(r->io, &r->svc, "k", NULL, "local-kms", "i", &k, &r->err), &r->err), &k);
}

static schloss_rc dek(schloss_rc rc, sr_dek_t *d) {
    must((rc == SCHLOSS_OK) == (d->wrapped != NULL || d->material != NULL));
    must(rc != SCHLOSS_OK || d->version >= 1);
    must(d->material == NULL || secret_contains(d->material));
    sr_dek_clear(d);
    return rc;
}

static schloss_rc get_dek(run_t *r) {
    sr_dek_t d = {0};
    return dek(check(sr_get_dek(r->io, &r->svc, "k", "s", "AES256_GCM", -1, false, &d, &r->err), &r->err), &d);
}

static schloss_rc create_dek(run_t *r) {
    sr_dek_t d = {0};
    bytes_t wrapped = bytes("wrapped", 7);
    return dek(check(sr_create_dek(r->io, &r->svc, "k", "s", "AES256_GCM", 2, wrapped, &d, &r->err), &r->err), &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char url[] = "http://r.test";
    static char *urls[] = {url};
    static schloss_rc (*const calls[])(run_t *) = {association, latest,  by_id,      by_guid,     lookup, get_kek,
                                                   create_kek,  get_dek, create_dek, by_metadata, reg,    with_token};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        run_t r = {.at = data, .end = data + size};
        r.svc = (http_service_t){.urls = urls, .n_urls = 1, .max_retries = 1};
        must(io_new(&r.io, &r.err) == SCHLOSS_OK);
        while (calls[i](&r) == SCHLOSS_NEED_IO) {
            answer(&r);
        }
        io_free(r.io);
        sr_auth_free(r.svc.auth);
        must(secret_in_use() == 0);
    }
    return 0;
}
