/* FileDescriptorProto -> messages and enums, without resolving type names (link.c). Field numbers are those of
 * descriptor.proto. Options and features stand behind what they rule, so each level is read twice. */
#include "base/text.h"
#include "codec/protobuf/load.h"
#include <stdlib.h>

#define EDITION_2023 1000u
#define META_EXTENSION 1088u /* confluent.Meta on FieldOptions */
#define UNINTERPRETED 999u   /* options by name, as a parser that does not link leaves them */

static int loading, loaded; /* states of a file */

schloss_rc pb_no_room(pb_loader_t *l) {
    const arena_t *a = &l->s->arena;
    return a->max - a->used < 65536
               ? FAIL(l->err, LIMIT_EXCEEDED, "the schema takes more memory than the limit of %zu", LIMIT_SCHEMA_MEMORY)
               : NO_MEMORY(l->err);
}

static schloss_rc malformed(pb_loader_t *l, const char *what) {
    return FAIL(l->err, SCHEMA_PARSE, "%s: the file descriptor is malformed: %s", l->file, what);
}

static schloss_rc take_text(pb_loader_t *l, bytes_t b, const char **out) {
    ENSURE(b.len == 0 || memchr(b.ptr, 0, b.len) == NULL, l->err, SCHEMA_PARSE, "%s: a text of the schema holds U+0000",
           l->file);
    *out = arena_strndup(&l->s->arena, (const char *)b.ptr, b.len);
    return *out == NULL ? pb_no_room(l) : SCHLOSS_OK;
}

static bool is_word(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_';
        if (!letter && !(i > 0 && s[i] >= '0' && s[i] <= '9')) {
            return false;
        }
    }
    return n > 0;
}

/* An identifier. Others would let one name pose as another. */
static schloss_rc take_name(pb_loader_t *l, bytes_t b, const char **out) {
    ENSURE(is_word((const char *)b.ptr, b.len), l->err, SCHEMA_PARSE, "%s: \"%.*s\" is not an identifier", l->file,
           (int)(b.len > 80 ? 80 : b.len), b.len == 0 ? "" : (const char *)b.ptr);
    return take_text(l, b, out);
}

static schloss_rc take_package(pb_loader_t *l, bytes_t b, const char **out) {
    TRY(take_text(l, b, out));
    for (const char *p = *out; *p != 0;) {
        size_t n = strcspn(p, ".");
        ENSURE(is_word(p, n) && (p[n] == 0 || p[n + 1] != 0), l->err, SCHEMA_PARSE, "%s: \"%.80s\" is not a package",
               l->file, *out);
        p += n + (p[n] == '.');
    }
    return SCHLOSS_OK;
}

/* Full names are bounded, so that looking names up scope by scope is. */
static schloss_rc join(pb_loader_t *l, const char *scope, const char *name, const char **out) {
    size_t n_parts = 2, n = strlen(scope) + strlen(name) + 1;
    for (const char *p = scope; n <= PB_NAME_MAX && *p != 0; p++) {
        n_parts += *p == '.';
    }
    ENSURE(n <= PB_NAME_MAX && n_parts <= PB_SCOPE_MAX, l->err, LIMIT_EXCEEDED,
           "%s: the full name of \"%.80s\" has more than %u characters or %u parts", l->file, name, PB_NAME_MAX,
           PB_SCOPE_MAX);
    *out = *scope == 0 ? name : arena_printf(&l->s->arena, "%s.%s", scope, name);
    return *out == NULL ? pb_no_room(l) : SCHLOSS_OK;
}

static schloss_rc add_symbol(pb_loader_t *l, const char *full_name, pb_symbol_t symbol) {
    bytes_t key = bytes_str(full_name);
    ENSURE(map_get(l->s->types, key) == NULL, l->err, SCHEMA_PARSE, "%s: %s is declared twice", l->file, full_name);
    ENSURE(l->s->n_messages + l->n_enums < LIMIT_SCHEMA_TYPES, l->err, LIMIT_EXCEEDED,
           "the schema has more types than the limit LIMIT_SCHEMA_TYPES (%u)", LIMIT_SCHEMA_TYPES);
    pb_symbol_t *kept = ARENA_NEW(&l->s->arena, pb_symbol_t);
    if (kept == NULL) {
        return pb_no_room(l);
    }
    *kept = symbol;
    return map_put(l->s->types, key, kept) ? SCHLOSS_OK : NO_MEMORY(l->err);
}

