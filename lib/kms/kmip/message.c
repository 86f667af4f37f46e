/* KMIP messages. The order of fields is significant where we write and ignored where we read. */
#include "kms/kmip/message.h"

enum tag {
    TAG_ATTRIBUTE = 0x420008,
    TAG_ATTRIBUTE_NAME = 0x42000a,
    TAG_ATTRIBUTE_VALUE = 0x42000b,
    TAG_AUTHENTICATION = 0x42000c,
    TAG_BATCH_COUNT = 0x42000d,
    TAG_BATCH_ITEM = 0x42000f,
    TAG_BLOCK_CIPHER_MODE = 0x420011,
    TAG_CREDENTIAL = 0x420023,
    TAG_CREDENTIAL_TYPE = 0x420024,
    TAG_CREDENTIAL_VALUE = 0x420025,
    TAG_ALGORITHM = 0x420028,
    TAG_PARAMETERS = 0x42002b,
    TAG_IV = 0x42003d,
    TAG_KEY_BLOCK = 0x420040,
    TAG_KEY_FORMAT = 0x420042,
    TAG_KEY_MATERIAL = 0x420043,
    TAG_KEY_VALUE = 0x420045,
    TAG_OPERATION = 0x42005c,
    TAG_PADDING = 0x42005f,
    TAG_VERSION = 0x420069,
    TAG_VERSION_MAJOR = 0x42006a,
    TAG_VERSION_MINOR = 0x42006b,
    TAG_REQUEST_HEADER = 0x420077,
    TAG_REQUEST = 0x420078,
    TAG_REQUEST_PAYLOAD = 0x420079,
    TAG_RESPONSE_HEADER = 0x42007a,
    TAG_RESPONSE = 0x42007b,
    TAG_RESPONSE_PAYLOAD = 0x42007c,
    TAG_RESULT_TEXT = 0x42007d,
    TAG_RESULT_REASON = 0x42007e,
    TAG_RESULT_STATUS = 0x42007f,
    TAG_SYMMETRIC_KEY = 0x42008f,
    TAG_UID = 0x420094,
    TAG_USERNAME = 0x420099,
    TAG_PASSWORD = 0x4200a1,
    TAG_DATA = 0x4200c2,
    TAG_TAG_LENGTH = 0x4200ce,
    TAG_AAD = 0x4200fe,
    TAG_AE_TAG = 0x4200ff,
};

#define USERNAME_AND_PASSWORD 1u
#define PKCS5 3u
#define RAW 1u
#define GCM_TAG_LEN 16

/* ---- requests ---- */

typedef struct open_request {
    size_t message, item, payload;
} open_request_t;

static void put_authentication(buf_t *out, const kmip_head_t *head) {
    if (head->username == NULL) {
        return;
    }
    size_t authentication = ttlv_begin(out, TAG_AUTHENTICATION);
    size_t credential = ttlv_begin(out, TAG_CREDENTIAL);
    ttlv_put_enum(out, TAG_CREDENTIAL_TYPE, USERNAME_AND_PASSWORD);
    size_t value = ttlv_begin(out, TAG_CREDENTIAL_VALUE);
    ttlv_put_text(out, TAG_USERNAME, head->username);
    if (head->password != NULL) {
        ttlv_put_text(out, TAG_PASSWORD, head->password);
    }
    ttlv_end(out, value);
    ttlv_end(out, credential);
    ttlv_end(out, authentication);
}

static open_request_t request_begin(buf_t *out, const kmip_head_t *head, enum kmip_operation op) {
    open_request_t r;
    r.message = ttlv_begin(out, TAG_REQUEST);
    size_t header = ttlv_begin(out, TAG_REQUEST_HEADER);
    size_t version = ttlv_begin(out, TAG_VERSION);
    ttlv_put_int(out, TAG_VERSION_MAJOR, 1);
    ttlv_put_int(out, TAG_VERSION_MINOR, (int32_t)head->minor);
    ttlv_end(out, version);
    put_authentication(out, head);
    ttlv_put_int(out, TAG_BATCH_COUNT, 1);
    ttlv_end(out, header);
    r.item = ttlv_begin(out, TAG_BATCH_ITEM);
    ttlv_put_enum(out, TAG_OPERATION, (uint32_t)op);
    r.payload = ttlv_begin(out, TAG_REQUEST_PAYLOAD);
    return r;
}

