/* PCRE2 behind a small door. Memory comes from base/mem.h; match data is kept per thread, so that a record costs no
 * allocation; no JIT: it would need memory that is writable and executable. */
#include "codec/json/regex.h"
#include "base/limits.h"
#include <pthread.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct json_regex {
    json_regex_t *next;
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void *get(PCRE2_SIZE n, void *user) {
    (void)user;
    return mem_alloc(n);
}

static void give(void *p, void *user) {
    (void)user;
    mem_free(p);
}

/* Match data of this thread: freed when it ends. */
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static bool thread_ok;
static _Thread_local pcre2_match_data *thread_data;

static void drop(void *data) {
    pcre2_match_data_free(data);
    thread_data = NULL;
}

static void make_key(void) {
    thread_ok = pthread_key_create(&thread_key, drop) == 0;
}

static pcre2_match_data *match_data(void) {
    if (thread_data != NULL) {
        return thread_data;
    }
    (void)pthread_once(&thread_once, make_key);
    pcre2_general_context *g = thread_ok ? pcre2_general_context_create(get, give, NULL) : NULL;
    if (g == NULL) {
        return NULL;
    }
    pcre2_match_data *data = pcre2_match_data_create(1, g);
    pcre2_general_context_free(g);
    if (data != NULL && pthread_setspecific(thread_key, data) != 0) {
        pcre2_match_data_free(data);
        return NULL;
    }
    thread_data = data;
    return data;
}

static schloss_rc compile(json_regex_t *r, const char *pattern, size_t len, schloss_error_t *err) {
    pcre2_general_context *g = pcre2_general_context_create(get, give, NULL);
    pcre2_compile_context *cc = g == NULL ? NULL : pcre2_compile_context_create(g);
    int code = 0;
    size_t at = 0;
    if (cc != NULL) {
        (void)pcre2_set_max_pattern_length(cc, LIMIT_REGEX_BYTES);
        (void)pcre2_set_parens_nest_limit(cc, 100);
        r->code = pcre2_compile((const unsigned char *)pattern, len,
                                PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
                                    PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP,
                                &code, &at, cc);
        r->limits = pcre2_match_context_create(g);
    }
    pcre2_compile_context_free(cc);
    pcre2_general_context_free(g);
    if (cc == NULL || r->limits == NULL || (r->code == NULL && code == PCRE2_ERROR_NOMEMORY) ||
        (r->code == NULL && code == PCRE2_ERROR_HEAP_FAILED)) {
        return NO_MEMORY(err);
    }
    if (r->code == NULL) {
        char text[128] = "";
        (void)pcre2_get_error_message(code, (unsigned char *)text, sizeof text);
        return FAIL(err, SCHEMA_PARSE, "the regular expression \"%.*s\" is refused at %zu: %s",
                    (int)(len > 100 ? 100 : len), pattern, at, text);
    }
    (void)pcre2_set_match_limit(r->limits, LIMIT_REGEX_STEPS);
    (void)pcre2_set_depth_limit(r->limits, LIMIT_REGEX_DEPTH);
    (void)pcre2_set_heap_limit(r->limits, LIMIT_REGEX_HEAP_KIB);
    return SCHLOSS_OK;
}

schloss_rc json_regex_new(json_regex_t **out, const char *pattern, size_t len, schloss_error_t *err) {
    json_regex_t *r = MEM_NEW(json_regex_t);
    ENSURE(r != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = compile(r, pattern, len, err);
    if (rc != SCHLOSS_OK) {
        json_regex_free(r);
        return rc;
    }
    *out = r;
    return SCHLOSS_OK;
}

void json_regex_chain(json_regex_t **head, json_regex_t *r) {
    r->next = *head;
    *head = r;
}

void json_regex_free(json_regex_t *r) {
    while (r != NULL) {
        json_regex_t *next = r->next;
        pcre2_match_context_free(r->limits);
        pcre2_code_free(r->code);
        mem_free(r);
        r = next;
    }
}

schloss_rc json_regex_search(const json_regex_t *r, const char *text, size_t len, bool *found, schloss_error_t *err) {
    pcre2_match_data *data = match_data();
    ENSURE(data != NULL, err, NO_MEMORY, "out of memory");
    int n = pcre2_match(r->code, (const unsigned char *)text, len, 0, PCRE2_NO_UTF_CHECK, data, r->limits);
    *found = n >= 0;
    if (n >= 0 || n == PCRE2_ERROR_NOMATCH) {
        return SCHLOSS_OK;
    }
    if (n == PCRE2_ERROR_NOMEMORY) {
        return NO_MEMORY(err);
    }
    return FAIL(err, LIMIT_EXCEEDED, "a regular expression of the schema needs more than its limit LIMIT_REGEX_*");
}
