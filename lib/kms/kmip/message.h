/* KMIP messages 1.0 to 1.4: one operation per request, and what comes back. Control-plane 6.3 and 6.4. */
#ifndef KMS_KMIP_MESSAGE_H
#define KMS_KMIP_MESSAGE_H

#include "kms/kmip/ttlv.h"

enum kmip_operation {
    KMIP_GET = 0x0a,
    KMIP_GET_ATTRIBUTES = 0x0b,
    KMIP_DISCOVER_VERSIONS = 0x1e,
    KMIP_ENCRYPT = 0x1f,
    KMIP_DECRYPT = 0x20,
};

enum kmip_reason {
    KMIP_NO_REASON = 0,
    KMIP_ITEM_NOT_FOUND = 0x01,
    KMIP_TOO_LARGE = 0x02,
    KMIP_NOT_AUTHENTICATED = 0x03,
    KMIP_INVALID_MESSAGE = 0x04,
    KMIP_NOT_SUPPORTED = 0x05,
    KMIP_INVALID_FIELD = 0x07,
    KMIP_FEATURE_NOT_SUPPORTED = 0x08,
    KMIP_CRYPTOGRAPHIC_FAILURE = 0x0a,
    KMIP_ILLEGAL_OPERATION = 0x0b,
    KMIP_PERMISSION_DENIED = 0x0c,
    KMIP_ARCHIVED = 0x0d,
    KMIP_KEY_FORMAT = 0x10,
    KMIP_UNSUPPORTED_VERSION = 0x3f,
    KMIP_WRONG_STATE = 0x43,
    KMIP_GENERAL_FAILURE = 0x100,
};

enum kmip_state {
    KMIP_PRE_ACTIVE = 1,
    KMIP_ACTIVE = 2,
    KMIP_DEACTIVATED = 3,
    KMIP_COMPROMISED = 4,
    KMIP_DESTROYED = 5,
    KMIP_DESTROYED_COMPROMISED = 6,
};

enum kmip_usage { KMIP_USE_ENCRYPT = 0x04, KMIP_USE_DECRYPT = 0x08, KMIP_USE_WRAP = 0x10, KMIP_USE_UNWRAP = 0x20 };

enum kmip_cipher_mode { KMIP_CBC = 1, KMIP_GCM = 9 };

#define KMIP_SYMMETRIC_KEY 2u
#define KMIP_AES 3u

/* What stands at the head of each request. */
typedef struct kmip_head {
    uint32_t minor;                  /* version 1.minor */
    const char *username, *password; /* NULL: the client certificate says who asks */
} kmip_head_t;

/* Each writes a whole message to out (appended). */
void kmip_discover(buf_t *out, const kmip_head_t *head);
void kmip_get(buf_t *out, const kmip_head_t *head, const char *uid);
/* State only, or what kmip_attributes_read() knows. */
void kmip_get_attributes(buf_t *out, const kmip_head_t *head, const char *uid, bool state_only);

typedef struct kmip_crypt {
    enum kmip_cipher_mode mode; /* GCM: tag of 16 bytes; CBC: PKCS5 padding */
    bytes_t data, iv;
    bytes_t aad; /* left out when empty */
    bytes_t tag; /* Decrypt with GCM */
} kmip_crypt_t;

void kmip_crypt(buf_t *out, const kmip_head_t *head, enum kmip_operation op, const char *uid, const kmip_crypt_t *c);

/* ---- answers ---- */

typedef struct kmip_reply {
    bool ok;
    uint32_t status, reason; /* of a failure */
    char text[160];          /* the server's words, cleaned */
    bytes_t payload;         /* children of the response payload; may be empty */
} kmip_reply_t;

/* Views are borrowed from msg. NULL when it is an answer to op, else what is wrong with it. */
const char *kmip_reply_read(kmip_reply_t *out, bytes_t msg, enum kmip_operation op);

/* Bit m: the server speaks 1.m. *newer: it speaks 2.0 or later. False: the answer has no version in it. */
bool kmip_versions_read(bytes_t payload, uint32_t *minors, bool *newer);
/* Does the payload speak of object uid? */
bool kmip_uid_is(bytes_t payload, const char *uid);

typedef struct kmip_attributes {
    uint32_t state, algorithm, bits, usage, object_type; /* 0: not told */
} kmip_attributes_t;

void kmip_attributes_read(kmip_attributes_t *out, bytes_t payload);
/* The key's bytes in the answer of Get; false: no raw symmetric key. */
bool kmip_key_read(bytes_t payload, bytes_t *material);

typedef struct kmip_crypted {
    bytes_t data, iv, tag; /* empty: not there */
} kmip_crypted_t;

void kmip_crypted_read(kmip_crypted_t *out, bytes_t payload);

#endif
