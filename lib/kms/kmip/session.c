/* The exchanges. Before anything is encrypted, decrypted or lent, State has been read: some servers answer "denied" for
 * a key that is switched off, and go on lending a key that is revoked. */
#include "kms/kmip/session.h"

#include "http/kmip_name.h"
#include "kms/kmip/fail.h"

schloss_rc kmip_session_open(kmip_session_t *s, const kms_key_t *key, io_t *io, bool is_wrap, schloss_error_t *err) {
    *s = (kmip_session_t){.key = key, .io = io, .is_wrap = is_wrap};
    TRY(kmip_profile_read(&s->profile, key, err));
    s->head.username = s->profile.username;
    s->head.password = s->profile.password;
    buf_init(&s->request, TTLV_MESSAGE_MAX, "KMIP request", true);
    return SCHLOSS_OK;
}

void kmip_session_close(kmip_session_t *s) {
    buf_clear(&s->request);
}

/* A failure that says nothing about the request: worth another try. Not for ciphers, where it means a wrong tag. */
static bool is_general_failure(int status, bytes_t body) {
    kmip_reply_t r;
    return status == 200 && kmip_reply_read(&r, body, KMIP_GET_ATTRIBUTES) == NULL && !r.ok &&
           r.reason == KMIP_GENERAL_FAILURE;
}

/* Sends the request that has been written. */
static schloss_rc ask(kmip_session_t *s, enum kmip_operation op, kmip_reply_t *reply, io_answer_t *answer,
                      schloss_error_t *err) {
    TRY(buf_check(&s->request, err));
    schloss_http_header_t name = {KMIP_SERVER_NAME, s->profile.server_name};
    io_call_t call = {
        .method = "POST",
        .path = s->profile.url,
        .body = buf_view(&s->request),
        .sensitive = true,
        .headers = &name,
        .n_headers = s->profile.server_name == NULL ? 0 : 1,
        .is_retriable = op == KMIP_GET_ATTRIBUTES ? is_general_failure : NULL,
    };
    struct schloss_error said = {0}; /* the code depends on its text, so it is there even if nobody wants it */
    schloss_rc rc = io_call(s->io, s->profile.svc, &call, answer, &said);
    if (rc < 0) {
        rc = kmip_io_failed(s, rc, &said);
        err_copy(err, &said);
    }
    TRY(rc);
    const char *wrong = kmip_reply_read(reply, answer->body, op);
    return wrong == NULL ? SCHLOSS_OK : kmip_bad_answer(s, kmip_operation_name(op), wrong, err);
}

/* ---- version ---- */

static schloss_rc choose_common(kmip_session_t *s, bytes_t payload, schloss_error_t *err) {
    uint32_t offered = 0;
    bool newer = false;
    if (!kmip_versions_read(payload, &offered, &newer)) {
        return kmip_bad_answer(s, "Discover Versions", "it names no version", err);
    }
    for (uint32_t m = KMIP_MINOR_MAX + 1; m-- > 0;) {
        if ((offered & s->profile.minors & (uint32_t)1 << m) != 0) {
            s->head.minor = m;
            return SCHLOSS_OK;
        }
    }
    return kmip_no_version(s, newer && offered == 0, err);
}

/* The same chain of questions in each run: from the highest version that is allowed down, until one is understood. */
static schloss_rc choose_version(kmip_session_t *s, schloss_error_t *err) {
    for (uint32_t m = KMIP_MINOR_MAX; m >= 1; m--) {
        if ((s->profile.minors & (uint32_t)1 << m) == 0) {
            continue;
        }
        kmip_reply_t reply;
        io_answer_t answer;
        s->head.minor = m;
        buf_reset(&s->request);
        kmip_discover(&s->request, &s->head);
        TRY(ask(s, KMIP_DISCOVER_VERSIONS, &reply, &answer, err));
        if (reply.ok) {
            return choose_common(s, reply.payload, err);
        }
        if (reply.reason == KMIP_NOT_SUPPORTED || reply.reason == KMIP_FEATURE_NOT_SUPPORTED) {
            break; /* a server of 1.0 */
        }
        if (reply.reason != KMIP_INVALID_MESSAGE && reply.reason != KMIP_UNSUPPORTED_VERSION &&
            reply.reason != KMIP_INVALID_FIELD) {
            return kmip_refused(s, KMIP_DISCOVER_VERSIONS, &reply, err);
        }
    }
    if ((s->profile.minors & 1) == 0) {
        return kmip_no_version(s, false, err);
    }
    s->head.minor = 0;
    return SCHLOSS_OK;
}

/* ---- attributes ---- */

static schloss_rc check_attributes(const kmip_session_t *s, schloss_error_t *err) {
    const kmip_attributes_t *a = &s->attributes;
    if (a->state == 0) {
        return kmip_bad_answer(s, "Get Attributes", "the State of the key is missing", err);
    }
    if (a->state != KMIP_ACTIVE) {
        return kmip_not_active(s, a->state, err);
    }
    if (a->object_type != 0 && a->object_type != KMIP_SYMMETRIC_KEY) {
        return kmip_wrong_type(s, "it is no symmetric key", err);
    }
    if (a->algorithm != KMIP_AES) {
        return kmip_wrong_type(s, a->algorithm == 0 ? "its algorithm is not told" : "it is no AES key", err);
    }
    if (a->bits != 0 && a->bits != 128 && a->bits != 192 && a->bits != 256) {
        return kmip_wrong_type(s, "its length is none of AES", err);
    }
    uint32_t need = s->is_wrap ? KMIP_USE_ENCRYPT | KMIP_USE_DECRYPT : KMIP_USE_DECRYPT;
    if (a->usage != 0 && (a->usage & need) != need) {
        return kmip_wrong_type(s, "its usage mask does not hold Encrypt and Decrypt", err);
    }
    return SCHLOSS_OK;
}