static void request_end(buf_t *out, const open_request_t *r) {
    ttlv_end(out, r->payload);
    ttlv_end(out, r->item);
    ttlv_end(out, r->message);
}

void kmip_discover(buf_t *out, const kmip_head_t *head) {
    open_request_t r = request_begin(out, head, KMIP_DISCOVER_VERSIONS);
    request_end(out, &r);
}

void kmip_get(buf_t *out, const kmip_head_t *head, const char *uid) {
    open_request_t r = request_begin(out, head, KMIP_GET);
    ttlv_put_text(out, TAG_UID, uid);
    ttlv_put_enum(out, TAG_KEY_FORMAT, RAW);
    request_end(out, &r);
}

void kmip_get_attributes(buf_t *out, const kmip_head_t *head, const char *uid, bool state_only) {
    static const char *const names[] = {"State", "Cryptographic Algorithm", "Cryptographic Length",
                                        "Cryptographic Usage Mask", "Object Type"};
    open_request_t r = request_begin(out, head, KMIP_GET_ATTRIBUTES);
    ttlv_put_text(out, TAG_UID, uid);
    for (size_t i = 0; i < (state_only ? 1 : COUNT_OF(names)); i++) {
        ttlv_put_text(out, TAG_ATTRIBUTE_NAME, names[i]);
    }
    request_end(out, &r);
}

void kmip_crypt(buf_t *out, const kmip_head_t *head, enum kmip_operation op, const char *uid, const kmip_crypt_t *c) {
    open_request_t r = request_begin(out, head, op);
    ttlv_put_text(out, TAG_UID, uid);
    size_t parameters = ttlv_begin(out, TAG_PARAMETERS);
    ttlv_put_enum(out, TAG_BLOCK_CIPHER_MODE, (uint32_t)c->mode);
    if (c->mode == KMIP_CBC) {
        ttlv_put_enum(out, TAG_PADDING, PKCS5);
    }
    ttlv_put_enum(out, TAG_ALGORITHM, KMIP_AES);
    if (c->mode == KMIP_GCM) {
        ttlv_put_int(out, TAG_TAG_LENGTH, GCM_TAG_LEN);
    }
    ttlv_end(out, parameters);
    ttlv_put_bytes(out, TAG_DATA, c->data);
    ttlv_put_bytes(out, TAG_IV, c->iv);
    if (c->aad.len != 0) {
        ttlv_put_bytes(out, TAG_AAD, c->aad);
    }
    if (c->tag.len != 0) {
        ttlv_put_bytes(out, TAG_AE_TAG, c->tag);
    }
    request_end(out, &r);
}

/* ---- answers ---- */

static void read_failure(kmip_reply_t *out, bytes_t item) {
    ttlv_t t;
    out->reason = ttlv_find(item, TAG_RESULT_REASON, TTLV_ENUM, &t) ? ttlv_u32(&t) : KMIP_NO_REASON;
    if (ttlv_find(item, TAG_RESULT_TEXT, TTLV_TEXT, &t)) {
        err_clean_text(out->text, sizeof out->text, (const char *)t.value.ptr, t.value.len);
    }
}

const char *kmip_reply_read(kmip_reply_t *out, bytes_t msg, enum kmip_operation op) {
    *out = (kmip_reply_t){0};
    const char *wrong = ttlv_check(msg);
    if (wrong != NULL) {
        return wrong;
    }
    ttlv_t t;
    cur_t c = cur_of(msg);
    if (!ttlv_next(&c, &t) || t.tag != TAG_RESPONSE) {
        return "it is no KMIP response message";
    }
    bytes_t message = t.value;
    if (!ttlv_find(message, TAG_RESPONSE_HEADER, TTLV_STRUCTURE, &t)) {
        return "it has no response header";
    }
    if (!ttlv_find(t.value, TAG_BATCH_COUNT, TTLV_INTEGER, &t) || ttlv_u32(&t) != 1) {
        return "it does not say that it answers one request";
    }
    if (!ttlv_find(message, TAG_BATCH_ITEM, TTLV_STRUCTURE, &t)) {
        return "it has no batch item";
    }
    bytes_t item = t.value;
    if (!ttlv_find(item, TAG_RESULT_STATUS, TTLV_ENUM, &t)) {
        return "it has no result status";
    }
    out->status = ttlv_u32(&t);
    out->ok = out->status == 0;
    if (ttlv_find(item, TAG_OPERATION, TTLV_ENUM, &t) ? ttlv_u32(&t) != (uint32_t)op : out->ok) {
        return "it answers another operation";
    }
    if (!out->ok) {
        read_failure(out, item);
    } else if (ttlv_find(item, TAG_RESPONSE_PAYLOAD, TTLV_STRUCTURE, &t)) {
        out->payload = t.value;
    }
    return NULL;
}

