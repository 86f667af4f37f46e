/* Google's credentials files: service_account, authorized_user, and external_account with a token in a file. */
#include "kms/gcp/gcp.h"

#define CREDS_MAX ((size_t)64 * 1024)
#define MEMBERS_MAX 12u

static schloss_rc bad(const kms_key_t *key, schloss_error_t *err, const char *what, const char *name) {
    return rest_fail(key, SCHLOSS_E_KMS_CREDENTIALS, 0, "",
                     "use a service account's JSON key, gcloud's login, or a workload identity with a token file", err,
                     "the Google credentials %s %s", what, name);
}

/* Where a member's text begins in the buffer, which may still move; 0 = absent (offset 0 is never a text's). */
static schloss_rc take(const kms_key_t *key, json_span_t o, const char *name, bool required, buf_t *text, size_t *at,
                       schloss_error_t *err) {
    json_span_t v;
    *at = 0;
    bool there = json_member(o, name, &v) && v.kind == JSON_T_STRING && v.len > 2;
    if (!there) {
        return required ? bad(key, err, "lack the text", name) : SCHLOSS_OK;
    }
    size_t before = text->len;
    schloss_error_t why = {0};
    schloss_rc rc = json_str_decode(v, text, &why);
    if (rc == SCHLOSS_E_NO_MEMORY) {
        err_copy(err, &why);
        return rc;
    }
    if (rc != SCHLOSS_OK || memchr(text->ptr + before, 0, text->len - before) != NULL) {
        return bad(key, err, "have a malformed text", name);
    }
    buf_put_u8(text, 0);
    *at = before;
    return buf_check(text, err);
}

typedef struct wish {
    const char *name;
    const char **to;
    bool required, is_url;
} wish_t;

/* Fills all wishes from o; pointers are set once the buffer stands still. */
static schloss_rc take_all(const kms_key_t *key, json_span_t o, const wish_t *wishes, size_t n, size_t *at,
                           gcp_creds_t *c, schloss_error_t *err) {
    for (size_t i = 0; i < n; i++) {
        TRY(take(key, o, wishes[i].name, wishes[i].required, &c->text, &at[i], err));
    }
    for (size_t i = 0; i < n; i++) {
        const char *s = at[i] == 0 ? NULL : (const char *)c->text.ptr + at[i];
        if (s != NULL && wishes[i].is_url && !rest_url_is_safe(s)) {
            return bad(key, err, "have a URL that is not https:", wishes[i].name);
        }
        *wishes[i].to = s;
    }
    return SCHLOSS_OK;
}

static schloss_rc read_account(const kms_key_t *key, json_span_t root, gcp_creds_t *c, schloss_error_t *err) {
    const wish_t wishes[] = {{"client_email", &c->client_email, true, false},
                             {"private_key_id", &c->private_key_id, true, false},
                             {"private_key", &c->private_key, true, false}};
    size_t at[MEMBERS_MAX];
    return take_all(key, root, wishes, COUNT_OF(wishes), at, c, err);
}

static schloss_rc read_user(const kms_key_t *key, json_span_t root, gcp_creds_t *c, schloss_error_t *err) {
    const wish_t wishes[] = {{"client_id", &c->client_id, true, false},
                             {"client_secret", &c->client_secret, true, false},
                             {"refresh_token", &c->refresh_token, true, false},
                             {"token_uri", &c->token_uri, false, true}};
    size_t at[MEMBERS_MAX];
    return take_all(key, root, wishes, COUNT_OF(wishes), at, c, err);
}

/* The text members lie in three objects, but pointers into the buffer are only good once all are read: so offsets of
 * all three are kept, and the two inner ones are read first into the same buffer. */
static schloss_rc read_external(const kms_key_t *key, json_span_t root, gcp_creds_t *c, schloss_error_t *err) {
    json_span_t source, format;
    if (!rest_member(root, "credential_source", &source)) {
        return bad(key, err, "lack the object", "credential_source");
    }
    size_t file = 0;
    size_t type = 0;
    size_t field = 0;
    TRY(take(key, source, "file", true, &c->text, &file, err));
    if (rest_member(source, "format", &format)) {
        TRY(take(key, format, "type", false, &c->text, &type, err));
        TRY(take(key, format, "subject_token_field_name", false, &c->text, &field, err));
    }
    const wish_t wishes[] = {{"audience", &c->audience, true, false},
                             {"subject_token_type", &c->subject_token_type, true, false},
                             {"token_url", &c->token_uri, true, true},
                             {"service_account_impersonation_url", &c->impersonation_url, false, true}};
    size_t at[MEMBERS_MAX];
    TRY(take_all(key, root, wishes, COUNT_OF(wishes), at, c, err));
    const char *base = (const char *)c->text.ptr;
    c->file = base + file;
    bool is_json = type != 0 && strcmp(base + type, "json") == 0;
    if (is_json && field == 0) {
        return bad(key, err, "lack the text", "subject_token_field_name");
    }
    c->field = is_json ? base + field : NULL;
    return SCHLOSS_OK;
}

schloss_rc gcp_creds_read(const kms_key_t *key, bytes_t text, gcp_creds_t *out, schloss_error_t *err) {
    static const char *const kinds[] = {"service_account", "authorized_user", "external_account"};
    memset(out, 0, sizeof *out);
    buf_init(&out->text, CREDS_MAX, "Google credentials", true);
    buf_put_u8(&out->text, 0); /* offset 0 means absent */
    TRY(buf_check(&out->text, err));
    json_span_t root;
    char type[64];
    if (json_scan_depth(&root, (const char *)text.ptr, text.len, 16, NULL) != SCHLOSS_OK ||
        root.kind != JSON_T_OBJECT) {
        return bad(key, err, "are no", "JSON object");
    }
    rest_said(root, "type", type, sizeof type);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(type, kinds[i]) == 0) {
            out->kind = (gcp_kind_t)i;
            return i == GCP_ACCOUNT ? read_account(key, root, out, err)
                   : i == GCP_USER  ? read_user(key, root, out, err)
                                    : read_external(key, root, out, err);
        }
    }
    return bad(key, err, "are of a type that this driver does not have:", type[0] != '\0' ? type : "none");
}

void gcp_creds_clear(gcp_creds_t *c) {
    buf_clear(&c->text);
    memset(c, 0, sizeof *c);
}
