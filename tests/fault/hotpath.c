/* The hot path: after warm-up, 10,000 records in and out without one
 * allocation, without one lock of ours, and without one system call, except the
 * nonce refill: at most one getrandom per 256 encryptions.
 *
 * Allocations are counted by this program's own malloc family in front of
 * glibc's, locks by its own pthread_mutex_lock and pthread_rwlock_*lock (only
 * those called from the library, which is linked into this program; OpenSSL's
 * are its own affair), system calls by tracing a child. Not for sanitizer
 * builds, which replace malloc themselves. */
#include "hotpath.h"
#include "crypto/aead.h"
#include "testlib/world.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define WARM_UP 600 /* more than one nonce pool */
#define RECORDS 10000

/* ---- counters ---- */

static _Atomic uint64_t allocations, locks;
static _Atomic bool counting;

#pragma GCC visibility push(default) /* what shared libraries allocate counts too */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static void count(_Atomic uint64_t *what) {
    if (atomic_load_explicit(&counting, memory_order_relaxed)) {
        atomic_fetch_add(what, 1);
    }
}

void *malloc(size_t n) {
    count(&allocations);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    count(&allocations);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    count(&allocations);
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n) {
    count(&allocations);
    return __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n) {
    count(&allocations);
    *out = __libc_memalign(align, n);
    return *out == NULL ? 12 : 0;
}

#pragma GCC visibility pop

extern char __executable_start, etext;

static void count_lock(const void *caller) {
    if ((const char *)caller >= &__executable_start && (const char *)caller < &etext) {
        count(&locks);
    }
}

typedef int (*lock_fn)(void *);

static lock_fn next_of(const char *name) {
    void *p = dlsym(RTLD_NEXT, name);
    lock_fn f;
    memcpy(&f, &p, sizeof f);
    return f;
}

#pragma GCC visibility push(default)

int pthread_mutex_lock(pthread_mutex_t *m) {
    static lock_fn next;
    count_lock(__builtin_return_address(0));
    next = next == NULL ? next_of("pthread_mutex_lock") : next;
    return next(m);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l) {
    static lock_fn next;
    count_lock(__builtin_return_address(0));
    next = next == NULL ? next_of("pthread_rwlock_rdlock") : next;
    return next(l);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l) {
    static lock_fn next;
    count_lock(__builtin_return_address(0));
    next = next == NULL ? next_of("pthread_rwlock_wrlock") : next;
    return next(l);
}

#pragma GCC visibility pop

/* ---- the loop ---- */

typedef struct path {
    const char *name, *rules;
    const char *const *conf;
    unsigned encryptions; /* per record */
    const char *type;     /* NULL: AVRO */
} path_t;

typedef struct loop {
    world_t w;
    uint8_t record[1024];
    size_t len;
    uint8_t value[2048], header[32];
    schloss_header_t headers[1];
} loop_t;

static bool turn(loop_t *l) {
    schloss_encoded_t e;
    schloss_decoded_t d;
    if (schloss_serialize(l->w.ser, &l->w.target, schloss_bytes(l->record, l->len), &e, l->w.err) != SCHLOSS_OK) {
        return false;
    }
    memcpy(l->value, e.value.ptr, e.value.len);
    size_t n_headers = 0;
    if (e.header_name != NULL) {
        memcpy(l->header, e.header.ptr, e.header.len);
        l->headers[n_headers++] = (schloss_header_t){e.header_name, schloss_bytes(l->header, e.header.len)};
    }
    return schloss_deserialize(l->w.de, &l->w.target, schloss_bytes(l->value, e.value.len), l->headers, n_headers, &d,
                               l->w.err) == SCHLOSS_OK &&
           d.value.len == l->len && memcmp(d.value.ptr, l->record, l->len) == 0;
}

static bool turns(loop_t *l, unsigned n) {
    for (; n > 0; n--) {
        if (!turn(l)) {
            printf("     %s\n", schloss_error_message(l->w.err));
            return false;
        }
    }
    return true;
}

static loop_t loop; /* not on the stack: the child uses it too */

