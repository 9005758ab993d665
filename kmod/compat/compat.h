/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that the module builds for
 *
 * The only place that asks for LINUX_VERSION_CODE.  Today: 6.1.
 */
#ifndef _DG_COMPAT_H
#define _DG_COMPAT_H

#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/security.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "dbus_genl needs Linux 6.1 or later"
#endif

/**
 * dg_compat_security_label() - the security module's label of credentials
 * @cred: the credentials
 * @label: set to a copy with a NUL, to be freed with kfree()
 * @len: set to its length, the NUL not counted
 *
 * Return: 0; -ENODATA if no security module gives one; -ENOMEM.
 */
static inline int dg_compat_security_label(const struct cred *cred,
					   char **label, u32 *len)
{
	u32 secid, seclen;
	char *secctx;

	security_cred_getsecid(cred, &secid);
	if (security_secid_to_secctx(secid, &secctx, &seclen))
		return -ENODATA;

	/* Some modules count a trailing NUL, some do not. */
	*len = strnlen(secctx, seclen);
	*label = kmemdup_nul(secctx, *len, GFP_KERNEL_ACCOUNT);
	security_release_secctx(secctx, seclen);
	if (!*label)
		return -ENOMEM;
	if (!*len) {
		kfree(*label);
		return -ENODATA;
	}
	return 0;
}

/* An fd of @file for the running task, close-on-exec, or an errno. */
static inline int dg_compat_receive_fd(struct file *file)
{
	return receive_fd(file, O_CLOEXEC);
}

/*
 * Takes it back.  Not close_fd(): that calls ->flush(), which of a FUSE file
 * waits for its server, and requests hold generic netlink's lock.
 */
static inline void dg_compat_uninstall_fd(unsigned int fd)
{
	struct file *file = close_fd_get_file(fd);

	if (file)
		fput(file);
}

/* Seals of a file of shmem that nobody else has: nothing can be mapped yet. */
static inline void dg_compat_seal(struct file *file, unsigned int seals)
{
	SHMEM_I(file_inode(file))->seals |= seals;
}

/* Whether a process of its user may look into the running task: ptrace(2). */
static inline bool dg_compat_task_dumpable(void)
{
	return current->mm && get_dumpable(current->mm) == SUID_DUMP_USER;
}

#endif /* _DG_COMPAT_H */