schloss_rc pb_add_message(pb_loader_t *l, const char *full_name, pb_message_t **out) {
    pb_schema_t *s = l->s;
    pb_message_t *m = ARENA_NEW(&s->arena, pb_message_t);
    if (m == NULL) {
        return pb_no_room(l);
    }
    TRY(add_symbol(l, full_name, (pb_symbol_t){.message = m}));
    if (s->n_messages == s->cap_messages) {
        size_t want = s->cap_messages == 0 ? 16 : 2 * s->cap_messages;
        pb_message_t **grown = mem_realloc(s->messages, want * sizeof(*grown));
        ENSURE(grown != NULL, l->err, NO_MEMORY, "out of memory");
        s->messages = grown;
        s->cap_messages = want;
    }
    m->name = full_name;
    m->schema = s;
    m->index = (uint32_t)s->n_messages;
    s->messages[s->n_messages++] = m;
    *out = m;
    return SCHLOSS_OK;
}

schloss_rc pb_add_enum(pb_loader_t *l, const char *full_name, pb_enum_t **out) {
    pb_enum_t *e = ARENA_NEW(&l->s->arena, pb_enum_t);
    if (e == NULL) {
        return pb_no_room(l);
    }
    TRY(add_symbol(l, full_name, (pb_symbol_t){.enumeration = e}));
    l->n_enums++;
    e->name = full_name;
    *out = e;
    return SCHLOSS_OK;
}

static size_t count(bytes_t b, uint32_t number) {
    cur_t c = cur_of(b);
    wire_field_t f;
    size_t n = 0;
    while (wire_next(&c, &f)) {
        n += f.number == number && f.type == WIRE_LEN;
    }
    return n;
}

/* ---- options ---- */

static bool read_features(bytes_t b, pb_features_t *features) {
    cur_t c = cur_of(b);
    wire_field_t f;
    while (wire_next(&c, &f)) {
        if (f.type != WIRE_VARINT || f.value == 0 || f.value > 3) {
            continue;
        }
        switch (f.number) {
        case 1:
            features->presence = (uint8_t)f.value;
            break;
        case 3:
            features->repeated = (uint8_t)f.value;
            break;
        case 5:
            features->encoding = (uint8_t)f.value;
            break;
        default:
            break;
        }
    }
    return !c.failed;
}

/* features is the field of that number in an options message. */
static bool read_options_features(bytes_t options, uint32_t number, pb_features_t *features) {
    cur_t c = cur_of(options);
    wire_field_t f;
    bool ok = true;
    while (ok && wire_next(&c, &f)) {
        if (f.number == number && f.type == WIRE_LEN) {
            ok = read_features(f.data, features);
        }
    }
    return ok && !c.failed;
}

static bool count_tags(bytes_t options, size_t *n) {
    cur_t c = cur_of(options);
    wire_field_t f;
    while (wire_next(&c, &f)) {
        if (f.number == META_EXTENSION && f.type == WIRE_LEN) {
            cur_t meta = cur_of(f.data);
            wire_field_t g;
            while (wire_next(&meta, &g)) {
                *n += g.number == 3 && g.type == WIRE_LEN;
            }
            if (meta.failed) {
                return false;
            }
        }
    }
    return !c.failed;
}

/* Tags of confluent.field_meta; several occurrences of the option are one message, so their tags add up. */
static schloss_rc take_tags(pb_loader_t *l, bytes_t options, const char **tags, size_t *n) {
    cur_t c = cur_of(options);
    wire_field_t f;
    while (wire_next(&c, &f)) {
        cur_t meta = cur_of(f.data);
        wire_field_t g;
        while (f.number == META_EXTENSION && f.type == WIRE_LEN && wire_next(&meta, &g)) {
            if (g.number == 3 && g.type == WIRE_LEN) {
                TRY(take_text(l, g.data, &tags[(*n)++]));
            }
        }
    }
    return SCHLOSS_OK;
}

