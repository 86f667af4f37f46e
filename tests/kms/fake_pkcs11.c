/* A PKCS#11 module for tests: one token "fake" (PIN 1234) with one AES key "kek" (id 01), AES-GCM by XOR with a fixed
 * tag, AES key wrap by XOR. FAKE_P11 names what it does wrong:
 *
 *   crash-init hang-init init-0xNN       C_Initialize
 *   slots-many slots-0xNN none two       C_GetSlotList: more than there can be; an error; no token; two alike
 *   locked final expired login-0xNN      the PIN
 *   find-many find-0xNN keys-two no-key  C_FindObjects
 *   rsa no-decrypt wrap-only             the key
 *   no-mechanism no-gcm                  the token
 *   crash hang long short encrypt-0xNN   C_Encrypt, C_WrapKey; C_Decrypt, C_UnwrapKey
 *   value-long zero-key                  what C_GetAttributeValue says of an unwrapped key
 *   stdout                               writes to standard output, and to the descriptor of the helper */
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAG_LEN 16u
#define KEY 7UL
#define TEMPORARY 8UL

static unsigned char temporary[512];
static unsigned long temporary_len;
static int is_open;

static int fault(const char *name) {
    const char *f = getenv("FAKE_P11");
    return f != NULL && strcmp(f, name) == 0;
}

/* "NAME-0xNN": that answer. */
static CK_RV answer(const char *name) {
    const char *f = getenv("FAKE_P11");
    size_t n = strlen(name);
    return f != NULL && strncmp(f, name, n) == 0 && strncmp(f + n, "-0x", 3) == 0 ? strtoul(f + n + 1, NULL, 16)
                                                                                  : CKR_OK;
}

static void misbehave(const char *crash, const char *hang) {
    if (fault(crash)) {
        abort();
    }
    while (fault(hang)) {
        sleep(1);
    }
}

static void pad(unsigned char *to, size_t n, const char *text) {
    memset(to, ' ', n);
    memcpy(to, text, strlen(text));
}

static CK_RV initialize(void *args) {
    (void)args;
    misbehave("crash-init", "hang-init");
    return answer("init");
}

static CK_RV get_slot_list(unsigned char token_present, CK_SLOT_ID *slots, unsigned long *n) {
    (void)token_present;
    if (answer("slots") != CKR_OK) {
        return answer("slots");
    }
    unsigned long have = fault("none") ? 0 : fault("two") ? 2 : 1;
    for (unsigned long i = 0; i < have && i < *n; i++) {
        slots[i] = 3 + i;
    }
    *n = fault("slots-many") ? 1000000 : have;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info) {
    (void)slot;
    memset(info, 0, sizeof *info);
    pad(info->slotDescription, sizeof info->slotDescription, "a slot");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Schloss tests");
    return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
    (void)slot;
    memset(info, 0, sizeof *info);
    pad(info->label, sizeof info->label, "fake");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Schloss tests");
    pad(info->model, sizeof info->model, "v1");
    pad(info->serialNumber, sizeof info->serialNumber, "4711");
    info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    info->flags |= fault("locked") ? CKF_USER_PIN_LOCKED : fault("final") ? CKF_USER_PIN_FINAL_TRY : 0;
    return CKR_OK;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info) {
    (void)slot;
    memset(info, 0, sizeof *info);
    if (type == CKM_AES_GCM && !fault("no-mechanism") && !fault("no-gcm")) {
        info->flags = CKF_ENCRYPT | CKF_DECRYPT;
        return CKR_OK;
    }
    if (type == CKM_AES_KEY_WRAP && !fault("no-mechanism")) {
        info->flags = CKF_WRAP | CKF_UNWRAP;
        return CKR_OK;
    }
    return CKR_MECHANISM_INVALID;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *out) {
    (void)slot, (void)flags, (void)application, (void)notify;
    if (answer("session") != CKR_OK) {
        return answer("session");
    }
    is_open++;
    *out = 1;
    return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session) {
    (void)session;
    is_open--;
    return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, unsigned long n) {
    (void)session, (void)user;
    if (fault("expired")) {
        return CKR_PIN_EXPIRED;
    }
    if (answer("login") != CKR_OK) {
        return answer("login");
    }
    return n == 4 && memcmp(pin, "1234", 4) == 0 ? CKR_OK : CKR_PIN_INCORRECT;
}

static int matches;

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, unsigned long n) {
    (void)session;
    matches = fault("no-key") ? 0 : fault("keys-two") ? 2 : 1;
    for (unsigned long i = 0; i < n; i++) {
        if (wanted[i].type == CKA_LABEL && (wanted[i].ulValueLen != 3 || memcmp(wanted[i].pValue, "kek", 3) != 0)) {
            matches = 0;
        }
        if (wanted[i].type == CKA_ID && (wanted[i].ulValueLen != 1 || *(unsigned char *)wanted[i].pValue != 1)) {
            matches = 0;
        }
    }
    return CKR_OK;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out, unsigned long max, unsigned long *n) {
    (void)session;
    for (int i = 0; i < matches && (unsigned long)i < max; i++) {
        out[i] = KEY;
    }
    *n = fault("find-many") ? 4711 : (unsigned long)matches;
    return answer("find");
}

static CK_RV find_final(CK_SESSION_HANDLE session) {
    (void)session;
    return CKR_OK;
}

