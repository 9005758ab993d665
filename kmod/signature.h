/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * signature.h - type signatures
 *
 * A signature is a row of single complete types (spec, "Type System").  Only
 * dg_signature_valid() and dg_signature_valid_single() look at bytes that
 * nobody checked; the rest takes a position in a signature that one of them
 * accepted, and relies on it.
 */
#ifndef _DG_SIGNATURE_H
#define _DG_SIGNATURE_H

#include <linux/types.h>

/* Longest signature, the NUL not counted. */
#define DG_SIGNATURE_MAX	255

/* How deep arrays, structs and dict entries may each be nested. */
#define DG_SIGNATURE_DEPTH_MAX	32

/* Any number of single complete types, none too. */
bool dg_signature_valid(const char *s, size_t n);

/* Exactly one, as in a variant. */
bool dg_signature_valid_single(const char *s, size_t n);

/* A type that is not a container: what may be the key of a dict entry. */
bool dg_type_is_basic(char type);

/* Size of the values of @type if it is the same for all, else 0. */
unsigned int dg_type_fixed_size(char type);

/* Alignment of values of @type, the first character of a complete type. */
unsigned int dg_type_alignment(char type);

/* The position after the single complete type that begins at @sig. */
const char *dg_signature_skip(const char *sig);

#endif /* _DG_SIGNATURE_H */