/* Is the option confluent.field_meta, by name? Its tags are text there: what does not see them must not go on. */
static bool is_meta_by_name(bytes_t option) {
    static const char meta[] = "field_meta";
    cur_t c = cur_of(option), part;
    wire_field_t f, g;
    while (wire_next(&c, &f)) {
        if (f.number != 2 || f.type != WIRE_LEN) {
            continue;
        }
        for (part = cur_of(f.data); wire_next(&part, &g);) {
            size_t n = sizeof(meta) - 1;
            if (g.number == 1 && g.type == WIRE_LEN && g.data.len >= n &&
                memcmp(g.data.ptr + g.data.len - n, meta, n) == 0) {
                return true;
            }
        }
    }
    return false;
}

typedef struct options {
    bytes_t part[4]; /* occurrences; more are refused */
    size_t n;
} options_t;

static schloss_rc keep_options(pb_loader_t *l, options_t *o, bytes_t b) {
    if (o->n == COUNT_OF(o->part)) {
        return malformed(l, "its options occur more than four times");
    }
    o->part[o->n++] = b;
    return SCHLOSS_OK;
}

/* ---- fields ---- */

const char *pb_json_name(arena_t *a, const char *name) {
    char *out = arena_strdup(a, name);
    size_t k = 0;
    bool up = false;
    for (; out != NULL && *name != 0; name++) {
        if (*name == '_') {
            up = true;
        } else {
            out[k++] = (char)(up && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
            up = false;
        }
    }
    if (out != NULL) {
        out[k] = 0;
    }
    return out;
}

typedef struct raw_field {
    uint64_t label, type, number, oneof;
    bool has_oneof, proto3_optional;
    options_t options;
    const char *extendee;
} raw_field_t;

static schloss_rc read_field_parts(pb_loader_t *l, bytes_t b, pb_field_t *f, raw_field_t *raw) {
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        bool len = w.type == WIRE_LEN, num = w.type == WIRE_VARINT;
        if (w.number == 1 && len) {
            TRY(take_name(l, w.data, &f->name));
        } else if (w.number == 2 && len) {
            ENSURE(w.data.len <= PB_NAME_MAX, l->err, LIMIT_EXCEEDED, "%s: a type name has more than %u characters",
                   l->file, PB_NAME_MAX);
            TRY(take_text(l, w.data, &raw->extendee));
        } else if (w.number == 3 && num) {
            raw->number = w.value;
        } else if (w.number == 4 && num) {
            raw->label = w.value;
        } else if (w.number == 5 && num) {
            raw->type = w.value;
        } else if (w.number == 6 && len) {
            ENSURE(w.data.len <= PB_NAME_MAX, l->err, LIMIT_EXCEEDED, "%s: a type name has more than %u characters",
                   l->file, PB_NAME_MAX);
            TRY(take_text(l, w.data, &f->type_name));
        } else if (w.number == 8 && len) {
            TRY(keep_options(l, &raw->options, w.data));
        } else if (w.number == 9 && num) {
            raw->oneof = w.value;
            raw->has_oneof = true;
        } else if (w.number == 10 && len) {
            TRY(take_text(l, w.data, &f->json_name));
        } else if (w.number == 17 && num) {
            raw->proto3_optional = w.value != 0;
        }
    }
    return c.failed ? malformed(l, "a field is cut off") : SCHLOSS_OK;
}

