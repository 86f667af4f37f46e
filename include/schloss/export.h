/* Visibility and compiler attributes of the public headers. */
#ifndef SCHLOSS_EXPORT_H
#define SCHLOSS_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(SCHLOSS_BUILDING) && (defined(__GNUC__) || defined(__clang__))
#define SCHLOSS_API __attribute__((visibility("default")))
#else
#define SCHLOSS_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SCHLOSS_NODISCARD __attribute__((warn_unused_result))
#define SCHLOSS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define SCHLOSS_NODISCARD
#define SCHLOSS_PRINTF(f, a)
#endif

#ifdef __cplusplus
#define SCHLOSS_BEGIN_DECLS extern "C" {
#define SCHLOSS_END_DECLS }
#else
#define SCHLOSS_BEGIN_DECLS
#define SCHLOSS_END_DECLS
#endif

#endif
