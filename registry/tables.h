/* The tables of the store, one step per version. A step that was released is never changed: add another one. */
#ifndef REGISTRY_TABLES_H
#define REGISTRY_TABLES_H

#define REGISTRY_APPLICATION_ID 0x53434852 /* "SCHR" */

extern const char *const registry_migrations[];
extern const int registry_n_migrations;

#endif
