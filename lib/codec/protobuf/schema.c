/* The outside of a parsed schema: making it, looking things up in it. */
#include "base/text.h"
#include "codec/protobuf/load.h"
#include <stdlib.h>

static const char *const type_names[] = {
    [PB_DOUBLE] = "double", [PB_FLOAT] = "float",     [PB_INT64] = "int64",       [PB_UINT64] = "uint64",
    [PB_INT32] = "int32",   [PB_FIXED64] = "fixed64", [PB_FIXED32] = "fixed32",   [PB_BOOL] = "bool",
    [PB_STRING] = "string", [PB_GROUP] = "group",     [PB_MESSAGE] = "message",   [PB_BYTES] = "bytes",
    [PB_UINT32] = "uint32", [PB_ENUM] = "enum",       [PB_SFIXED32] = "sfixed32", [PB_SFIXED64] = "sfixed64",
    [PB_SINT32] = "sint32", [PB_SINT64] = "sint64",
};

const char *pb_type_name(pb_type_t t) {
    return type_names[t];
}

wire_type_t pb_type_wire(pb_type_t t) {
    switch (t) {
    case PB_DOUBLE:
    case PB_FIXED64:
    case PB_SFIXED64:
        return WIRE_FIX64;
    case PB_FLOAT:
    case PB_FIXED32:
    case PB_SFIXED32:
        return WIRE_FIX32;
    case PB_STRING:
    case PB_BYTES:
    case PB_MESSAGE:
        return WIRE_LEN;
    case PB_GROUP:
        return WIRE_GROUP;
    case PB_INT64:
    case PB_UINT64:
    case PB_INT32:
    case PB_BOOL:
    case PB_UINT32:
    case PB_ENUM:
    case PB_SINT32:
    case PB_SINT64:
        return WIRE_VARINT;
    }
    return WIRE_VARINT;
}

static bool trim(const char **text, size_t *len) {
    while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]) != NULL && (*text)[*len - 1] != 0) {
        --*len;
    }
    while (*len > 0 && strchr(" \t\r\n", **text) != NULL && **text != 0) {
        ++*text;
        --*len;
    }
    return *len > 0;
}

bool pb_is_serialized(const char *text, size_t len) {
    if (!trim(&text, &len)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
              c == '=')) {
            return false;
        }
    }
    return true;
}

static schloss_rc load_main(pb_loader_t *l, const char *text, size_t len) {
    size_t n = 0;
    ENSURE(len <= LIMIT_SCHEMA_BYTES, l->err, LIMIT_EXCEEDED, "the schema has %zu bytes; the limit is %zu", len,
           LIMIT_SCHEMA_BYTES);
    if (!pb_is_serialized(text, len)) {
        schloss_rc rc = FAIL(l->err, SCHEMA_PARSE, "the schema is not the base64 of a FileDescriptorProto");
        err_hint(l->err, "a registry gives it that way when asked with format=serialized");
        return rc;
    }
    trim(&text, &len);
    uint8_t *file = mem_alloc(len / 4 * 3 + 6);
    ENSURE(file != NULL, l->err, NO_MEMORY, "out of memory");
    l->file = "schema";
    schloss_rc rc = b64_decode(file, &n, (const uint8_t *)text, len)
                        ? pb_load_file(l, bytes(file, n), true)
                        : FAIL(l->err, SCHEMA_PARSE, "the schema is not base64");
    mem_free(file);
    return rc;
}

schloss_rc pb_schema_parse(pb_schema_t **out, const char *text, size_t len, const pb_ref_t *refs, size_t n_refs,
                           schloss_error_t *err) {
    ENSURE(n_refs <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED, "the schema has %zu references; the limit is %u", n_refs,
           LIMIT_SCHEMA_REFS);
    pb_schema_t *s = MEM_NEW(pb_schema_t);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    arena_init(&s->arena, LIMIT_SCHEMA_MEMORY, false);
    pb_loader_t l = {.s = s, .refs = refs, .n_refs = n_refs, .files = map_new(NULL), .err = err};
    s->types = map_new(NULL);
    schloss_rc rc = l.files == NULL || s->types == NULL ? NO_MEMORY(err) : load_main(&l, text, len);
    if (rc == SCHLOSS_OK) {
        rc = pb_link(&l);
    }
    map_free(l.files);
    if (rc != SCHLOSS_OK) {
        pb_schema_free(s);
        return rc;
    }
    *out = s;
    return SCHLOSS_OK;
}

void pb_schema_free(pb_schema_t *s) {
    if (s == NULL) {
        return;
    }
    map_free(s->types);
    mem_free(s->messages);
    arena_clear(&s->arena);
    mem_free(s);
}

const pb_message_t *pb_schema_message(const pb_schema_t *s, const int32_t *path, size_t n) {
    pb_message_t *const *list = s->roots;
    size_t len = s->n_roots;
    const pb_message_t *m = NULL;
    for (size_t i = 0; i < n; i++) {
        if (path[i] < 0 || (size_t)path[i] >= len) {
            return NULL;
        }
        m = list[path[i]];
        list = m->nested;
        len = m->n_nested;
    }
    return m;
}

/* A name is the full name of its message plus ".Nested": each level has at most one way on. */
const pb_message_t *pb_schema_find(const pb_schema_t *s, const char *full_name, int32_t path[PB_INDEX_MAX], size_t *n) {
    pb_message_t *const *list = s->roots;
    size_t len = s->n_roots;
    for (*n = 0; *n < PB_INDEX_MAX; ++*n) {
        const pb_message_t *next = NULL;
        for (size_t i = 0; i < len && next == NULL; i++) {
            size_t n_name = strlen(list[i]->name);
            if (full_name == NULL || (strncmp(full_name, list[i]->name, n_name) == 0 &&
                                      (full_name[n_name] == 0 || full_name[n_name] == '.'))) {
                next = list[i];
                path[*n] = (int32_t)i;
            }
        }
        if (next == NULL) {
            return NULL;
        }
        if (full_name == NULL || strcmp(full_name, next->name) == 0) {
            ++*n;
            return next;
        }
        list = next->nested;
        len = next->n_nested;
    }
    return NULL;
}

const char *pb_message_name(const pb_message_t *m) {
    return m->name;
}

const pb_field_t *pb_field_by_number(const pb_message_t *m, uint32_t number) {
    size_t lo = 0, hi = m->n_fields;
    if (number - 1 < m->n_fields && m->fields[number - 1].number == number) { /* numbered without gaps */
        return &m->fields[number - 1];
    }
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (m->fields[mid].number < number) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_fields && m->fields[lo].number == number ? &m->fields[lo] : NULL;
}

const pb_field_t *pb_field_by_name(const pb_message_t *m, const char *name) {
    size_t lo = 0, hi = m->n_names;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(m->names[mid].name, name) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < m->n_names && strcmp(m->names[lo].name, name) == 0 ? m->names[lo].field : NULL;
}

const pb_message_t *pb_message_by_name(const pb_schema_t *s, const char *full_name) {
    const pb_symbol_t *symbol = map_get(s->types, bytes_str(full_name));
    return symbol == NULL ? NULL : symbol->message;
}
