/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.h - the grammars of D-Bus's strings
 *
 * Each function says whether the @n bytes at @s are valid (D-Bus specification
 * 0.38, "Valid Names", "Valid Object Paths", "Basic types").  None needs a NUL
 * after them, none accepts a NUL among them, and none allocates.
 */
#ifndef _DG_NAMES_H
#define _DG_NAMES_H

#include <linux/types.h>

/* Longest bus, interface, member or error name, the NUL not counted. */
#define DG_NAME_MAX		255

/* Room for the longest unique name, ":1." and a u64, with its NUL. */
#define DG_UNIQUE_NAME_SIZE	24

/* The driver's own bus name, the sender of everything with id 0. */
#define DG_DRIVER_NAME		"org.freedesktop.DBus"

/* UTF-8 as in Unicode: shortest form, no surrogates, at most U+10FFFF. */
bool dg_utf8_valid(const char *s, size_t n);

bool dg_path_valid(const char *s, size_t n);
bool dg_interface_valid(const char *s, size_t n);
bool dg_member_valid(const char *s, size_t n);
bool dg_error_name_valid(const char *s, size_t n);

/* A unique or a well-known bus name. */
bool dg_bus_name_valid(const char *s, size_t n);
bool dg_unique_name_valid(const char *s, size_t n);
bool dg_well_known_name_valid(const char *s, size_t n);

/* What arg0namespace takes: a bus name, which may have a single element. */
bool dg_namespace_valid(const char *s, size_t n);

/**
 * dg_unique_name_format() - the unique name of a peer
 * @buf: where it goes, with a NUL
 * @id: the peer's id, not 0
 *
 * Return: the length of the name, the NUL not counted.
 */
unsigned int dg_unique_name_format(char buf[DG_UNIQUE_NAME_SIZE], u64 id);

/**
 * dg_unique_name_parse() - the id behind a unique name
 * @s: a string with a NUL
 * @id: set to the peer's id if true is returned
 *
 * Only what dg_unique_name_format() writes is understood: ":1.07" is a valid
 * unique name but no peer's.
 *
 * Return: whether @s can be the name of a peer of a kernel bus.
 */
bool dg_unique_name_parse(const char *s, u64 *id);

#endif /* _DG_NAMES_H */
