/* Avro schemas, typed writer and reader, under failing allocations. */
#include "scenarios.h"
#include "codec/avro/schema.h"
#include "testlib/fake_registry.h"
#include "testlib/fault.h"

#include <schloss/avro.h>
#include <stdlib.h>
#include <string.h>

static const char with_reference[] =
    "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"doc\":\"d\",\"fields\":["
    "{\"name\":\"who\",\"type\":\"shop.test.Person\"},{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\","
    "\"symbols\":[\"A\",\"B\"],\"default\":\"A\"}},{\"name\":\"next\",\"type\":[\"null\",\"Order\"],\"default\":null},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"double\"}}},"
    "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":4},\"aliases\":[\"g\"],\"order\":\"ignore\"}]"
    "}";

typedef struct text {
    char *out;
    size_t len;
} text_t;

static void *open_text(void) {
    text_t *t = calloc(1, sizeof *t);
    if (t == NULL) {
        abort();
    }
    return t;
}

static void close_text(void *ctx) {
    text_t *t = ctx;
    free(t->out);
    free(t);
}

static schloss_rc step_schema(void *ctx, schloss_error_t *err) {
    text_t *t = ctx;
    avro_ref_t ref = {"shop.test.Person", FAKE_SCHEMA_PERSON, strlen(FAKE_SCHEMA_PERSON)};
    avro_schema_t *s = NULL;
    TRY(avro_schema_parse(&s, with_reference, strlen(with_reference), &ref, 1, AVRO_PARSE_STRICT, err));
    buf_t out;
    buf_init(&out, 1u << 20, "text", false);
    schloss_rc rc = avro_schema_print(s, false, &out, err);
    if (rc == SCHLOSS_OK) {
        rc = avro_schema_print(s, true, &out, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = avro_schema_print_resolved(s, &out, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = buf_check(&out, err);
    }
    if (rc == SCHLOSS_OK) {
        free(t->out);
        t->out = strndup((const char *)out.ptr, out.len);
        t->len = out.len;
    }
    buf_clear(&out);
    avro_schema_free(s);
    return rc;
}

static bool check_schema(void *ctx) {
    static size_t expected; /* the first run has no fault */
    text_t *t = ctx;
    expected = expected == 0 ? t->len : expected;
    return t->len == expected && strstr(t->out, "\"name\":\"Order\"") != NULL;
}

static schloss_rc step_typed(void *ctx, schloss_error_t *err) {
    text_t *t = ctx;
    schloss_avro_writer_t *w = schloss_avro_writer_new(0);
    schloss_avro_reader_t *r = schloss_avro_reader_new();
    schloss_bytes_t out;
    static char big[5000];
    memset(big, 'x', sizeof big);
    schloss_rc rc = w == NULL || r == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK) {
        schloss_avro_put_array(w, 3);
        for (int i = 0; i < 3; i++) {
            schloss_avro_put_string(w, big, sizeof big);
        }
        schloss_avro_put_end(w);
        rc = schloss_avro_writer_finish(w, &out, err);
    }
    if (rc == SCHLOSS_OK) {
        schloss_avro_reader_reset(r, out);
        t->len = 0;
        for (size_t n; (n = schloss_avro_get_block(r)) > 0;) {
            for (; n > 0; n--) {
                t->len += schloss_avro_get_string(r).len;
            }
        }
        rc = schloss_avro_reader_finish(r, err);
    }
    schloss_avro_writer_free(w);
    schloss_avro_reader_free(r);
    return rc;
}

static bool check_typed(void *ctx) {
    return ((text_t *)ctx)->len == 15000;
}

const scenario_t scenarios_codec[] = {
    {"Avro schema with a reference, parsed and printed", open_text, step_schema, check_schema, close_text},
    {"typed writer and reader", open_text, step_typed, check_typed, close_text},
};
const size_t n_scenarios_codec = sizeof scenarios_codec / sizeof *scenarios_codec;
