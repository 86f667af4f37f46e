/* Printing. Tables measure their columns first; widths count code points, which is right for what registries hold. */
#include "cli/out.h"
#include "base/mem.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MAX_COLUMNS 16u

out_form_t out_form(const char *name) {
    if (name != NULL && strcmp(name, "json") == 0) {
        return OUT_JSON;
    }
    return name != NULL && strcmp(name, "yaml") == 0 ? OUT_YAML : OUT_HUMAN;
}

bool out_is_colored(FILE *f) {
    const char *no_color = getenv("NO_COLOR");
    return (no_color == NULL || no_color[0] == '\0') && isatty(fileno(f)) == 1;
}

void out_clean(FILE *f, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0;
        if (c1) {
            i++;
        }
        (void)fputc(c < 0x20 || c == 0x7f || c1 ? '?' : c, f);
    }
}

void out_clean_lines(FILE *f, const char *s, size_t n) {
    for (const char *end = s + n; s < end;) {
        const char *stop = s;
        while (stop < end && *stop != '\n' && *stop != '\t') {
            stop++;
        }
        out_clean(f, s, (size_t)(stop - s));
        if (stop < end) {
            (void)fputc(*stop++, f);
        }
        s = stop;
    }
}

/* ---- values ---- */

static const json_t *member_of(const json_t *v, const char *member) {
    if (!json_is_object(v)) {
        return v;
    }
    const json_t *direct = json_object_get(v, member);
    const char *dot = strchr(member, '.');
    if (direct != NULL || dot == NULL) {
        return direct;
    }
    char head[64];
    size_t n = (size_t)(dot - member);
    if (n >= sizeof(head)) {
        return NULL;
    }
    memcpy(head, member, n);
    head[n] = '\0';
    const json_t *next = json_object_get(v, head);
    return json_is_object(next) ? member_of(next, dot + 1) : NULL;
}

/* Text of a value for people; mem_free it. NULL when memory is out. */
static char *value_text(const json_t *v) {
    if (v == NULL || json_is_null(v)) {
        return mem_strdup("");
    }
    if (json_is_string(v)) {
        return mem_strndup(json_string_value(v), json_string_length(v));
    }
    if (json_is_boolean(v)) {
        return mem_strdup(json_is_true(v) ? "true" : "false");
    }
    if (json_is_integer(v)) {
        return mem_printf("%lld", (long long)json_integer_value(v));
    }
    if (json_is_real(v)) {
        return mem_printf("%.17g", json_real_value(v));
    }
    buf_t b; /* name=value, name=value; item, item */
    buf_init(&b, 1u << 20, "line", false);
    const char *name = NULL;
    json_t *item = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, name, item) {
        char *text = value_text(item);
        buf_printf(&b, "%s%s=%s", b.len != 0 ? ", " : "", name, text != NULL ? text : "");
        mem_free(text);
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        char *text = value_text(json_array_get(v, i));
        buf_printf(&b, "%s%s", i != 0 ? ", " : "", text != NULL ? text : "");
        mem_free(text);
    }
    char *joined = mem_strdup(buf_cstr(&b));
    buf_clear(&b);
    return joined;
}

/* Text of one member for people; times are milliseconds since 1970 in JSON. */
static char *member_text(const json_t *v, const char *member) {
    const json_t *value = member_of(v, member);
    if (strcmp(member, "ts") != 0 || !json_is_integer(value)) {
        return value_text(value);
    }
    json_int_t ms = json_integer_value(value);
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];
    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        return value_text(value);
    }
    return mem_strdup(text);
}

static size_t width_of(const char *s) {
    size_t n = 0;
    for (; *s != '\0'; s++) {
        n += ((unsigned char)*s & 0xc0) != 0x80;
    }
    return n;
}

static void put_padded(FILE *f, const char *s, size_t width, bool last) {
    out_clean(f, s, strlen(s));
    if (!last) {
        for (size_t n = width_of(s); n < width + 2; n++) {
            (void)fputc(' ', f);
        }
    }
}

/* ---- JSON and YAML ---- */

static int put_chunk(const char *chunk, size_t n, void *f) {
    return fwrite(chunk, 1, n, f) == n ? 0 : -1;
}

void out_json(FILE *f, const json_t *v, bool indent) {
    (void)json_dump_callback(v, put_chunk, f, JSON_ENCODE_ANY | (indent ? JSON_INDENT(2) : JSON_COMPACT));
    (void)fputc('\n', f);
}

/* A word that no reader of YAML takes for a truth value, a null or a number. */
static bool yaml_plain_key(const char *name) {
    static const char *const meanings[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (strcasecmp(name, meanings[i]) == 0) {
            return false;
        }
    }
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")] == '\0';
}