schloss_rc kmip_session_begin(kmip_session_t *s, schloss_error_t *err) {
    TRY(choose_version(s, err));
    kmip_reply_t reply;
    buf_reset(&s->request);
    kmip_get_attributes(&s->request, &s->head, s->profile.uid, false);
    TRY(ask(s, KMIP_GET_ATTRIBUTES, &reply, &s->anchor, err));
    if (!reply.ok) {
        return kmip_refused(s, KMIP_GET_ATTRIBUTES, &reply, err);
    }
    if (!kmip_uid_is(reply.payload, s->profile.uid)) {
        return kmip_answers_other_key(s, "Get Attributes", err);
    }
    kmip_attributes_read(&s->attributes, reply.payload);
    return check_attributes(s, err);
}

/* ---- use of the key ---- */

/* "Denied" may mean "not active any more": between the first look at State and now it may have changed. */
static schloss_rc refused_use(kmip_session_t *s, enum kmip_operation op, const kmip_reply_t *reply,
                              schloss_error_t *err) {
    if (reply->reason == KMIP_PERMISSION_DENIED || reply->reason == KMIP_WRONG_STATE ||
        reply->reason == KMIP_ILLEGAL_OPERATION) {
        kmip_reply_t look;
        io_answer_t answer;
        kmip_attributes_t now;
        buf_reset(&s->request);
        kmip_get_attributes(&s->request, &s->head, s->profile.uid, true);
        schloss_rc rc = ask(s, KMIP_GET_ATTRIBUTES, &look, &answer, err);
        if (rc > 0) {
            return rc;
        }
        if (rc == SCHLOSS_OK && look.ok && kmip_uid_is(look.payload, s->profile.uid)) {
            kmip_attributes_read(&now, look.payload);
            if (now.state != 0 && now.state != KMIP_ACTIVE) {
                return kmip_not_active(s, now.state, err);
            }
        }
    }
    return kmip_refused(s, op, reply, err);
}

schloss_rc kmip_session_crypt(kmip_session_t *s, enum kmip_operation op, const kmip_crypt_t *c, kmip_crypted_t *out,
                              schloss_error_t *err) {
    const char *name = kmip_operation_name(op);
    kmip_reply_t reply;
    io_answer_t answer;
    buf_reset(&s->request);
    kmip_crypt(&s->request, &s->head, op, s->profile.uid, c);
    TRY(ask(s, op, &reply, &answer, err));
    if (!reply.ok && (reply.reason == KMIP_NOT_SUPPORTED || reply.reason == KMIP_FEATURE_NOT_SUPPORTED)) {
        return SCHLOSS_E_UNSUPPORTED; /* the caller has another way */
    }
    if (!reply.ok) {
        return refused_use(s, op, &reply, err);
    }
    if (!kmip_uid_is(reply.payload, s->profile.uid)) {
        return kmip_answers_other_key(s, name, err);
    }
    kmip_crypted_read(out, reply.payload);
    if (out->data.len == 0) {
        return kmip_bad_answer(s, name, "it has no data in it", err);
    }
    if (op == KMIP_ENCRYPT && out->iv.len != 0 &&
        (out->iv.len != c->iv.len || memcmp(out->iv.ptr, c->iv.ptr, c->iv.len) != 0)) {
        return kmip_bad_answer(s, name, "the server has taken another IV than the one sent", err);
    }
    return SCHLOSS_OK;
}

schloss_rc kmip_session_get(kmip_session_t *s, bytes_t *out, schloss_error_t *err) {
    kmip_reply_t reply;
    io_answer_t answer;
    buf_reset(&s->request);
    kmip_get(&s->request, &s->head, s->profile.uid);
    TRY(ask(s, KMIP_GET, &reply, &answer, err));
    if (!reply.ok && (reply.reason == KMIP_NOT_SUPPORTED || reply.reason == KMIP_FEATURE_NOT_SUPPORTED ||
                      reply.reason == KMIP_KEY_FORMAT)) {
        return kmip_wrong_type(s, "the server neither encrypts with it nor lends its bytes", err);
    }
    if (!reply.ok) {
        return refused_use(s, KMIP_GET, &reply, err);
    }
    if (!kmip_uid_is(reply.payload, s->profile.uid)) {
        return kmip_answers_other_key(s, "Get", err);
    }
    if (!kmip_key_read(reply.payload, out)) {
        return kmip_bad_answer(s, "Get", "there is no raw symmetric key in it", err);
    }
    if (s->attributes.bits != 0 && out->len * 8 != s->attributes.bits) {
        return kmip_bad_answer(s, "Get", "the key has not the length that its attributes tell", err);
    }
    return SCHLOSS_OK;
}
