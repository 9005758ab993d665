/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups, of one user namespace that maps all but (u32)-2. */
#ifndef HOSTKERNEL_LINUX_UIDGID_H
#define HOSTKERNEL_LINUX_UIDGID_H

#include <linux/types.h>

typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;

struct user_namespace {
	int unused;
};

extern struct user_namespace init_user_ns;

#define HOST_UNMAPPED ((u32)-2)

#define KUIDT_INIT(v) ((kuid_t){ v })
#define KGIDT_INIT(v) ((kgid_t){ v })

static inline kuid_t make_kuid(struct user_namespace *ns, u32 uid)
{
	return KUIDT_INIT(uid == HOST_UNMAPPED ? (u32)-1 : uid);
}

static inline kgid_t make_kgid(struct user_namespace *ns, u32 gid)
{
	return KGIDT_INIT(gid == HOST_UNMAPPED ? (u32)-1 : gid);
}

static inline u32 __kuid_val(kuid_t uid)
{
	return uid.val;
}

static inline u32 __kgid_val(kgid_t gid)
{
	return gid.val;
}

static inline bool uid_eq(kuid_t a, kuid_t b)
{
	return a.val == b.val;
}

static inline bool uid_lt(kuid_t a, kuid_t b)
{
	return a.val < b.val;
}

static inline bool gid_eq(kgid_t a, kgid_t b)
{
	return a.val == b.val;
}

static inline bool uid_valid(kuid_t uid)
{
	return uid.val != (u32)-1;
}

static inline bool gid_valid(kgid_t gid)
{
	return gid.val != (u32)-1;
}

#endif
