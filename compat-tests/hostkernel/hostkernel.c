// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * hostkernel.c - the few functions of the kernel that the pure parts of kmod/
 *	call
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/bug.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uidgid.h>

/* Allocation */

struct host_task host_task;
static bool failed;
static long allocs;

void host_fail_alloc(unsigned long n)
{
	current->fail_nth = n;
	failed = false;
}

bool host_alloc_failed(void)
{
	return failed;
}

long host_allocs(void)
{
	return allocs;
}

static void *host_alloc(size_t n, size_t size, bool zero)
{
	void *p;

	if (current->fail_nth && !--current->fail_nth) {
		failed = true;
		return NULL;
	}
	p = calloc(n, size);
	if (!p)
		abort();
	/* As a kernel that poisons does: nobody may rely on zeros. */
	if (!zero)
		memset(p, 0xa5, n * size);
	allocs++;
	return p;
}

void *kmalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return host_alloc(1, size, false);
}

void *kzalloc(size_t size, gfp_t gfp)
{
	(void)gfp;
	return host_alloc(1, size, true);
}

void *kvmalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

void *kvzalloc(size_t size, gfp_t gfp)
{
	return kzalloc(size, gfp);
}

void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return host_alloc(n, size, true);
}

void kfree(const void *p)
{
	if (p)
		allocs--;
	free((void *)p);
}

void kvfree(const void *p)
{
	kfree(p);
}

char *kvasprintf(gfp_t gfp, const char *format, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = kmalloc(n + 1, gfp);
	if (text)
		vsnprintf(text, n + 1, format, ap);
	return text;
}

int scnprintf(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, size, format, ap);
	va_end(ap);
	return n < (int)size ? n : (int)size - 1;
}

/* Hashes: 32 bits of a multiplicative hash (FNV-1a), stirred by the key. */

static u32 stir(u64 hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 29;
	return hash;
}

u32 hsiphash(const void *data, size_t len, const hsiphash_key_t *key)
{
	u64 hash = 0xcbf29ce484222325ULL ^ key->key[0];
	const u8 *s = data;

	while (len--)
		hash = (hash ^ *s++) * 0x100000001b3ULL;
	return stir(hash ^ key->key[1]);
}

u32 hsiphash_2u32(u32 a, u32 b, const hsiphash_key_t *key)
{
	u32 both[2] = { a, b };

	return hsiphash(both, sizeof(both), key);
}

void get_random_bytes(void *buf, size_t n)
{
	static u64 state = 0x9e3779b97f4a7c15ULL;
	u8 *s = buf;

	while (n--) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		*s++ = state >> 56;
	}
}

/* Sorting, users, processors */

unsigned long host_steps;

void sort(void *base, size_t n, size_t size,
	  int (*compare)(const void *a, const void *b),
	  void (*swap)(void *a, void *b, int size))
{
	(void)swap;
	if (n)
		qsort(base, n, size, compare);
}

struct user_namespace init_user_ns;

/* Warnings */

void (*host_on_warning)(const char *what, const char *file, int line);

bool host_warn_on(bool condition, const char *what, const char *file, int line)
{
	if (condition && host_on_warning)
		host_on_warning(what, file, line);
	else if (condition)
		abort();
	return condition;
}
