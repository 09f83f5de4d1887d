/* SPDX-License-Identifier: GPL-2.0 */
#include <crypto/sha2.h>

#define SHA256(bytes, len, out)	sha256(bytes, len, out)
