/* Looks for a run of bytes in all memory of this process, without leaving a copy of it anywhere else.
 *
 * The needle is kept masked, and what is compared is masked too; the vault is one mapping in which the test keeps its
 * own plaintext, and the scan passes over it (its read buffer lies there as well). */
#ifndef FAULT_CANARY_SCAN_H
#define FAULT_CANARY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VAULT_SIZE (4u << 20)
#define NEEDLE_MASK 0x5Au

typedef struct needle {
    uint8_t masked[64];
    size_t len;
} needle_t;

/* The vault: zeroed memory of the test's own. */
uint8_t *vault(void);
/* n bytes of the vault that nobody else uses. */
void *vault_take(size_t n);
needle_t needle_of(const void *bytes_in_vault, size_t n);
/* Joins two halves in the vault: no whole marker stands in the program's text. NUL-terminated. */
char *vault_join(const char *half, const char *other_half);

/* Calls found for every place outside the vault where the needle lies, with its address and the line of
 * /proc/self/maps that holds it. Returns the number of places. found may be NULL. */
size_t scan_memory(const needle_t *n, void (*found)(const void *at, const char *mapping));
bool scan_bytes(const needle_t *n, const void *p, size_t len);

/* ---- canary_core.c ---- */

/* False where the kernel gives core files to a program, or under a sanitizer. */
bool core_possible(void);
/* Has a child of this process dump core and says which needles lie in the file. false: there was none. */
bool core_holds(const needle_t *needles, size_t n, bool *holds);

#endif