static schloss_rc read_field(pb_loader_t *l, bytes_t b, const char *scope, size_t n_oneofs, pb_features_t features,
                             pb_field_t *f, const char **extendee) {
    raw_field_t raw = {.label = 1};
    size_t n_tags = 0;
    bool packed_set = false, packed = false;
    TRY(read_field_parts(l, b, f, &raw));
    if (f->name == NULL) {
        return malformed(l, "a field has no name");
    }
    TRY(join(l, scope, f->name, &f->full_name));
    ENSURE(raw.number >= 1 && raw.number <= WIRE_MAX_NUMBER, l->err, SCHEMA_PARSE, "%s: %s has a number out of range",
           l->file, f->full_name);
    ENSURE(raw.label >= 1 && raw.label <= 3 && raw.type <= PB_SINT64 && (raw.type != 0 || f->type_name != NULL), l->err,
           SCHEMA_PARSE, "%s: %s has no type or label that exists", l->file, f->full_name);
    ENSURE(!raw.has_oneof || raw.oneof < n_oneofs, l->err, SCHEMA_PARSE, "%s: %s belongs to a oneof that is missing",
           l->file, f->full_name);
    bool ok = true;
    for (size_t i = 0; ok && i < raw.options.n; i++) {
        cur_t c = cur_of(raw.options.part[i]);
        wire_field_t w;
        ok = count_tags(raw.options.part[i], &n_tags) && read_options_features(raw.options.part[i], 21, &features);
        while (ok && wire_next(&c, &w)) {
            if (w.number == 2 && w.type == WIRE_VARINT) {
                packed_set = true;
                packed = w.value != 0;
            }
            ENSURE(w.number != UNINTERPRETED || w.type != WIRE_LEN || !is_meta_by_name(w.data), l->err, SCHEMA_PARSE,
                   "%s: the option field_meta of %s is not interpreted, so its tags cannot be told", l->file,
                   f->full_name);
        }
    }
    if (!ok) {
        return malformed(l, "the options of a field are cut off");
    }
    if (n_tags > 0) {
        const char **tags = ARENA_ARRAY(&l->s->arena, const char *, n_tags);
        if (tags == NULL) {
            return pb_no_room(l);
        }
        for (size_t i = 0; i < raw.options.n; i++) {
            TRY(take_tags(l, raw.options.part[i], tags, &f->n_tags));
        }
        f->tags = tags;
    }
    f->number = (uint32_t)raw.number;
    f->type = (pb_type_t)raw.type;
    f->repeated = raw.label == 3;
    f->required = raw.label == 2 || features.presence == 3;
    f->oneof = raw.has_oneof && !raw.proto3_optional ? (int32_t)raw.oneof : -1;
    f->feature_presence = raw.has_oneof || raw.label == 2 || raw.extendee != NULL ? 1 : features.presence;
    f->extension = raw.extendee != NULL;
    f->packed = packed_set ? packed : features.repeated == 1;
    if (f->type == PB_MESSAGE && features.encoding == 2) {
        f->type = PB_GROUP;
    }
    *extendee = raw.extendee;
    if (f->json_name == NULL) {
        f->json_name = pb_json_name(&l->s->arena, f->name);
    }
    return f->json_name == NULL ? pb_no_room(l) : SCHLOSS_OK;
}

static schloss_rc read_extensions(pb_loader_t *l, bytes_t b, uint32_t number, const char *scope,
                                  pb_features_t features) {
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == number && w.type == WIRE_LEN) {
            pb_extension_t *x = ARENA_NEW(&l->s->arena, pb_extension_t);
            if (x == NULL) {
                return pb_no_room(l);
            }
            TRY(read_field(l, w.data, scope, 0, features, &x->field, &x->extendee));
            if (x->extendee == NULL) {
                return malformed(l, "an extension extends nothing");
            }
            x->scope = scope;
            x->next = l->extensions;
            l->extensions = x;
        }
    }
    return SCHLOSS_OK;
}

/* ---- enums and messages ---- */

static schloss_rc read_enum_value(pb_loader_t *l, bytes_t b, pb_enum_value_t *v) {
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 1 && w.type == WIRE_LEN) {
            TRY(take_name(l, w.data, &v->name));
        } else if (w.number == 2 && w.type == WIRE_VARINT) {
            v->number = (int32_t)(uint32_t)w.value;
        }
    }
    return c.failed || v->name == NULL ? malformed(l, "an enum value has no name") : SCHLOSS_OK;
}

static schloss_rc read_name(pb_loader_t *l, bytes_t b, const char **name) {
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 1 && w.type == WIRE_LEN) {
            TRY(take_name(l, w.data, name));
        }
    }
    return c.failed || *name == NULL ? malformed(l, "a declaration is cut off or has no name") : SCHLOSS_OK;
}

static int by_value(const void *a, const void *b) {
    const pb_enum_value_t *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : (x->order < y->order ? -1 : 1);
}