/* Strings are always quoted: a JSON string is a YAML string, and then no value can be taken for another type. */
static void yaml_value(FILE *f, const json_t *v, unsigned depth, bool in_list) {
    if (json_is_object(v) && json_object_size(v) != 0) {
        const char *name;
        json_t *item;
        bool first = true;
        json_object_foreach((json_t *)(uintptr_t)v, name, item) {
            if (!first || !in_list) {
                (void)fprintf(f, "%s%*s", first && depth == 0 ? "" : "\n", (int)(depth * 2), "");
            }
            first = false;
            json_t *key = json_string(name);
            bool plain = yaml_plain_key(name);
            if (plain || key == NULL) {
                (void)fputs(name, f);
            } else {
                (void)json_dump_callback(key, put_chunk, f, JSON_ENCODE_ANY);
            }
            json_decref(key);
            (void)fputc(':', f);
            bool block = (json_is_object(item) && json_object_size(item) != 0) ||
                         (json_is_array(item) && json_array_size(item) != 0);
            (void)fputs(block ? "" : " ", f);
            yaml_value(f, item, depth + 1, false);
        }
    } else if (json_is_array(v) && json_array_size(v) != 0) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (i != 0 || !in_list) {
                (void)fprintf(f, "%s%*s", i == 0 && depth == 0 ? "" : "\n", (int)(depth * 2), "");
            }
            (void)fputs("- ", f);
            yaml_value(f, json_array_get(v, i), depth + 1, true);
        }
    } else {
        (void)json_dump_callback(v, put_chunk, f, JSON_ENCODE_ANY | JSON_COMPACT);
    }
}

void out_yaml(FILE *f, const json_t *v) {
    yaml_value(f, v, 0, false);
    (void)fputc('\n', f);
}

/* ---- tables ---- */

void out_record(FILE *f, out_form_t form, const json_t *v, const out_column_t *columns, size_t n_columns) {
    if (form != OUT_HUMAN) {
        form == OUT_JSON ? out_json(f, v, true) : out_yaml(f, v);
        return;
    }
    size_t width = 0;
    for (size_t i = 0; i < n_columns; i++) {
        size_t w = width_of(columns[i].heading);
        width = w > width && member_of(v, columns[i].member) != NULL ? w : width;
    }
    for (size_t i = 0; i < n_columns; i++) {
        const json_t *value = member_of(v, columns[i].member);
        if (value == NULL || (json_is_object(value) && json_object_size(value) == 0)) {
            continue;
        }
        char *text = member_text(v, columns[i].member);
        put_padded(f, columns[i].heading, width, false);
        put_padded(f, text != NULL ? text : "", 0, true);
        (void)fputc('\n', f);
        mem_free(text);
    }
}

void out_table(FILE *f, out_form_t form, const json_t *list, const out_column_t *columns, size_t n_columns,
               const char *nothing) {
    if (form != OUT_HUMAN) {
        form == OUT_JSON ? out_json(f, list, true) : out_yaml(f, list);
        return;
    }
    if (json_array_size(list) == 0) {
        (void)fprintf(f, "%s\n", nothing);
        return;
    }
    size_t width[MAX_COLUMNS] = {0};
    n_columns = n_columns < MAX_COLUMNS ? n_columns : MAX_COLUMNS;
    for (size_t c = 0; c < n_columns; c++) {
        width[c] = width_of(columns[c].heading);
        for (size_t i = 0; i < json_array_size(list); i++) {
            char *text = member_text(json_array_get(list, i), columns[c].member);
            size_t w = text != NULL ? width_of(text) : 0;
            width[c] = w > width[c] ? w : width[c];
            mem_free(text);
        }
    }
    bool color = out_is_colored(f);
    (void)fputs(color ? "\x1b[1m" : "", f);
    for (size_t c = 0; c < n_columns; c++) {
        put_padded(f, columns[c].heading, width[c], c + 1 == n_columns);
    }
    (void)fputs(color ? "\x1b[0m\n" : "\n", f);
    for (size_t i = 0; i < json_array_size(list); i++) {
        for (size_t c = 0; c < n_columns; c++) {
            char *text = member_text(json_array_get(list, i), columns[c].member);
            put_padded(f, text != NULL ? text : "", width[c], c + 1 == n_columns);
            mem_free(text);
        }
        (void)fputc('\n', f);
    }
}

/* ---- errors ---- */

static void put_context(FILE *f, const char *what, const char *value) {
    if (value[0] != '\0') {
        (void)fprintf(f, "  %s: ", what);
        out_clean(f, value, strlen(value));
        (void)fputc('\n', f);
    }
}

void out_error(FILE *f, const schloss_error_t *err, bool detail) {
    bool color = out_is_colored(f);
    (void)fprintf(f, "%sschloss: ", color ? "\x1b[31m" : "");
    const char *message = schloss_error_message(err);
    message = message[0] != '\0' ? message : schloss_rc_text(schloss_error_code(err));
    out_clean(f, message, strlen(message));
    (void)fputs(color ? "\x1b[0m\n" : "\n", f);
    put_context(f, "hint", schloss_error_hint(err));
    put_context(f, "subject", schloss_error_subject(err));
    put_context(f, "field", schloss_error_field(err));
    put_context(f, "rule", schloss_error_rule(err));
    put_context(f, "kek", schloss_error_kek(err));
    put_context(f, "url", schloss_error_url(err));
    if (detail) {
        (void)fprintf(f, "  code: %s (%d)", schloss_rc_name(schloss_error_code(err)), (int)schloss_error_code(err));
        if (schloss_error_http_status(err) != 0) {
            (void)fprintf(f, ", HTTP %d", schloss_error_http_status(err));
        }
        if (schloss_error_rest_code(err) != 0) {
            (void)fprintf(f, ", error_code %d", schloss_error_rest_code(err));
        }
        (void)fputc('\n', f);
    }
    (void)fflush(f);
}