static CK_RV put(CK_ATTRIBUTE *a, const void *value, unsigned long n) {
    if (a->ulValueLen < n) {
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(a->pValue, value, n);
    a->ulValueLen = n;
    return CKR_OK;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, unsigned long n) {
    (void)session, (void)n;
    unsigned char flag = 0;
    CK_KEY_TYPE type = fault("rsa") ? CKK_RSA : CKK_AES;
    switch (a->type) {
    case CKA_KEY_TYPE:
        return put(a, &type, sizeof type);
    case CKA_ENCRYPT:
        flag = !fault("wrap-only");
        return put(a, &flag, 1);
    case CKA_DECRYPT:
        flag = !fault("no-decrypt") && !fault("wrap-only");
        return put(a, &flag, 1);
    case CKA_WRAP:
    case CKA_UNWRAP:
        flag = !fault("no-decrypt");
        return put(a, &flag, 1);
    case CKA_VALUE:
        if (object != TEMPORARY) {
            return CKR_ATTRIBUTE_SENSITIVE;
        }
        if (fault("value-long")) {
            a->ulValueLen = 1UL << 40;
            return CKR_OK;
        }
        if (fault("zero-key")) {
            memset(temporary, 0, sizeof temporary);
        }
        return put(a, temporary, temporary_len);
    default:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
}

static CK_RV crypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE key) {
    (void)session;
    return key == KEY && m->mechanism == CKM_AES_GCM ? CKR_OK : CKR_MECHANISM_INVALID;
}

static void mix(unsigned char *to, const unsigned char *from, unsigned long n) {
    for (unsigned long i = 0; i < n; i++) {
        to[i] = (unsigned char)(from[i] ^ 0x5a);
    }
}

static CK_RV result(unsigned long *n, unsigned long right) {
    *n = fault("long") ? 1UL << 40 : fault("short") ? 3 : right;
    return CKR_OK;
}

static CK_RV encrypt(CK_SESSION_HANDLE session, unsigned char *in, unsigned long len, unsigned char *out,
                     unsigned long *n) {
    (void)session;
    misbehave("crash", "hang");
    if (fault("stdout")) {
        (void)!write(1, "noise\n", 6);
        (void)!write(3, "noise noise noise noise", 23);
    }
    if (answer("encrypt") != CKR_OK) {
        return answer("encrypt");
    }
    mix(out, in, len);
    memset(out + len, 't', TAG_LEN);
    return result(n, len + TAG_LEN);
}

static CK_RV decrypt(CK_SESSION_HANDLE session, unsigned char *in, unsigned long len, unsigned char *out,
                     unsigned long *n) {
    static const unsigned char tag[TAG_LEN] = "tttttttttttttttt";
    (void)session;
    misbehave("crash", "hang");
    if (answer("decrypt") != CKR_OK) {
        return answer("decrypt");
    }
    if (len < TAG_LEN || memcmp(in + len - TAG_LEN, tag, TAG_LEN) != 0) {
        return CKR_GENERAL_ERROR;
    }
    mix(out, in, len - TAG_LEN);
    return result(n, len - TAG_LEN);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *a, unsigned long n, CK_OBJECT_HANDLE *out) {
    (void)session;
    for (unsigned long i = 0; i < n; i++) {
        if (a[i].type == CKA_VALUE && a[i].ulValueLen <= sizeof temporary) {
            memcpy(temporary, a[i].pValue, a[i].ulValueLen);
            temporary_len = a[i].ulValueLen;
        }
    }
    *out = TEMPORARY;
    return answer("create");
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    (void)session, (void)object;
    return CKR_OK;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key,
                      unsigned char *out, unsigned long *n) {
    (void)session, (void)m, (void)by, (void)key;
    misbehave("crash", "hang");
    mix(out, temporary, temporary_len);
    memset(out + temporary_len, 'w', 8);
    return result(n, temporary_len + 8);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *m, CK_OBJECT_HANDLE by, unsigned char *in,
                        unsigned long len, CK_ATTRIBUTE *a, unsigned long n, CK_OBJECT_HANDLE *out) {
    (void)session, (void)m, (void)by, (void)a, (void)n;
    if (len < 8 || memcmp(in + len - 8, "wwwwwwww", 8) != 0) {
        return CKR_GENERAL_ERROR;
    }
    mix(temporary, in, len - 8);
    temporary_len = len - 8;
    *out = TEMPORARY;
    return CKR_OK;
}

/* Sessions opened and not closed, for tests. */
int fake_pkcs11_sessions(void);
__attribute__((visibility("default"))) int fake_pkcs11_sessions(void) {
    return is_open;
}

static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_Initialize = initialize,
    .C_GetSlotList = get_slot_list,
    .C_GetSlotInfo = get_slot_info,
    .C_GetTokenInfo = get_token_info,
    .C_GetMechanismInfo = get_mechanism_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_Login = login,
    .C_FindObjectsInit = find_init,
    .C_FindObjects = find,
    .C_FindObjectsFinal = find_final,
    .C_GetAttributeValue = get_attribute,
    .C_EncryptInit = crypt_init,
    .C_Encrypt = encrypt,
    .C_DecryptInit = crypt_init,
    .C_Decrypt = decrypt,
    .C_CreateObject = create_object,
    .C_DestroyObject = destroy_object,
    .C_WrapKey = wrap_key,
    .C_UnwrapKey = unwrap_key,
};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
    *list = &functions;
    return fault("no-list") ? CKR_GENERAL_ERROR : CKR_OK;
}