static schloss_rc read_enum(pb_loader_t *l, bytes_t b, const char *scope) {
    const char *name = NULL, *full = NULL;
    pb_enum_t *e = NULL;
    TRY(read_name(l, b, &name));
    TRY(join(l, scope, name, &full));
    TRY(pb_add_enum(l, full, &e));
    e->values = ARENA_ARRAY(&l->s->arena, pb_enum_value_t, count(b, 2) + 1);
    if (e->values == NULL) {
        return pb_no_room(l);
    }
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 2 && w.type == WIRE_LEN) {
            e->values[e->n_values].order = (uint32_t)e->n_values;
            TRY(read_enum_value(l, w.data, &e->values[e->n_values++]));
        }
    }
    qsort(e->values, e->n_values, sizeof(*e->values), by_value);
    return SCHLOSS_OK;
}

static bool read_message_options(bytes_t options, pb_message_t *m, pb_features_t *features) {
    cur_t c = cur_of(options);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 7 && w.type == WIRE_VARINT) {
            m->map_entry = w.value != 0;
        }
    }
    return !c.failed && read_options_features(options, 12, features);
}

static schloss_rc read_message(pb_loader_t *l, bytes_t b, const char *scope, pb_features_t features,
                               pb_message_t **out) {
    const char *name = NULL, *full = NULL, *extendee = NULL;
    pb_message_t *m = NULL;
    TRY(read_name(l, b, &name));
    TRY(join(l, scope, name, &full));
    TRY(pb_add_message(l, full, &m));
    m->fields = ARENA_ARRAY(&l->s->arena, pb_field_t, count(b, 2) + 1);
    m->nested = ARENA_ARRAY(&l->s->arena, pb_message_t *, count(b, 3) + 1);
    m->n_oneofs = count(b, 8);
    if (m->fields == NULL || m->nested == NULL) {
        return pb_no_room(l);
    }
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 7 && w.type == WIRE_LEN && !read_message_options(w.data, m, &features)) {
            return malformed(l, "the options of a message are cut off");
        }
    }
    c = cur_of(b);
    while (wire_next(&c, &w)) {
        if (w.type != WIRE_LEN) {
            continue;
        }
        if (w.number == 2) {
            TRY(read_field(l, w.data, full, m->n_oneofs, features, &m->fields[m->n_fields++], &extendee));
            if (extendee != NULL) {
                return malformed(l, "a field of a message extends another message");
            }
        } else if (w.number == 3) {
            TRY(read_message(l, w.data, full, features, &m->nested[m->n_nested++]));
        } else if (w.number == 4) {
            TRY(read_enum(l, w.data, full));
        }
    }
    TRY(read_extensions(l, b, 6, full, features));
    *out = m;
    return SCHLOSS_OK;
}

/* ---- files ---- */

/* Name, package, syntax, features: what rules the rest. */
static schloss_rc read_head(pb_loader_t *l, bytes_t b, const char **package, pb_features_t *features) {
    bool proto3 = false, editions = false;
    bytes_t options[4];
    size_t n_options = 0;
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 1 && w.type == WIRE_LEN) {
            TRY(take_text(l, w.data, &l->file));
        } else if (w.number == 2 && w.type == WIRE_LEN) {
            TRY(take_package(l, w.data, package));
        } else if (w.number == 8 && w.type == WIRE_LEN && n_options < COUNT_OF(options)) {
            options[n_options++] = w.data;
        } else if (w.number == 12 && w.type == WIRE_LEN) {
            proto3 = w.data.len == 6 && memcmp(w.data.ptr, "proto3", 6) == 0;
            editions = w.data.len == 8 && memcmp(w.data.ptr, "editions", 8) == 0;
            ENSURE(proto3 || editions || w.data.len == 0 || (w.data.len == 6 && memcmp(w.data.ptr, "proto2", 6) == 0),
                   l->err, SCHEMA_PARSE, "%s: syntax \"%.*s\" is not known", l->file,
                   (int)(w.data.len > 40 ? 40 : w.data.len), (const char *)w.data.ptr);
        } else if (w.number == 14 && w.type == WIRE_VARINT) {
            editions = editions || w.value >= EDITION_2023;
        }
    }
    if (c.failed) {
        return malformed(l, "it is cut off or not a FileDescriptorProto");
    }
    *features = (pb_features_t){.presence = proto3 ? 2 : 1, .repeated = proto3 || editions ? 1 : 2, .encoding = 1};
    for (size_t i = 0; i < n_options; i++) {
        if (!read_options_features(options[i], 50, features)) {
            return malformed(l, "the options of the file are cut off");
        }
    }
    return SCHLOSS_OK;
}

