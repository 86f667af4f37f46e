/* What fault_store runs once for each n; see store.c. The VFS is armed when they are called; they disarm it to look at
 * what is left. */
#ifndef FAULT_STORE_FAULTS_H
#define FAULT_STORE_FAULTS_H

#include <stdbool.h>

void store_path(char out[128]);
void store_remove(void);
/* Prints and returns false. */
bool finding(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

bool store_once(const char *what);    /* server/store.h alone: store_plain.c */
bool registry_once(const char *what); /* a registry over HTTP: store_registry.c */

#endif
