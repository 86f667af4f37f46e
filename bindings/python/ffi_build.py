"""Builds the extension schloss._native (cffi, API mode) over the public headers of libschloss.

Run by setup.py. Beside the library's functions it holds a handful of C helpers of its own, each one call of the library
with its results put into one struct, so that a record costs Python two or three calls. They do nothing else.
"""
import os
import shlex
import subprocess

from cffi import FFI

CDEF = """
typedef int32_t schloss_rc;
typedef struct schloss_error schloss_error_t;
typedef struct schloss_conf schloss_conf_t;
typedef struct schloss_client schloss_client_t;
typedef struct schloss_schema schloss_schema_t;

schloss_error_t *schloss_error_new(void);
void schloss_error_free(schloss_error_t *err);
schloss_rc schloss_error_code(const schloss_error_t *err);
const char *schloss_error_message(const schloss_error_t *err);
const char *schloss_error_hint(const schloss_error_t *err);
const char *schloss_error_subject(const schloss_error_t *err);
const char *schloss_error_field(const schloss_error_t *err);
const char *schloss_error_kek(const schloss_error_t *err);
const char *schloss_error_rule(const schloss_error_t *err);
const char *schloss_error_url(const schloss_error_t *err);
int schloss_error_http_status(const schloss_error_t *err);
int schloss_error_rest_code(const schloss_error_t *err);
bool schloss_error_is_retriable(const schloss_error_t *err);
const char *schloss_rc_name(schloss_rc rc);
const char *schloss_rc_text(schloss_rc rc);
const char *schloss_rc_category(schloss_rc rc);

schloss_conf_t *schloss_conf_new(void);
void schloss_conf_free(schloss_conf_t *conf);
schloss_rc schloss_conf_set(schloss_conf_t *conf, const char *name, const char *value, schloss_error_t *err);

void schloss_client_free(schloss_client_t *client);
void schloss_client_invalidate(schloss_client_t *client);
void schloss_client_set_clock(schloss_client_t *client, int64_t (*now_ms)(void *user), void *user);

const char *schloss_schema_text(const schloss_schema_t *schema);
const char *schloss_schema_type(const schloss_schema_t *schema);
const char *schloss_schema_record_name(const schloss_schema_t *schema);
const char *schloss_schema_subject(const schloss_schema_t *schema);
int32_t schloss_schema_version(const schloss_schema_t *schema);
const char *schloss_schema_guid(const schloss_schema_t *schema);
static const int CALL_OTHER_SCHEMA;
static const int SCHLOSS_E_INVALID_ARGUMENT;
static const int SCHLOSS_E_INVALID_STATE;
static const int SCHLOSS_E_UNSUPPORTED;
static const int SCHLOSS_E_NO_MEMORY;
static const int SCHLOSS_E_KAFKA;
static const int SCHLOSS_E_DATA_MISMATCH;
static const int SCHLOSS_E_SCHEMA_TYPE;
static const int SCHLOSS_E_SUBJECT_NAME;
static const int SCHLOSS_E_CONF_VALUE;
static const int SCHLOSS_E_CONF_MISSING;

uint64_t schloss_metric_get(const char *name);
const char *schloss_version(void);

typedef struct call {
    const char *value;
    size_t len;
    const char *header_name;
    const char *header;
    size_t header_len;
    const schloss_schema_t *schema;
    int32_t id;
    bool is_null;
    ...;
} call_t;

typedef struct {
    const uint8_t *ptr;
    size_t len;
} schloss_bytes_t;
typedef struct schloss_header {
    const char *name;
    schloss_bytes_t value;
} schloss_header_t;
typedef struct schloss_dead_letter {
    const char *topic;
    schloss_bytes_t key;
    schloss_bytes_t value;
    const schloss_header_t *headers;
    size_t n_headers;
    ...;
} schloss_dead_letter_t;
extern "Python" schloss_rc dead_letter(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err);
extern "Python" void dead_letter_end(void *user);
schloss_rc call_sink(schloss_client_t *client, void *user, schloss_error_t *err);

call_t *call_writer(schloss_client_t *client, const schloss_conf_t *conf, schloss_error_t *err);
call_t *call_reader(schloss_client_t *client, const schloss_conf_t *conf, schloss_error_t *err);
void call_free(call_t *c);
schloss_error_t *call_error(call_t *c);
schloss_client_t *call_client(const schloss_conf_t *conf, schloss_error_t *err);
schloss_rc call_schema(call_t *c, const char *type, const char *text, size_t len);
schloss_rc call_reference(call_t *c, const char *name, const char *subject, int32_t version);
schloss_rc call_message(call_t *c, const char *name);
schloss_rc call_prepare(call_t *c, const char *topic, bool is_key, const char *subject);
schloss_rc call_write(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr, size_t len);
schloss_rc call_write_as(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr, size_t len,
                         int32_t id, const char *text);
schloss_rc call_header(call_t *c, size_t i, const char *name, const char *ptr, size_t len);
schloss_rc call_read(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr, size_t len,
                     size_t n_headers);
bool call_is_schema(const call_t *c, int32_t id, const char *text);
"""

