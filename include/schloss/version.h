/* Version of the library. CMake reads these three numbers: this file is the one place where they stand. */
#ifndef SCHLOSS_VERSION_H
#define SCHLOSS_VERSION_H

#include <schloss/export.h>

#define SCHLOSS_VERSION_MAJOR 0
#define SCHLOSS_VERSION_MINOR 2
#define SCHLOSS_VERSION_PATCH 0

SCHLOSS_BEGIN_DECLS

/** Version of the library that was loaded, e.g. "0.2.0". Static string. Thread-safe. Since 0.1. */
SCHLOSS_API const char *schloss_version(void);

SCHLOSS_END_DECLS

#endif
