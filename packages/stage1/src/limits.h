/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of the plan language: rkt-plan(5), Limits. */
#ifndef RKT_LIMITS_H
#define RKT_LIMITS_H

#define MAX_PLAN_BYTES (512u * 1024)
#define MAX_LINES 4096u
#define MAX_LINE_BYTES 131072u
#define MAX_WORDS 4096u
#define MAX_PATH_BYTES 4095u
#define MAX_FILE_NAME_BYTES 255u
#define MAX_EXTENTS 340u
#define MAX_CLONES 3u
#define MAX_REMOVALS 512u

/* Of one start. */
/* Those of the pod, its first process and its apps. */
#define MAX_PLANS 65u
#define MAX_FILTERS 64u
#define MAX_TEXT_BYTES (1024u * 1024)
#define MAX_ALL_LINES 16384u
#define MAX_INSTRUCTIONS 4096u

/* A plan's descriptors; those of stage1 lie above. */
#define DESCRIPTORS 64u
#define MAX_APPS (MAX_PLANS - 2)

/* What an id that has no number in a user namespace is shown as. */
#define OVERFLOW_ID 65534u

#define ID_MAX (UINT32_MAX - 1)

#endif
