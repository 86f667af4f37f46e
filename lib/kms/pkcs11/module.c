/* Loading. A module is never finalised nor unloaded: others in the process may use it, too, and some do not survive it.
 * One lock around loading and initialising; a fork takes it, so that a child never finds it taken. */
#include "kms/pkcs11/module.h"

#include "base/mem.h"
#include "kms/pkcs11/job.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MODULES_MAX 8u

typedef struct module {
    char *path;
    CK_FUNCTION_LIST *functions;
    pid_t pid; /* in which it is initialised */
} module_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool guarded;
static module_t modules[MODULES_MAX];
static size_t n_modules;

static void take(void) {
    pthread_mutex_lock(&lock);
}

static void give(void) {
    pthread_mutex_unlock(&lock);
}

static void guard(void) {
    guarded = pthread_atfork(take, give, give) == 0;
}

static schloss_rc no_module(const char *path, const char *key_id, const char *what, schloss_error_t *err) {
    char text[160];
    err_clean_text(text, sizeof text, what, strlen(what));
    FAIL(err, KMS_CONF, "%s://%s: the PKCS#11 module %s cannot be used: %s", P11_TYPE, key_id, path, text);
    err_hint(err, "pkcs11.module.file must be the path of the vendor's shared library; does it need a configuration "
                  "file or variable of its own?");
    return SCHLOSS_E_KMS_CONF;
}

static schloss_rc initialise(CK_FUNCTION_LIST *f, const char *path, const char *key_id, schloss_error_t *err) {
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = f->C_Initialize(&args);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return SCHLOSS_OK;
    }
    if (rv == CKR_HOST_MEMORY) {
        return NO_MEMORY(err);
    }
    char what[64];
    (void)snprintf(what, sizeof what, "C_Initialize answers 0x%lx", rv);
    return no_module(path, key_id, what, err);
}

static bool is_complete(const CK_FUNCTION_LIST *f) {
    return f->C_Initialize != NULL && f->C_GetSlotList != NULL && f->C_GetSlotInfo != NULL &&
           f->C_GetTokenInfo != NULL && f->C_GetMechanismInfo != NULL && f->C_OpenSession != NULL &&
           f->C_CloseSession != NULL && f->C_Login != NULL && f->C_FindObjectsInit != NULL &&
           f->C_FindObjects != NULL && f->C_FindObjectsFinal != NULL && f->C_GetAttributeValue != NULL;
}

static schloss_rc load(CK_FUNCTION_LIST **out, const char *path, const char *key_id, schloss_error_t *err) {
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (so == NULL) {
        const char *why = dlerror();
        return no_module(path, key_id, why == NULL ? "it cannot be loaded" : why, err);
    }
    CK_C_GetFunctionList get = NULL;
    void *symbol = dlsym(so, "C_GetFunctionList");
    memcpy(&get, &symbol, sizeof get);
    if (get == NULL || get(out) != CKR_OK || *out == NULL || !is_complete(*out)) {
        (void)dlclose(so);
        return no_module(path, key_id, "it is no PKCS#11 module", err);
    }
    return SCHLOSS_OK;
}

static schloss_rc find_locked(module_t **out, const char *path, const char *key_id, schloss_error_t *err) {
    for (size_t i = 0; i < n_modules; i++) {
        if (strcmp(modules[i].path, path) == 0) {
            *out = &modules[i];
            return SCHLOSS_OK;
        }
    }
    ENSURE(n_modules < MODULES_MAX, err, KMS_CONF, "more than %u PKCS#11 modules in one process", MODULES_MAX);
    module_t m = {.path = mem_strdup(path)};
    if (m.path == NULL) {
        return NO_MEMORY(err);
    }
    schloss_rc rc = load(&m.functions, path, key_id, err);
    if (rc != SCHLOSS_OK) {
        mem_free(m.path);
        return rc;
    }
    modules[n_modules] = m;
    *out = &modules[n_modules++];
    return SCHLOSS_OK;
}

schloss_rc p11_module(CK_FUNCTION_LIST **out, const char *path, const char *key_id, schloss_error_t *err) {
    pthread_once(&once, guard);
    if (!guarded) {
        return NO_MEMORY(err);
    }
    module_t *m = NULL;
    take();
    schloss_rc rc = find_locked(&m, path, key_id, err);
    if (rc == SCHLOSS_OK && m->pid != getpid()) {
        rc = initialise(m->functions, path, key_id, err);
        m->pid = rc == SCHLOSS_OK ? getpid() : 0;
    }
    *out = rc == SCHLOSS_OK ? m->functions : NULL;
    give();
    return rc;
}
