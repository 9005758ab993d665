// SPDX-License-Identifier: GPL-2.0-only
/*
 * names.c - the grammars of names and object paths
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "names.h"

/* Not isalpha() and its like: those take Latin-1's letters, too. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
	return is_letter(c) || is_digit(c);
}

bool dg_path_valid(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || s[0] != '/')
		return false;
	if (n == 1)
		return true;
	for (i = 1; i < n; i++) {
		if (s[i] == '/') {
			if (s[i - 1] == '/')
				return false;
		} else if (!is_word(s[i])) {
			return false;
		}
	}
	return s[n - 1] != '/';
}

bool dg_member_valid(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > DG_NAME_MAX || !is_letter(s[0]))
		return false;
	for (i = 1; i < n; i++)
		if (!is_word(s[i]))
			return false;
	return true;
}

/**
 * elements_valid() - whether a string is a row of elements between dots
 * @s: the string
 * @n: its length
 * @hyphens: elements may have hyphens
 * @digits: elements may begin with a digit
 * @min: fewest elements
 */
static bool elements_valid(const char *s, size_t n, bool hyphens, bool digits,
			   unsigned int min)
{
	unsigned int elements = 0;
	bool start = true;
	size_t i;

	if (n > DG_NAME_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (start)
				return false;
			start = true;
			continue;
		}
		if (!is_letter(s[i]) && !(hyphens && s[i] == '-') &&
		    !(is_digit(s[i]) && (digits || !start)))
			return false;
		elements += start;
		start = false;
	}
	return !start && elements >= min;
}

bool dg_interface_valid(const char *s, size_t n)
{
	return elements_valid(s, n, false, false, 2);
}

bool dg_error_name_valid(const char *s, size_t n)
{
	return dg_interface_valid(s, n);
}

/*
 * libdbus lets the first element be empty: ":" and ":.1" are valid to it, and
 * to us, since a client that sends them is answered by dbus-daemon, too.
 */
bool dg_unique_name_valid(const char *s, size_t n)
{
	if (n == 0 || n > DG_NAME_MAX || s[0] != ':')
		return false;
	s++;
	n--;
	if (n == 0)
		return true;
	if (s[0] == '.') {
		s++;
		n--;
	}
	return elements_valid(s, n, true, true, 1);
}

bool dg_well_known_name_valid(const char *s, size_t n)
{
	return elements_valid(s, n, true, false, 2);
}

bool dg_bus_name_valid(const char *s, size_t n)
{
	return dg_unique_name_valid(s, n) || dg_well_known_name_valid(s, n);
}

bool dg_namespace_valid(const char *s, size_t n)
{
	return dg_unique_name_valid(s, n) || elements_valid(s, n, true, false, 1);
}

unsigned int dg_unique_name_format(char buf[DG_UNIQUE_NAME_SIZE], u64 id)
{
	return scnprintf(buf, DG_UNIQUE_NAME_SIZE, ":1.%llu",
			 (unsigned long long)(id - 1));
}

bool dg_unique_name_parse(const char *s, u64 *id)
{
	u64 value = 0;

	if (s[0] != ':' || s[1] != '1' || s[2] != '.' || !is_digit(s[3]))
		return false;
	s += 3;
	if (s[0] == '0' && s[1])
		return false;
	for (; *s; s++) {
		unsigned int digit = *s - '0';

		if (!is_digit(*s))
			return false;
		/* One below the top: id is value + 1. */
		if (value > (U64_MAX - 1 - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*id = value + 1;
	return true;
}
