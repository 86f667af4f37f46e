/* A JSON schema and a record under it, from one input: flags, schema, byte 0, record. Instead of encryption a mark is
 * put around each value. What is accepted must be JSON exactly when the scanner says so; what was written must be JSON;
 * and without choices no tagged string is in clear, it must come back, and be written the same way again. */
#include "base/limits.h"
#include "codec/json/scan.h"
#include "rules/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const tags[] = {"PII"};
static buf_t scratch, plain, custom;

static schloss_rc mark(void *user, const char *field, bytes_t in, bool is_string, buf_t *out, schloss_error_t *err) {
    const bool *writing = user;
    if (field == NULL || !is_string) {
        abort();
    }
    if (*writing) {
        buf_put_str(out, "E(");
        buf_put(out, in.ptr, in.len);
        buf_put_u8(out, ')');
        return SCHLOSS_OK;
    }
    ENSURE(in.len >= 3 && memcmp(in.ptr, "E(", 2) == 0 && in.ptr[in.len - 1] == ')', err, AUTH_FAILED, "no mark");
    buf_put(out, in.ptr + 2, in.len - 3);
    return SCHLOSS_OK;
}

static schloss_rc run(const plan_t *plan, bool writing, bytes_t in, buf_t *out, schloss_error_t *err) {
    plan_crypt_t crypt = {.writing = writing,
                          .scratch = &scratch,
                          .plain = &plain,
                          .custom = mark,
                          .custom_user = &writing,
                          .custom_out = &custom};
    buf_init(out, 1 << 24, "fuzz", true);
    uint8_t *copy = malloc(in.len + 1); /* of its own size, so that a read behind the end is seen */
    if (copy == NULL) {
        abort();
    }
    uint8_t *exact = in.len == 0 ? copy : realloc(copy, in.len);
    if (in.len > 0) {
        memcpy(exact, in.ptr, in.len);
    }
    schloss_rc rc = plan_run(plan, bytes(exact, in.len), out, &crypt, err);
    free(exact);
    return rc;
}

static void broken(const char *what, const schloss_error_t *err) {
    fprintf(stderr, "%s: %s\n", what, schloss_error_message(err));
    abort();
}

static bool has(const uint8_t *p, size_t n, const char *text) {
    return memmem(p, n, text, strlen(text)) != NULL;
}

/* The listing of leaves finds its tags in another way than the plan does. */
static bool is_marked(void *user, const json_leaf_t *leaf) {
    (void)user;
    for (size_t i = 0; i < leaf->n_tags; i++) {
        if (strcmp(leaf->tags[i], "PII") == 0 && strcmp(leaf->type, "string") == 0 &&
            (leaf->value.len < 2 || memcmp(leaf->value.ptr, "E(", 2) != 0)) {
            fprintf(stderr, "%s is left in plaintext\n", leaf->indexed_name);
            abort();
        }
    }
    return true;
}

static void try_record(const json_schema_t *s, bool choices, unsigned flags, bytes_t record, schloss_error_t *err) {
    rule_t rule = {.name = "r", .tags = (const char **)(uintptr_t)tags, .n_tags = (flags & 1) != 0 ? 0 : 1};
    plan_spec_t spec = {
        .rule = &rule, .writing = true, .leave_others = (flags & 2) != 0, .inherit_tags = (flags & 4) != 0};
    plan_t *check = NULL, *write = NULL, *read = NULL;
    buf_t out, back, again;
    json_span_t span;
    if (plan_json_compile(&check, s, &(plan_spec_t){.writing = true}, err) != SCHLOSS_OK) {
        broken("check", err);
    }
    schloss_rc rc = run(check, true, record, &out, err);
    schloss_rc scanned = json_scan_depth(&span, (const char *)record.ptr, record.len, LIMIT_RECORD_DEPTH, NULL);
    if ((rc == SCHLOSS_OK) != (scanned == SCHLOSS_OK) ||
        (rc == SCHLOSS_OK && (out.len != record.len || memcmp(out.ptr, record.ptr, out.len) != 0))) {
        broken("scanner and walk do not agree", err);
    }
    buf_clear(&out);
    plan_free(check);
    if (plan_json_compile(&write, s, &spec, err) != SCHLOSS_OK) {
        return;
    }
    spec.writing = false;
    if (plan_json_compile(&read, s, &spec, err) != SCHLOSS_OK) {
        broken("what can be written cannot be read", err);
    }
    rc = run(write, true, record, &out, err);
    if (rc == SCHLOSS_OK) {
        if (json_scan(&span, (const char *)out.ptr, out.len, err) != SCHLOSS_OK || scanned != SCHLOSS_OK) {
            broken("what was written is no JSON", err);
        }
        if (!choices) {
            (void)json_each_leaf(s, buf_view(&out), is_marked, NULL, err);
        }
        rc = run(read, false, buf_view(&out), &back, err);
        if (rc != SCHLOSS_OK && !choices) {
            broken("what was written cannot be read", err);
        }
        if (rc == SCHLOSS_OK && !choices) {
            if (run(write, true, buf_view(&back), &again, err) != SCHLOSS_OK || again.len != out.len ||
                memcmp(again.ptr, out.ptr, out.len) != 0) {
                broken("another record came back", err);
            }
            buf_clear(&again);
        }
        buf_clear(&back);
    }
    buf_clear(&out);
    rc = run(read, false, record, &out, err); /* as what lies on a topic */
    if (rc == SCHLOSS_OK && json_scan(&span, (const char *)out.ptr, out.len, err) != SCHLOSS_OK) {
        broken("what was read is no JSON", err);
    }
    buf_clear(&out);
    plan_free(write);
    plan_free(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (scratch.max == 0) {
        buf_init(&scratch, 1 << 24, "fuzz", false);
        buf_init(&plain, 1 << 24, "fuzz", true);
        buf_init(&custom, 1 << 24, "fuzz", true);
    }
    const uint8_t *zero = size < 2 ? NULL : memchr(data + 1, 0, size - 1);
    if (zero == NULL) {
        return 0;
    }
    schloss_error_t *err = schloss_error_new();
    json_schema_t *s = NULL;
    size_t len = (size_t)(zero - data) - 1;
    if (json_schema_parse(&s, (const char *)data + 1, len, NULL, 0, err) == SCHLOSS_OK) {
        bool choices = has(data, size, "Of") || has(data, size, "\\u");
        try_record(s, choices, data[0], bytes(zero + 1, size - len - 2), err);
        json_schema_free(s);
    }
    schloss_error_free(err);
    return 0;
}