#define JSON_SCHEMA                                                                                                    \
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\","                                              \
    "\"confluent:tags\":[\"PII\"]},"                                                                                   \
    "\"n\":{\"type\":\"integer\"},\"note\":{\"type\":\"string\"},"                                                     \
    "\"blob\":{\"type\":\"string\",\"confluent:tags\":[\"PII\"]},"                                                     \
    "\"alias\":{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}],\"confluent:tags\":[\"PII\"]}}}"
/* Person as Protobuf: name = 1 [PII], int32 n = 2, note = 3, bytes blob = 4 [PII], alias = 5 [PII]. */
#define PROTOBUF_SCHEMA                                                                                                \
    "CgxwZXJzb24ucHJvdG8aFGNvbmZsdWVudC9tZXRhLnByb3RvImoKBlBlcnNvbhIWCgRuYW1lGA"                                       \
    "EgASgJQgiCRAUaA1BJSRIJCgFuGA"                                                                                     \
    "IgASgFEgwKBG5vdGUYAyABKAkSFgoEYmxvYhgEIAEoDEIIgkQFGgNQSUkSFwoFYWxpYXMYBSAB"                                       \
    "KAlCCIJEBRoDUElJYgZwcm90bzM="

static void put_record(const void *p, size_t n) {
    memcpy(loop.record, p, n);
    loop.len = n;
}

/* The same person in another format: a later version of the subject. */
static void put_format(const char *type, const char *rules) {
    static const char json[] = "{\"name\": \"Ada Lovelace\", \"n\": 7, \"note\": \"plain "
                               "\\u00e9\", "
                               "\"blob\": \"0123456789012345678901234567890123456789\", \"alias\": "
                               "\"ada\"}";
    static const char protobuf[] = "\x0a\x0c"
                                   "Ada Lovelace\x10\x07\x1a\x0aplain note\x22\x08"
                                   "01234567\x2a\x03"
                                   "ada";
    bool is_json = strcmp(type, "JSON") == 0;
    json_t *schema = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "subject", WORLD_SUBJECT, "version", 2, "id", 2,
                               "guid", "00000000-0000-4000-8000-000000000002", "schemaType", type, "schema",
                               is_json ? JSON_SCHEMA : PROTOBUF_SCHEMA);
    if (rules != NULL) {
        json_object_set_new(schema, "ruleSet", json_loads(rules, 0, NULL));
    }
    fake_registry_put_schema(loop.w.fr, schema);
    json_decref(schema);
    if (is_json) {
        put_record(json, sizeof json - 1);
    } else {
        put_record(protobuf, sizeof protobuf - 1);
    }
}

static bool warm(const path_t *p) {
    world_open(&loop.w, FAKE_SCHEMA_PERSON, p->rules, p->conf);
    loop.len = world_person(loop.record, sizeof loop.record, "Ada Lovelace", 7, "plain note", 300, "ada");
    if (p->type != NULL) {
        put_format(p->type, p->rules);
    }
    return turns(&loop, WARM_UP);
}

static int traced(void *arg) {
    (void)arg;
    trace_mark();
    bool ok = turns(&loop, RECORDS);
    trace_mark();
    return ok ? 0 : 1;
}

static bool check_syscalls(const path_t *p) {
    static uint64_t counts[TRACE_NUMBERS];
    const char *why = "";
    if (!trace_run(traced, NULL, counts, &why)) {
        printf("     %s: %s\n", p->name, why);
        return false;
    }
    /* the child begins with a nonce pool that fork emptied */
    uint64_t refills = (uint64_t)RECORDS * p->encryptions / 256 + 1;
    bool ok = counts[SYS_getrandom] <= refills;
    if (!ok) {
        printf("     %s: %llu calls of getrandom, at most %llu\n", p->name, (unsigned long long)counts[SYS_getrandom],
               (unsigned long long)refills);
    }
    for (size_t nr = 0; nr < TRACE_NUMBERS; nr++) {
        if (counts[nr] != 0 && nr != SYS_getrandom) {
            printf("     %s: system call %zu, %llu times\n", p->name, nr, (unsigned long long)counts[nr]);
            ok = false;
        }
    }
    return ok;
}

