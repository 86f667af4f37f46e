/* Hostile answers to the drivers of Azure, Google and Vault, and hostile credentials files of Google.
 *
 * First byte: which driver, wrap or unwrap, or the credentials. Then answers separated by NUL bytes, given in order;
 * when they are used up, everything is 404. An answer may begin with three digits, its HTTP status, else it is 200. An
 * error must come with a text, a success must be whole, and nothing may stay in secret memory but remembered tokens.
 * Corpus: fuzz/corpus/kms_reply. */
#include "base/secret.h"
#include "kms/gcp/gcp.h"
#include "kms/kms.h"
#include "kms/token.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct run {
    const kms_driver_t *driver;
    kms_key_t key;
    bool wrap;
    io_t *io;
    schloss_error_t err;
    const uint8_t *at, *end;
    int64_t now_ms;
} run_t;

static void must(bool condition) {
    if (!condition) {
        abort();
    }
}

static const char *setting(void *user, const char *name) {
    static const char *const all[] = {"tenant.id",
                                      "t",
                                      "client.id",
                                      "c",
                                      "client.secret",
                                      "test",
                                      "approle.role.id",
                                      "r",
                                      "approle.secret.id",
                                      "test",
                                      "encrypt.azure.key.version.save",
                                      "true"};
    (void)user;
    for (size_t i = 0; i < COUNT_OF(all); i += 2) {
        if (strcmp(all[i], name) == 0) {
            return all[i + 1];
        }
    }
    return NULL;
}

/* Each run is later than all tokens of the runs before. */
static int64_t now(void *user) {
    return ((run_t *)user)->now_ms;
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
    /* No waiting here: what would be tried again is final. */
    status = status < 100 ? 200 : status == 408 || status == 429 || status >= 500 ? 501 : status;
    must(io_feed(r->io, status, body, 0, &r->err) == SCHLOSS_OK);
}

static void drive(run_t *r) {
    static const char wrapped[] = "vault:v1:AAAA";
    buf_t out;
    uint8_t *plain = NULL;
    size_t n = 0;
    buf_init(&out, 1 << 16, "fuzz", false);
    must(io_new(&r->io, &r->err) == SCHLOSS_OK && secret_alloc(128, (void **)&plain, NULL) == SCHLOSS_OK);
    schloss_rc rc = SCHLOSS_OK;
    for (int asked = 0; asked < 64; asked++) {
        out.len = 0;
        rc = r->wrap ? r->driver->wrap(&r->key, r->io, bytes("key message", 11), &out, &r->err)
                     : r->driver->unwrap(&r->key, r->io, bytes(wrapped, sizeof wrapped - 1), plain, 128, &n, &r->err);
        if (rc != SCHLOSS_NEED_IO) {
            break;
        }
        answer(r);
    }
    must(rc <= 0); /* no answers make it ask without end */
    must(rc != SCHLOSS_OK || (r->wrap ? out.len != 0 : n != 0 && n <= 128));
    must(rc == SCHLOSS_OK || (r->err.code == rc && r->err.message[0] != '\0' && r->err.hint[0] != '\0'));
    secret_free(plain);
    buf_clear(&out);
    io_free(r->io);
}

static void credentials(const run_t *r, bytes_t text) {
    gcp_creds_t c;
    schloss_error_t err = {0};
    if (gcp_creds_read(&r->key, text, &c, &err) == SCHLOSS_OK) {
        must(c.kind != GCP_ACCOUNT || (c.client_email != NULL && c.private_key_id != NULL && c.private_key != NULL));
        must(c.kind != GCP_USER || (c.client_id != NULL && c.client_secret != NULL && c.refresh_token != NULL));
        must(c.kind != GCP_EXTERNAL || (c.audience != NULL && c.token_uri != NULL && c.file != NULL));
        must(c.token_uri == NULL || rest_url_is_safe(c.token_uri));
        if (c.kind == GCP_ACCOUNT) {
            const gcp_account_t account = {c.client_email, c.private_key_id, c.private_key};
            buf_t jwt;
            buf_init(&jwt, 1 << 16, "fuzz", true);
            (void)gcp_jwt(&r->key, &account, 0, &jwt, &err);
            buf_clear(&jwt);
        }
    } else {
        must(err.code < 0 && err.message[0] != '\0');
    }
    gcp_creds_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const kms_driver_t *driver;
        const char *id;
    } drivers[] = {{&kms_azure, "https://v.vault.azure.net/keys/k"},
                   {&kms_gcp, "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
                   {&kms_vault, "https://v/t/keys/k"}};
    static int64_t clock_ms = 1;
    if (size < 1) {
        return 0;
    }
    unsigned which = data[0] % 8;
    run_t r = {.wrap = (which & 1) != 0, .at = data + 1, .end = data + size};
    r.now_ms = clock_ms += 100 * (int64_t)86400000;
    if (clock_ms > INT64_MAX / 4) {
        clock_ms = 1;
    }
    r.driver = drivers[which / 2 % 3].driver;
    r.key = (kms_key_t){r.driver->type, drivers[which / 2 % 3].id, {setting, &r}, {now, &r}};
    if (which >= 6) {
        credentials(&r, bytes(r.at, (size_t)(r.end - r.at)));
    } else {
        drive(&r);
    }
    return 0;
}
