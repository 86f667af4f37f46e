/* See vfs.h. Files are the real ones; a shim object holds the real file behind it. */
#include "vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

typedef struct shim {
    sqlite3_file base;
    sqlite3_file *real; /* in the same allocation, behind this struct */
} shim_t;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs shim_vfs;
static _Atomic uint64_t calls, fail_at;
static _Atomic bool armed, fired, broken_forever;
static _Atomic int kind_now;

void vfs_arm(vfs_kind_t kind, uint64_t n, bool forever) {
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
    atomic_store(&fired, false);
    atomic_store(&broken_forever, forever);
    atomic_store(&kind_now, kind);
    atomic_store(&armed, true);
}

void vfs_disarm(void) {
    atomic_store(&armed, false);
}

bool vfs_fired(void) {
    return atomic_load(&fired);
}

/* The error that this call has to return, or SQLITE_OK. */
static int trip(int code, bool needs_space) {
    bool full = atomic_load(&kind_now) == VFS_FULL;
    if (!atomic_load(&armed) || (full && !needs_space)) {
        return SQLITE_OK;
    }
    uint64_t n = atomic_load(&fail_at), at = atomic_fetch_add(&calls, 1) + 1;
    if (n == 0 || at < n || (at > n && !atomic_load(&broken_forever))) {
        return SQLITE_OK;
    }
    atomic_store(&fired, true);
    return full ? SQLITE_FULL : code;
}

#define REAL(f) (((shim_t *)(f))->real)
#define TRIP(code, needs_space)                                                                                        \
    do {                                                                                                               \
        int trip_rc = trip((code), (needs_space));                                                                     \
        if (trip_rc != SQLITE_OK) {                                                                                    \
            return trip_rc;                                                                                            \
        }                                                                                                              \
    } while (0)

static int f_close(sqlite3_file *f) {
    return REAL(f)->pMethods == NULL ? SQLITE_OK : REAL(f)->pMethods->xClose(REAL(f));
}

static int f_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at) {
    TRIP(SQLITE_IOERR_READ, false);
    return REAL(f)->pMethods->xRead(REAL(f), out, n, at);
}

/* Half of what should have been written is: that is how disks fail. */
static int f_write(sqlite3_file *f, const void *in, int n, sqlite3_int64 at) {
    int rc = trip(SQLITE_IOERR_WRITE, true);
    if (rc != SQLITE_OK) {
        (void)REAL(f)->pMethods->xWrite(REAL(f), in, n / 2, at);
        return rc;
    }
    return REAL(f)->pMethods->xWrite(REAL(f), in, n, at);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size) {
    TRIP(SQLITE_IOERR_TRUNCATE, true);
    return REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int f_sync(sqlite3_file *f, int flags) {
    TRIP(SQLITE_IOERR_FSYNC, true);
    return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 *out) {
    TRIP(SQLITE_IOERR_FSTAT, false);
    return REAL(f)->pMethods->xFileSize(REAL(f), out);
}

static int f_lock(sqlite3_file *f, int level) {
    TRIP(SQLITE_IOERR_LOCK, false);
    return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int f_unlock(sqlite3_file *f, int level) {
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int f_reserved(sqlite3_file *f, int *out) {
    TRIP(SQLITE_IOERR_CHECKRESERVEDLOCK, false);
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int f_control(sqlite3_file *f, int op, void *arg) {
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int f_sector(sqlite3_file *f) {
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int f_device(sqlite3_file *f) {
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    TRIP(SQLITE_IOERR_SHMMAP, extend != 0);
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *f, int at, int n, int flags) {
    if ((flags & SQLITE_SHM_UNLOCK) == 0) {
        TRIP(SQLITE_IOERR_SHMLOCK, false);
    }
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void f_shm_barrier(sqlite3_file *f) {
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int f_shm_unmap(sqlite3_file *f, int remove) {
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* 2: with shared memory, without memory-mapped reads, so that every read is a call */
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags) {
    (void)vfs;
    shim_t *s = (shim_t *)f;
    s->base.pMethods = NULL;
    s->real = (sqlite3_file *)(void *)(s + 1);
    s->real->pMethods = NULL;
    TRIP(SQLITE_CANTOPEN, (flags & SQLITE_OPEN_CREATE) != 0);
    int rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out_flags);
    if (s->real->pMethods != NULL) {
        s->base.pMethods = &methods;
    }
    return rc;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs;
    TRIP(SQLITE_IOERR_DELETE, false);
    return real_vfs->xDelete(real_vfs, name, sync);
}

static int v_access(sqlite3_vfs *vfs, const char *name, int flags, int *out) {
    (void)vfs;
    TRIP(SQLITE_IOERR_ACCESS, false);
    return real_vfs->xAccess(real_vfs, name, flags, out);
}

void vfs_install(void) {
    if (real_vfs != NULL) {
        return;
    }
    real_vfs = sqlite3_vfs_find(NULL);
    shim_vfs = *real_vfs; /* what is not replaced (paths, random, time) takes the real one's data with it */
    shim_vfs.zName = "schloss-fault";
    shim_vfs.pNext = NULL;
    shim_vfs.szOsFile = (int)sizeof(shim_t) + real_vfs->szOsFile;
    shim_vfs.xOpen = v_open;
    shim_vfs.xDelete = v_delete;
    shim_vfs.xAccess = v_access;
    sqlite3_vfs_register(&shim_vfs, 1);
}
