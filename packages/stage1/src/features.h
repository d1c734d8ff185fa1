/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RKT_FEATURES_H
#define RKT_FEATURES_H

/* Prints what this kernel lets this process do, one `key=value` a line. */
int list_features(void);

#endif
