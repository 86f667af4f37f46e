/* See record_name.h. */
#include "serde/record_name.h"
#include "codec/avro/schema.h"
#include "codec/json/load.h"
#include "codec/json/schema.h"
#include "codec/protobuf/schema.h"

static schloss_rc copy_name(const char *from, char **name, schloss_error_t *err) {
    *name = from == NULL ? NULL : mem_strdup(from);
    return from != NULL && *name == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

static schloss_rc avro_name(const sr_schema_t *sr, char **name, schloss_error_t *err) {
    avro_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (avro_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    avro_schema_t *avro = NULL;
    schloss_rc rc = avro_schema_parse(&avro, sr->text, strlen(sr->text), refs, sr->n_references, 0, err);
    if (rc == SCHLOSS_OK) {
        rc = copy_name(avro_schema_root(avro)->name, name, err);
        avro_schema_free(avro);
    }
    mem_free(refs);
    return rc;
}

static schloss_rc json_name(const sr_schema_t *sr, char **name, schloss_error_t *err) {
    json_schema_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (json_schema_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    json_schema_t *s = NULL;
    schloss_rc rc = json_schema_parse(&s, sr->text, strlen(sr->text), refs, sr->n_references, err);
    if (rc == SCHLOSS_OK) {
        rc = copy_name(json_schema_title(s), name, err);
        json_schema_free(s);
    }
    mem_free(refs);
    return rc;
}

static schloss_rc message_name(const char *text, const pb_ref_t *refs, size_t n_refs, const view_want_t *want,
                               char **name, schloss_error_t *err) {
    pb_schema_t *s = NULL;
    int32_t path[PB_INDEX_MAX];
    size_t n = 0;
    TRY(pb_schema_parse(&s, text, strlen(text), refs, n_refs, err));
    const pb_message_t *m = want->message == NULL && want->n_path > 0 ? pb_schema_message(s, want->path, want->n_path)
                                                                      : pb_schema_find(s, want->message, path, &n);
    schloss_rc rc = m == NULL ? FAIL(err, BAD_MESSAGE_INDEX, "the schema has not the message that is written or read")
                              : copy_name(pb_message_name(m), name, err);
    pb_schema_free(s);
    return rc;
}

static schloss_rc protobuf_name(const sr_schema_t *sr, const view_want_t *want, char **name, schloss_error_t *err) {
    pb_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (pb_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    schloss_rc rc = message_name(sr->text, refs, sr->n_references, want, name, err);
    mem_free(refs);
    return rc;
}

schloss_rc record_name_of(const sr_schema_t *sr, const view_want_t *want, char **name, schloss_error_t *err) {
    *name = NULL;
    return strcmp(sr->type, "AVRO") == 0       ? avro_name(sr, name, err)
           : strcmp(sr->type, "JSON") == 0     ? json_name(sr, name, err)
           : strcmp(sr->type, "PROTOBUF") == 0 ? protobuf_name(sr, want, name, err)
                                               : SCHLOSS_OK;
}

/* ---- a schema whose references are not at hand: its own text says the name ---- */

static schloss_rc name_in_json(const char *text, const char *type, char **name, schloss_error_t *err) {
    json_t *root = NULL;
    TRY(json_load(&root, "schema", text, strlen(text), err));
    bool avro = strcmp(type, "AVRO") == 0;
    const char *own = json_string_value(json_object_get(root, avro ? "name" : "title"));
    const char *space = avro ? json_string_value(json_object_get(root, "namespace")) : NULL;
    schloss_rc rc = SCHLOSS_OK;
    if (own != NULL && space != NULL && space[0] != '\0' && strchr(own, '.') == NULL) {
        *name = mem_printf("%s.%s", space, own);
        rc = *name == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    } else {
        rc = copy_name(own, name, err);
    }
    json_decref(root);
    return rc;
}

schloss_rc record_name_given(const handle_t *h, char **name, schloss_error_t *err) {
    *name = NULL;
    const char *type = h->schema_type == NULL ? "AVRO" : h->schema_type;
    if (h->record_name != NULL || h->message_name != NULL) {
        return copy_name(h->record_name != NULL ? h->record_name : h->message_name, name, err);
    }
    if (h->schema_text == NULL) {
        return SCHLOSS_OK;
    }
    if (strcmp(type, "PROTOBUF") != 0) {
        return name_in_json(h->schema_text, type, name, err);
    }
    view_want_t first = {.writing = true};
    return h->n_refs > 0 ? SCHLOSS_OK : message_name(h->schema_text, NULL, 0, &first, name, err);
}