static bool check_allocations(const path_t *p) {
    atomic_store(&allocations, 0);
    atomic_store(&locks, 0);
    atomic_store(&counting, true);
    bool ok = turns(&loop, RECORDS);
    atomic_store(&counting, false);
    uint64_t a = atomic_load(&allocations), l = atomic_load(&locks);
    if (a != 0) {
        printf("     %s: %llu allocations in %d records\n", p->name, (unsigned long long)a, RECORDS);
    }
    if (l != 0) {
        printf("     %s: %llu locks in %d records\n", p->name, (unsigned long long)l, RECORDS);
    }
    return ok && a == 0 && l == 0;
}

/* The counters count: without this a wrong interposition would pass everything.
 */
static const char *volatile stage = "counters";

static bool check_counters(void) {
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    atomic_store(&counting, true);
    void *volatile block = malloc(10);
    char *volatile text = strndup(stage, 5); /* allocates inside a shared library */
    pthread_mutex_lock(&m);
    pthread_mutex_unlock(&m);
    atomic_store(&counting, false);
    free(block);
    free(text);
    bool ok = atomic_load(&allocations) == 2 && atomic_load(&locks) == 1;
    if (!ok) {
        printf("FAIL the counters of this test do not count: %llu allocations, "
               "%llu locks\n",
               (unsigned long long)atomic_load(&allocations), (unsigned long long)atomic_load(&locks));
    }
    return ok;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a sanitizer that ends the process must
                                         not take the findings along */
    static const char *const ipsecmb[] = {"schloss.crypto.backend", "ipsec-mb", NULL};
    static const char *const openssl[] = {"schloss.crypto.backend", "openssl", NULL};
    static const char *const header[] = {"value.schema.id.serializer", "HeaderSchemaIdSerializer", NULL};
    static const path_t paths[] = {
        {"no rule", NULL, NULL, 0, NULL},
        {"three fields, AES256_GCM, ipsec-mb", FAKE_RULES_PII("AES256_GCM", ""), ipsecmb, 3, NULL},
        {"three fields, AES256_GCM, openssl", FAKE_RULES_PII("AES256_GCM", ""), openssl, 3, NULL},
        {"three fields, AES128_GCM, rotated", FAKE_RULES_PII("AES128_GCM", ",\"encrypt.dek.expiry.days\":\"1\""), NULL,
         3, NULL},
        {"three fields, AES256_SIV", FAKE_RULES_PII("AES256_SIV", ""), NULL, 0, NULL},
        {"payload, AES256_GCM", FAKE_RULES_PAYLOAD("AES256_GCM", ""), NULL, 1, NULL},
        {"three fields, GUID header", FAKE_RULES_PII("AES256_GCM", ""), header, 3, NULL},
        {"JSON, no rule", NULL, NULL, 0, "JSON"},
        {"JSON, three fields, AES256_GCM", FAKE_RULES_PII("AES256_GCM", ""), NULL, 3, "JSON"},
        {"JSON, three fields, AES256_SIV", FAKE_RULES_PII("AES256_SIV", ""), NULL, 0, "JSON"},
        {"JSON, payload, AES256_GCM", FAKE_RULES_PAYLOAD("AES256_GCM", ""), NULL, 1, "JSON"},
        {"Protobuf, no rule", NULL, NULL, 0, "PROTOBUF"},
        {"Protobuf, three fields, AES256_GCM", FAKE_RULES_PII("AES256_GCM", ""), NULL, 3, "PROTOBUF"},
        {"Protobuf, three fields, AES256_SIV", FAKE_RULES_PII("AES256_SIV", ""), NULL, 0, "PROTOBUF"},
        {"Protobuf, payload, AES256_GCM", FAKE_RULES_PAYLOAD("AES256_GCM", ""), NULL, 1, "PROTOBUF"},
    };
    unsigned passed = 0, failed = 0;
    if (!check_counters()) {
        failed++;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (paths[i].conf == ipsecmb && !aead_backend_usable(AEAD_IPSECMB)) {
            continue; /* nothing to measure on this CPU */
        }
        bool ok = warm(&paths[i]);
        ok = ok && check_allocations(&paths[i]);
        ok = check_syscalls(&paths[i]) && ok;
        world_close(&loop.w);
        printf("%s %s\n", ok ? "ok  " : "FAIL", paths[i].name);
        passed += ok;
        failed += !ok;
    }
    printf("%u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
