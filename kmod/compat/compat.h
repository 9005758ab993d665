/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - what differs between the kernels that the module builds for
 *
 * The only place that asks for LINUX_VERSION_CODE.  From 5.10 on; who goes
 * below refuses itself here, and dkms.conf says so before.
 */
#ifndef _DG_COMPAT_H
#define _DG_COMPAT_H

#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#ifndef __CHECKER__	/* sparse cannot read __has_include(<…>) */
#if __has_include(<linux/hex.h>)
#include <linux/hex.h>
#endif
#endif
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#ifndef __CHECKER__
#if __has_include(<linux/sched/exec_state.h>)
#define DG_COMPAT_EXEC_STATE
#include <linux/sched/exec_state.h>
#endif
#endif
#include <linux/security.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "dbus_genl needs Linux 5.10 or later"
#endif

/* 6.1 tells which attribute is missing; before, the text alone does. */
#ifndef NL_SET_ERR_ATTR_MISS
#define NL_SET_ERR_ATTR_MISS(extack, nest, type)	((void)(extack))
#endif

/* The running task's label, in memory of the security module that gave it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
struct dg_compat_secctx {
	struct lsm_context lsm;
	const char *text;
	u32 len;
};

static inline int dg_compat_secctx_get(struct dg_compat_secctx *ctx)
{
	struct lsm_prop prop;
	int err;

	security_current_getlsmprop_subj(&prop);
	err = security_lsmprop_to_secctx(&prop, &ctx->lsm, LSM_ID_UNDEF);
	if (err < 0)
		return err;
	ctx->text = ctx->lsm.context;
	ctx->len = ctx->lsm.len;
	return 0;
}

static inline void dg_compat_secctx_put(struct dg_compat_secctx *ctx)
{
	security_release_secctx(&ctx->lsm);
}
#else
struct dg_compat_secctx {
	char *text;
	u32 len;
};

static inline int dg_compat_secctx_get(struct dg_compat_secctx *ctx)
{
	u32 secid;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0)
	security_current_getsecid_subj(&secid);
#else
	security_task_getsecid(current, &secid);
#endif
	return security_secid_to_secctx(secid, &ctx->text, &ctx->len);
}

static inline void dg_compat_secctx_put(struct dg_compat_secctx *ctx)
{
	security_release_secctx(ctx->text, ctx->len);
}
#endif

/**
 * dg_compat_security_label() - the security module's label of the running task
 * @label: set to a copy, to be freed with kfree(), or to NULL if there is none
 *
 * Of the task: some modules do not know whose credentials they are shown.
 *
 * Return: 0 or -ENOMEM.
 */
static inline int dg_compat_security_label(char **label)
{
	struct dg_compat_secctx ctx;
	size_t len;

	*label = NULL;
	if (dg_compat_secctx_get(&ctx))
		return 0;

	/* Some modules count a trailing NUL, some do not. */
	len = strnlen(ctx.text, ctx.len);
	if (len)
		*label = kmemdup_nul(ctx.text, len, GFP_KERNEL_ACCOUNT);
	dg_compat_secctx_put(&ctx);
	return len && !*label ? -ENOMEM : 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
/* 0, or -EACCES if a security module confines the running task. */
static inline int dg_compat_unconfined(void)
{
	char *label;
	int err;

	err = dg_compat_security_label(&label);
	if (err || !label)
		return err;
	/* What AppArmor calls a task without a profile. */
	err = strcmp(label, "unconfined") ? -EACCES : 0;
	kfree(label);
	return err;
}
#endif

/*
 * An fd of @file for the running task, close-on-exec, or an errno.
 *
 * The security module is asked for it, which 5.10 does not let modules do: there
 * fds are for tasks that no security module confines.
 */
static inline int dg_compat_receive_fd(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return receive_fd(file, NULL, O_CLOEXEC);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
	return receive_fd(file, O_CLOEXEC);
#else
	int fd = dg_compat_unconfined();

	if (fd)
		return fd;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd >= 0)
		fd_install(fd, get_file(file));
	return fd;
#endif
}

/*
 * Takes it back.  Not close_fd(): that calls ->flush(), which of a FUSE file
 * waits for its server, and requests hold generic netlink's lock.
 */
static inline void dg_compat_uninstall_fd(unsigned int fd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	struct file *file = file_close_fd(fd);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 19, 0)
	struct file *file = close_fd_get_file(fd);
#else
	struct file *file = NULL;

	close_fd_get_file(fd, &file);
#endif

	if (file)
		fput(file);
}

/* A memfd, or another file of shmem: 5.10 does not export what tells these. */
static inline bool dg_compat_is_shmem(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == TMPFS_MAGIC;
}

/* A file of shmem, for reading and writing, or an ERR_PTR. */
static inline struct file *dg_compat_shmem_file(const char *name, loff_t size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return shmem_file_setup(name, size, EMPTY_VMA_FLAGS);
#else
	return shmem_file_setup(name, size, 0);
#endif
}

/**
 * dg_compat_is_pidfd_of() - whether a file is a pidfd of a process
 * @file: any file
 * @pid: the process, which the caller holds
 *
 * Nothing that tells is exported.  But the file system says what kind of file it
 * is, since nobody else can make one there with that name; and where a pidfd has
 * its struct pid, a pointer equal to one that is held is that pid: it is compared,
 * never followed.
 */
static inline bool dg_compat_is_pidfd_of(const struct file *file,
					 const struct pid *pid)
{
	const struct inode *inode = file_inode(file);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	/* PIDFD_THREAD: what ends with the thread is not the process. */
	if (file->f_flags & O_EXCL)
		return false;
	if (inode->i_sb->s_magic == PID_FS_MAGIC)
		return inode->i_private == pid;
	/* A kernel without CONFIG_FS_PID has them where they were before. */
#endif
	return inode->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[pidfd]") &&
	       file->private_data == pid;
}

/* Seals of a file of shmem that nobody else has: nothing can be mapped yet. */
static inline void dg_compat_seal(struct file *file, unsigned int seals)
{
	SHMEM_I(file_inode(file))->seals |= seals;
}

/* Whether a process of its user may look into the running task: ptrace(2). */
static inline bool dg_compat_task_dumpable(void)
{
#ifdef DG_COMPAT_EXEC_STATE
	struct task_exec_state *state;
	bool dumpable;

	rcu_read_lock();
	state = rcu_dereference(current->exec_state);
	dumpable = state && READ_ONCE(state->dumpable) == TASK_DUMPABLE_OWNER;
	rcu_read_unlock();
	return dumpable;
#else
	return current->mm && get_dumpable(current->mm) == SUID_DUMP_USER;
#endif
}

/* The attributes of the request that a dump answers. */
static inline struct nlattr **dg_compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* __assign_str() of a tracepoint; what it copies is __string()'s from 6.10 on. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define dg_compat_assign_str(field, value) __assign_str(field, value)
#else
#define dg_compat_assign_str(field, value) __assign_str(field)
#endif

#endif /* _DG_COMPAT_H */