bool kmip_versions_read(bytes_t payload, uint32_t *minors, bool *newer) {
    ttlv_t t, major, minor;
    cur_t c = cur_of(payload);
    bool any = false;
    *minors = 0;
    *newer = false;
    while (ttlv_next(&c, &t)) {
        if (t.tag != TAG_VERSION || t.type != TTLV_STRUCTURE ||
            !ttlv_find(t.value, TAG_VERSION_MAJOR, TTLV_INTEGER, &major) ||
            !ttlv_find(t.value, TAG_VERSION_MINOR, TTLV_INTEGER, &minor)) {
            continue;
        }
        any = true;
        if (ttlv_u32(&major) == 1 && ttlv_u32(&minor) < 32) {
            *minors |= (uint32_t)1 << ttlv_u32(&minor);
        }
        *newer = *newer || ttlv_u32(&major) >= 2;
    }
    return any;
}

bool kmip_uid_is(bytes_t payload, const char *uid) {
    ttlv_t t;
    return ttlv_find(payload, TAG_UID, TTLV_TEXT, &t) && t.value.len == strlen(uid) &&
           memcmp(t.value.ptr, uid, t.value.len) == 0;
}

static bool name_is(const ttlv_t *name, const char *text) {
    return name->value.len == strlen(text) && memcmp(name->value.ptr, text, name->value.len) == 0;
}

void kmip_attributes_read(kmip_attributes_t *out, bytes_t payload) {
    struct {
        const char *name;
        enum ttlv_type type;
        uint32_t *to;
    } const known[] = {
        {"State", TTLV_ENUM, &out->state},
        {"Cryptographic Algorithm", TTLV_ENUM, &out->algorithm},
        {"Cryptographic Length", TTLV_INTEGER, &out->bits},
        {"Cryptographic Usage Mask", TTLV_INTEGER, &out->usage},
        {"Object Type", TTLV_ENUM, &out->object_type},
    };
    *out = (kmip_attributes_t){0};
    ttlv_t t, name, value;
    cur_t c = cur_of(payload);
    while (ttlv_next(&c, &t)) {
        if (t.tag != TAG_ATTRIBUTE || t.type != TTLV_STRUCTURE ||
            !ttlv_find(t.value, TAG_ATTRIBUTE_NAME, TTLV_TEXT, &name)) {
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(known); i++) {
            if (name_is(&name, known[i].name) && ttlv_find(t.value, TAG_ATTRIBUTE_VALUE, known[i].type, &value)) {
                *known[i].to = ttlv_u32(&value);
            }
        }
    }
}

bool kmip_key_read(bytes_t payload, bytes_t *material) {
    ttlv_t t, format;
    if (!ttlv_find(payload, TAG_SYMMETRIC_KEY, TTLV_STRUCTURE, &t) ||
        !ttlv_find(t.value, TAG_KEY_BLOCK, TTLV_STRUCTURE, &t) ||
        !ttlv_find(t.value, TAG_KEY_FORMAT, TTLV_ENUM, &format) || ttlv_u32(&format) != RAW ||
        !ttlv_find(t.value, TAG_KEY_VALUE, TTLV_STRUCTURE, &t) ||
        !ttlv_find(t.value, TAG_KEY_MATERIAL, TTLV_BYTES, &t)) {
        return false;
    }
    *material = t.value;
    return true;
}

void kmip_crypted_read(kmip_crypted_t *out, bytes_t payload) {
    ttlv_t t;
    out->data = ttlv_find(payload, TAG_DATA, TTLV_BYTES, &t) ? t.value : bytes(NULL, 0);
    out->iv = ttlv_find(payload, TAG_IV, TTLV_BYTES, &t) ? t.value : bytes(NULL, 0);
    out->tag = ttlv_find(payload, TAG_AE_TAG, TTLV_BYTES, &t) ? t.value : bytes(NULL, 0);
}
