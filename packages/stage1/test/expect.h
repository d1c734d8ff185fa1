/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests that are C expect. */
#ifndef RKT_EXPECT_H
#define RKT_EXPECT_H

#include <stdbool.h>
#include <stdio.h>

static int failures;

static void expect(bool condition, const char *what, const char *text)
{
	if (condition)
		return;
	fprintf(stderr, "failed: %s: %s\n", what, text);
	failures++;
}

#endif