schloss_rc pb_load_file(pb_loader_t *l, bytes_t b, bool roots) {
    const char *package = "";
    pb_features_t features;
    pb_message_t **messages = ARENA_ARRAY(&l->s->arena, pb_message_t *, count(b, 4) + 1);
    size_t n = 0;
    if (messages == NULL) {
        return pb_no_room(l);
    }
    TRY(read_head(l, b, &package, &features));
    const char *file = l->file;
    if (roots && map_get(l->files, bytes_str(file)) == NULL) { /* an import of itself is a cycle */
        ENSURE(map_put(l->files, bytes_str(file), &loading), l->err, NO_MEMORY, "out of memory");
    }
    cur_t c = cur_of(b);
    wire_field_t w;
    while (wire_next(&c, &w)) {
        if (w.number == 3 && w.type == WIRE_LEN) {
            const char *name = NULL;
            TRY(take_text(l, w.data, &name));
            TRY(pb_load_import(l, name));
            l->file = file;
        }
    }
    c = cur_of(b);
    while (wire_next(&c, &w)) {
        if (w.number == 4 && w.type == WIRE_LEN) {
            TRY(read_message(l, w.data, package, features, &messages[n++]));
        } else if (w.number == 5 && w.type == WIRE_LEN) {
            TRY(read_enum(l, w.data, package));
        }
    }
    TRY(read_extensions(l, b, 7, package, features));
    if (roots) {
        l->s->roots = messages;
        l->s->n_roots = n;
    }
    return SCHLOSS_OK;
}

static schloss_rc load_reference(pb_loader_t *l, const pb_ref_t *ref) {
    size_t n = 0;
    ENSURE(ref->len <= LIMIT_SCHEMA_BYTES, l->err, LIMIT_EXCEEDED, "%s has %zu bytes; the limit is %zu", ref->name,
           ref->len, LIMIT_SCHEMA_BYTES);
    uint8_t *file = mem_alloc(ref->len / 4 * 3 + 6);
    ENSURE(file != NULL, l->err, NO_MEMORY, "out of memory");
    l->file = ref->name;
    schloss_rc rc =
        b64_decode(file, &n, (const uint8_t *)ref->text, ref->len)
            ? pb_load_file(l, bytes(file, n), false)
            : FAIL(l->err, SCHEMA_PARSE, "%s: the schema is not the base64 of a FileDescriptorProto", ref->name);
    mem_free(file);
    return rc;
}

schloss_rc pb_load_import(pb_loader_t *l, const char *name) {
    bytes_t key = bytes_str(name);
    bool known = false;
    const int *state = map_get(l->files, key);
    ENSURE(state != &loading, l->err, SCHEMA_PARSE, "%s: import \"%s\" leads back to itself", l->file, name);
    if (state != NULL) {
        return SCHLOSS_OK;
    }
    ENSURE(++l->depth <= LIMIT_SCHEMA_REFS, l->err, LIMIT_EXCEEDED, "imports nest deeper than LIMIT_SCHEMA_REFS (%u)",
           LIMIT_SCHEMA_REFS);
    ENSURE(map_put(l->files, key, &loading), l->err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < l->n_refs && !known; i++) {
        if (strcmp(l->refs[i].name, name) == 0) {
            known = true;
            TRY(load_reference(l, &l->refs[i]));
        }
    }
    if (!known) {
        TRY(pb_load_builtin(l, name, &known));
    }
    if (!known) {
        schloss_rc rc = FAIL(l->err, SCHEMA_PARSE, "%s: import \"%s\" is missing", l->file, name);
        err_hint(l->err, "register the schema with a reference of that name");
        return rc;
    }
    l->depth--;
    return map_put(l->files, key, &loaded) ? SCHLOSS_OK : NO_MEMORY(l->err);
}