SOURCE = r"""
#include <schloss/ext/rule.h>
#include <schloss/schloss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One handle with everything that a call needs: used by one Python call at a time. */
typedef struct call {
    const char *value;
    size_t len;
    const char *header_name;
    const char *header;
    size_t header_len;
    const schloss_schema_t *schema;
    int32_t id;
    bool is_null;
    schloss_serializer_t *ser;
    schloss_deserializer_t *de;
    schloss_error_t *err;
    schloss_header_t *headers; /* names and values borrowed from Python objects during one call */
    size_t max_headers;
    schloss_schema_ref_t *refs;
    size_t n_refs;
} call_t;

enum { CALL_OTHER_SCHEMA = 100 }; /* of these helpers: positive, as no error of the library is */

static void call_free(call_t *c) {
    if (c != NULL) {
        schloss_serializer_free(c->ser);
        schloss_deserializer_free(c->de);
        schloss_error_free(c->err);
        for (size_t i = 0; i < c->n_refs; i++) {
            free((char *)c->refs[i].name);
            free((char *)c->refs[i].subject);
        }
        free(c->refs);
        free(c->headers);
        free(c);
    }
}

static call_t *call_new(void) {
    call_t *c = calloc(1, sizeof(*c));
    if (c != NULL && (c->err = schloss_error_new()) == NULL) {
        free(c);
        c = NULL;
    }
    return c;
}

static call_t *call_writer(schloss_client_t *client, const schloss_conf_t *conf, schloss_error_t *err) {
    call_t *c = call_new();
    if (c != NULL && schloss_serializer_new(client, conf, &c->ser, err) != SCHLOSS_OK) {
        call_free(c);
        c = NULL;
    }
    return c;
}

static call_t *call_reader(schloss_client_t *client, const schloss_conf_t *conf, schloss_error_t *err) {
    call_t *c = call_new();
    if (c != NULL && schloss_deserializer_new(client, conf, &c->de, err) != SCHLOSS_OK) {
        call_free(c);
        c = NULL;
    }
    return c;
}

static schloss_error_t *call_error(call_t *c) { return c->err; }

static schloss_client_t *call_client(const schloss_conf_t *conf, schloss_error_t *err) {
    schloss_client_t *client = NULL;
    return schloss_client_new(conf, NULL, &client, err) == SCHLOSS_OK ? client : NULL;
}

/* cffi writes the two functions below this source. */
static schloss_rc dead_letter(void *user, const schloss_dead_letter_t *letter, schloss_error_t *err);
static void dead_letter_end(void *user);

static schloss_rc call_sink(schloss_client_t *client, void *user, schloss_error_t *err) {
    schloss_dead_letter_sink_t sink = {sizeof(sink), user, dead_letter, dead_letter_end};
    return schloss_client_set_dead_letter_sink(client, &sink, err);
}

static schloss_rc call_reference(call_t *c, const char *name, const char *subject, int32_t version) {
    schloss_schema_ref_t *more = realloc(c->refs, (c->n_refs + 1) * sizeof(*more));
    if (more == NULL) {
        return SCHLOSS_E_NO_MEMORY;
    }
    c->refs = more;
    more[c->n_refs] = (schloss_schema_ref_t){strdup(name), strdup(subject), version};
    c->n_refs++;
    return more[c->n_refs - 1].name != NULL && more[c->n_refs - 1].subject != NULL ? SCHLOSS_OK : SCHLOSS_E_NO_MEMORY;
}

static schloss_rc call_schema(call_t *c, const char *type, const char *text, size_t len) {
    return schloss_serializer_set_schema_of_type(c->ser, type, text, len, c->refs, c->n_refs, c->err);
}

static schloss_rc call_message(call_t *c, const char *name) {
    return schloss_serializer_set_message(c->ser, name, c->err);
}

static schloss_target_t call_target(const char *topic, bool is_key, const char *subject) {
    return (schloss_target_t){.topic = topic, .is_key = is_key, .subject = subject};
}

static schloss_rc call_prepare(call_t *c, const char *topic, bool is_key, const char *subject) {
    schloss_target_t target = call_target(topic, is_key, subject);
    c->schema = NULL;
    schloss_rc rc = schloss_serializer_prepare(c->ser, &target, &c->schema, c->err);
    c->id = rc == SCHLOSS_OK ? schloss_schema_id(c->schema) : -1;
    return rc;
}

static schloss_rc call_write(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr,
                             size_t len) {
    schloss_target_t target = call_target(topic, is_key, subject);
    schloss_encoded_t out = {.header_name = NULL};
    schloss_rc rc = schloss_serialize(c->ser, &target, schloss_bytes(ptr, len), &out, c->err);
    c->value = (const char *)out.value.ptr;
    c->len = out.value.len;
    c->header_name = out.header_name;
    c->header = (const char *)out.header.ptr;
    c->header_len = out.header.len;
    return rc;
}

static bool call_is_schema(const call_t *c, int32_t id, const char *text) {
    return c->schema != NULL && c->id == id && strcmp(schloss_schema_text(c->schema), text) == 0;
}

/* Does value or header name the schema of that id and GUID (empty: not known)? */
static bool call_names(const call_t *c, int32_t id, const char *guid) {
    const unsigned char *v = (const unsigned char *)c->value;
    if (c->header_name == NULL) {
        return c->len >= 5 && (uint32_t)id == ((uint32_t)v[1] << 24 | (uint32_t)v[2] << 16 | (uint32_t)v[3] << 8 | v[4]);
    }
    char text[37];
    size_t n = 0;
    for (size_t i = 1; i < 17 && c->header_len >= 17; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, i == 5 || i == 7 || i == 9 || i == 11 ? "-%02x" : "%02x",
                              (unsigned char)c->header[i]);
    }
    return n == 36 && strcasecmp(text, guid) == 0;
}

/* Writes only if the record's schema is the one that the record was encoded under: CALL_OTHER_SCHEMA if not. */
static schloss_rc call_write_as(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr,
                                size_t len, int32_t id, const char *text) {
    schloss_rc rc = call_prepare(c, topic, is_key, subject);
    if (rc != SCHLOSS_OK) {
        return rc;
    }
    if (!call_is_schema(c, id, text)) {
        return CALL_OTHER_SCHEMA;
    }
    char guid[37] = "";
    const char *known = schloss_schema_guid(c->schema); /* borrowed until the next call only */
    if (known != NULL) {
        snprintf(guid, sizeof(guid), "%s", known);
    }
    rc = call_write(c, topic, is_key, subject, ptr, len);
    return rc == SCHLOSS_OK && !call_names(c, id, guid) ? CALL_OTHER_SCHEMA : rc;
}

static schloss_rc call_header(call_t *c, size_t i, const char *name, const char *ptr, size_t len) {
    if (i >= c->max_headers) {
        size_t max = 2 * i + 8;
        schloss_header_t *more = realloc(c->headers, max * sizeof(*more));
        if (more == NULL) {
            return SCHLOSS_E_NO_MEMORY;
        }
        c->headers = more;
        c->max_headers = max;
    }
    c->headers[i] = (schloss_header_t){name, schloss_bytes(ptr, len)};
    return SCHLOSS_OK;
}

static schloss_rc call_read(call_t *c, const char *topic, bool is_key, const char *subject, const char *ptr, size_t len,
                            size_t n_headers) {
    schloss_target_t target = call_target(topic, is_key, subject);
    schloss_decoded_t out = {.schema = NULL};
    schloss_rc rc = schloss_deserialize(c->de, &target, schloss_bytes(ptr, len), n_headers > 0 ? c->headers : NULL,
                                        n_headers, &out, c->err);
    c->value = (const char *)out.value.ptr;
    c->len = out.value.len;
    c->is_null = out.value.ptr == NULL;
    c->schema = out.schema;
    c->id = out.schema != NULL ? schloss_schema_id(out.schema) : -1;
    return rc;
}
"""


def settings():
    """Where headers and library are: SCHLOSS_INCLUDE and SCHLOSS_LIB, else what pkg-config says of `schloss`."""
    include, lib = os.environ.get("SCHLOSS_INCLUDE"), os.environ.get("SCHLOSS_LIB")
    rpath = os.environ.get("SCHLOSS_RPATH")
    out = {"libraries": ["schloss"], "extra_compile_args": ["-O2"]}
    if include and lib:
        out.update(include_dirs=[include], library_dirs=[lib])
    else:
        flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "schloss"], check=True,
                                           stdout=subprocess.PIPE, text=True).stdout)
        out.update(include_dirs=[f[2:] for f in flags if f.startswith("-I")],
                   library_dirs=[f[2:] for f in flags if f.startswith("-L")])
    if rpath:
        out["runtime_library_dirs"] = [rpath]
    return out


ffibuilder = FFI()
ffibuilder.cdef(CDEF)
ffibuilder.set_source("schloss._native", SOURCE, **settings())
