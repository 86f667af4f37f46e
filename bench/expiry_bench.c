/* A DEK that expires under load: 50,000 records a second with three encrypted fields, the local KMS, the default grace,
 * and a registry (in the process) that takes 5 ms for an answer. Prints how long the slowest record took in a second
 * before the expiry and in the second around and after it.
 *
 *   bench_expiry */
#include "answers.h"
#include "hand/avro.h"

enum { RATE = 50000, DELAY_MS = 5, EXPIRES_MS = 1700, END_MS = 2900 };
/* The windows, from the start: before, and around the expiry. */
enum { BEFORE_MS = 300, BEFORE_END_MS = 1500 };

typedef struct registry {
    int64_t ts;     /* of version 1 */
    char made[256]; /* the wrapped key of version 2, once it was posted */
    _Atomic unsigned posts;
    pthread_mutex_t lock;
} registry_t;

static int64_t now_ms(clockid_t clock) {
    return (int64_t)(bench_seconds(clock) * 1e3);
}

static const bench_case_t *the_case(void) {
    return case_find("avro", "3f/AES256_GCM");
}

/* The answer of the table, its rule with an expiry of one day. */
static void answer_schema(char *out, size_t cap) {
    static const char mark[] = "\"encrypt.dek.algorithm\"";
    const char *text = the_case()->answer, *at = strstr(text, mark);
    bench_check(at != NULL, "the rule's parameters");
    snprintf(out, cap, "%.*s\"encrypt.dek.expiry.days\":\"1\",%s", (int)(at - text), text, at);
}

static void answer_dek(registry_t *r, char *out, size_t cap) {
    const bench_case_t *c = the_case();
    bool second = r->made[0] != '\0';
    snprintf(out, cap,
             "{\"kekName\":\"bench-kek\",\"subject\":\"%s-value\",\"version\":%d,\"algorithm\":\"AES256_GCM\","
             "\"encryptedKeyMaterial\":\"%s\",\"ts\":%lld}",
             c->topic, second ? 2 : 1, second ? r->made : c->wrapped_key,
             (long long)(second ? now_ms(CLOCK_REALTIME) : r->ts));
}

static void take_dek(registry_t *r, const char *body, size_t len) {
    static const char mark[] = "\"encryptedKeyMaterial\":\"";
    char text[1024];
    snprintf(text, sizeof text, "%.*s", (int)len, body);
    const char *at = strstr(text, mark);
    bench_check(at != NULL && strstr(text, "\"version\":2") != NULL, "a DEK with version 2");
    snprintf(r->made, sizeof r->made, "%.*s", (int)strcspn(at + strlen(mark), "\""), at + strlen(mark));
    r->posts++;
}

static schloss_rc perform(void *user, const schloss_http_request_t *req, schloss_http_response_t *out,
                          schloss_error_t *err) {
    (void)err;
    enum { CAP = 16384 };
    registry_t *r = user;
    const struct timespec delay = {0, DELAY_MS * 1000000};
    char *body = malloc(CAP);
    bench_check(body != NULL, "memory");
    nanosleep(&delay, NULL);
    memset(out, 0, sizeof *out);
    out->status = 200;
    pthread_mutex_lock(&r->lock);
    if (strstr(req->url, "/deks") != NULL) {
        if (strcmp(req->method, "POST") == 0) {
            take_dek(r, (const char *)req->body.ptr, req->body.len);
        }
        answer_dek(r, body, CAP);
    } else if (strstr(req->url, "/subjects/") != NULL || strstr(req->url, "/schemas/") != NULL) {
        answer_schema(body, CAP);
    } else if (!answer_get(req->url, body, CAP)) {
        out->status = 404;
        snprintf(body, CAP, "{\"error_code\":40401,\"message\":\"not found\"}");
    }
    pthread_mutex_unlock(&r->lock);
    out->body = (uint8_t *)body;
    out->body_len = strlen(body);
    return SCHLOSS_OK;
}

static double longest(double a, double b) {
    return a > b ? a : b;
}

int main(void) {
    static registry_t r = {.lock = PTHREAD_MUTEX_INITIALIZER};
    schloss_transport_t transport = {
        .size = sizeof transport, .user = &r, .perform = perform, .release = answers_release};
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = bench_client(&transport, err);
    schloss_serializer_t *ser = NULL;
    schloss_target_t target = {.topic = the_case()->topic};
    schloss_encoded_t out;
    customer_t customer = customer_make(false);
    uint8_t record[1024];
    size_t len = (size_t)(avro_put(record, &customer, 0, NULL, no_cipher) - record);
    must(schloss_serializer_new(client, NULL, &ser, err), err, "serializer");
    r.ts = now_ms(CLOCK_REALTIME) - 24 * 3600 * 1000 + EXPIRES_MS;
    double start = bench_seconds(CLOCK_MONOTONIC), before = 0, around = 0;
    size_t sealed = 0;
    for (uint64_t i = 0;; i++) {
        double due = start + (double)i / RATE, t0;
        do {
            t0 = bench_seconds(CLOCK_MONOTONIC);
        } while (t0 < due);
        must(schloss_serialize(ser, &target, schloss_bytes(record, len), &out, err), err, "serialize");
        double took = bench_seconds(CLOCK_MONOTONIC) - t0, at = (t0 - start) * 1e3;
        if (at >= END_MS) {
            break;
        }
        if (at >= BEFORE_MS && at < BEFORE_END_MS) {
            before = longest(before, took);
        } else if (at >= BEFORE_END_MS) {
            around = longest(around, took);
        }
        sealed++;
    }
    bench_check(r.posts == 1, "the DEK was renewed once, in the background");
    printf("{\"bench\":\"expiry\",\"records\":%zu,\"before_ms\":%.4f,\"around_ms\":%.4f}\n", sealed, before * 1e3,
           around * 1e3);
    schloss_serializer_free(ser);
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
