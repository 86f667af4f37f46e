/* A SQLite VFS in front of the system's, which becomes the default: its n-th call fails, once or from then on. */
#ifndef FAULT_VFS_H
#define FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    VFS_ERROR, /* the call's own SQLITE_IOERR_... code */
    VFS_FULL,  /* writes say SQLITE_FULL, other calls their own error */
} vfs_kind_t;

void vfs_install(void);
/* n = 0: only count. forever: every call from the n-th on (the disk stays broken until vfs_disarm). Only calls that can
 * find a full disk are counted with VFS_FULL: writes, truncations, syncs, and openings that create a file. */
void vfs_arm(vfs_kind_t kind, uint64_t n, bool forever);
void vfs_disarm(void);
bool vfs_fired(void);

#endif
