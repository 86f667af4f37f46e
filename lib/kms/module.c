/* Drivers in shared libraries, loaded at the first use of their kmsType and never unloaded.
 *
 * They lie in the directory of the environment variable SCHLOSS_KMS_PATH (not looked at in a process with raised
 * privileges), else in schloss/ beside libschloss.so itself. A failure is not remembered: a module may be installed
 * while the process runs. */
#include "kms/module.h"

#include "kms/builtin.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct module {
    const char *type, *name; /* kmsType, and what stands in the file's name */
} module_t;

static const module_t modules[] = {
    {"aws-kms", "aws"},   {"azure-kms", "azure"}, {"gcp-kms", "gcp"},
    {"hcvault", "vault"}, {"kmip", "kmip"},       {"pkcs11", "pkcs11"},
};

static const kms_driver_t *_Atomic loaded[COUNT_OF(modules)];

static bool module_path(char *out, size_t cap, const char *name) {
    const char *dir = secure_getenv("SCHLOSS_KMS_PATH");
    int n = -1;
    if (dir != NULL && *dir != '\0') {
        n = snprintf(out, cap, "%s/libschloss-kms-%s.so", dir, name);
    } else {
        Dl_info self;
        if (dladdr(&modules[0], &self) == 0 || self.dli_fname == NULL) {
            return false;
        }
        const char *slash = strrchr(self.dli_fname, '/');
        int len = slash == NULL ? 1 : (int)(slash - self.dli_fname);
        n = snprintf(out, cap, "%.*s/schloss/libschloss-kms-%s.so", len, slash == NULL ? "." : self.dli_fname, name);
    }
    return n > 0 && (size_t)n < cap;
}

static bool fits(const kms_module_t *m, const kms_module_t *mine) {
    return m->magic == mine->magic && m->major == mine->major && m->minor == mine->minor && m->patch == mine->patch &&
           m->key_size == mine->key_size && m->driver_size == mine->driver_size && m->call_size == mine->call_size &&
           m->answer_size == mine->answer_size && m->service_size == mine->service_size &&
           m->buf_size == mine->buf_size && m->error_size == mine->error_size && m->driver != NULL;
}

static void say(char *why, size_t cap, const char *fmt, ...) SCHLOSS_PRINTF(3, 4);
static void say(char *why, size_t cap, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, cap, fmt, ap);
    va_end(ap);
}

/* The loader maps a file that was cut short (an installation that is still running) and dies when it touches what is
 * missing. The table of sections stands at the end, so its place tells. */
static bool is_whole(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ElfW(Ehdr) h;
    struct stat st;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read(fd, &h, sizeof h) == (ssize_t)sizeof h &&
              memcmp(h.e_ident, ELFMAG, SELFMAG) == 0 && h.e_shoff <= (uint64_t)st.st_size &&
              (uint64_t)h.e_shnum * h.e_shentsize <= (uint64_t)st.st_size - h.e_shoff;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static const kms_driver_t *load(const module_t *which, char *why, size_t cap) {
    static const kms_module_t mine = KMS_MODULE_INIT(NULL);
    char path[PATH_MAX];
    if (!module_path(path, sizeof path, which->name)) {
        say(why, cap, "the directory of the KMS modules cannot be found; set SCHLOSS_KMS_PATH");
        return NULL;
    }
    if (access(path, F_OK) != 0) {
        say(why, cap, "its module is missing: %s; install it, or set SCHLOSS_KMS_PATH to its directory", path);
        return NULL;
    }
    if (!is_whole(path)) {
        say(why, cap, "its module is damaged or cannot be read: %s; install it again", path);
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) {
        const char *said = dlerror();
        say(why, cap, "its module cannot be loaded: %s", said == NULL ? path : said);
        return NULL;
    }
    const kms_module_t *m = dlsym(handle, KMS_MODULE_SYMBOL);
    if (m == NULL || !fits(m, &mine) || strcasecmp(m->driver->type, which->type) != 0) {
        say(why, cap, "its module belongs to another version of the library: %s; install the one that came with it",
            path);
        return NULL;
    }
    return m->driver;
}

const kms_driver_t *kms_module_find(const char *type, char *why, size_t cap) {
    *why = '\0';
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (strcasecmp(modules[i].type, type) != 0) {
            continue;
        }
        const kms_driver_t *d = atomic_load(&loaded[i]);
        if (d == NULL && !kms_loads_modules) {
            say(why, cap, "this build was made without its driver");
        } else if (d == NULL) {
            d = load(&modules[i], why, cap);
            atomic_store(&loaded[i], d); /* threads that load at once get the same object */
        }
        return d;
    }
    return NULL;
}

const char *kms_module_type(size_t *n) {
    char path[PATH_MAX];
    while (kms_loads_modules && *n < COUNT_OF(modules)) {
        const module_t *m = &modules[(*n)++];
        if (module_path(path, sizeof path, m->name) && access(path, R_OK) == 0) {
            return m->type;
        }
    }
    return NULL;
}
