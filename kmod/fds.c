// SPDX-License-Identifier: GPL-2.0-only
/*
 * fds.c - the files that come with a message: taken, kept, installed
 *
 * Files are put with fput(), whose real work is done once the task is on its
 * way out of the kernel: so it does no harm under locks that releasing a file
 * takes, such as when the last reference to a bus's socket is held by a message
 * of that bus.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dbus_genl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "alloc.h"
#include "body.h"
#include "compat/compat.h"
#include "fds.h"
#include "limits.h"
#include "message.h"
#include "quota.h"

static bool dg_uid_known(const struct cred *cred, kuid_t uid)
{
	return uid_eq(uid, cred->uid) || uid_eq(uid, cred->euid) ||
	       uid_eq(uid, cred->suid);
}

static bool dg_gid_known(const struct cred *cred, kgid_t gid)
{
	return gid_eq(gid, cred->gid) || gid_eq(gid, cred->egid) ||
	       gid_eq(gid, cred->sgid);
}

/**
 * dg_fds_may_take() - whether fd numbers mean those of the running task
 * @peer: who the peer is
 * @opened: the file of its socket
 *
 * A program with more rights than the peer, which was handed its socket and made
 * to write to it, must not have its own files sent by what it writes: an fd in
 * an attribute is nothing that it knows of, unlike SCM_RIGHTS.  So these are
 * the rules of pidfd_getfd(): who the peer is must be able to take the task's
 * files anyway.  A task that has dropped rights since CONNECT passes.
 */
bool dg_fds_may_take(const struct cred *peer, struct file *opened)
{
	const struct cred *task = current_cred();

	if (task == peer ||
	    file_ns_capable(opened, task->user_ns, CAP_SYS_PTRACE))
		return true;
	if (task->user_ns != peer->user_ns ||
	    !cap_issubset(task->cap_permitted, peer->cap_permitted))
		return false;
	if (file_ns_capable(opened, task->user_ns, CAP_SETUID) &&
	    file_ns_capable(opened, task->user_ns, CAP_SETGID))
		return true;
	return dg_uid_known(peer, task->uid) && dg_uid_known(peer, task->euid) &&
	       dg_uid_known(peer, task->suid) && dg_gid_known(peer, task->gid) &&
	       dg_gid_known(peer, task->egid) &&
	       dg_gid_known(peer, task->sgid) && dg_compat_task_dumpable();
}

/* A body must be a memfd as far as can be told here: receivers see its seals. */
static int dg_fds_take_body(struct dg_fds *fds, const struct nlattr *attr,
			    struct netlink_ext_ack *extack)
{
	loff_t size;

	fds->body = fget(nla_get_s32(attr));
	if (!fds->body) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "BODY_FD is not an open fd");
		return -EBADF;
	}
	if (!dg_compat_is_shmem(fds->body) ||
	    !S_ISREG(file_inode(fds->body)->i_mode) ||
	    !(fds->body->f_mode & FMODE_READ)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "BODY_FD is not a memfd");
		return -EINVAL;
	}
	size = i_size_read(file_inode(fds->body));
	if (!size) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "BODY_FD is empty");
		return -EINVAL;
	}
	if (size > DG_BODY_FD_SIZE_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "BODY_FD is larger than MAX_BODY_FD_SIZE");
		return -EMSGSIZE;
	}
	fds->body_len = size;
	return 0;
}

/**
 * dg_fds_from_request() - look up the fds of a SEND in the running task
 * @user: the sending user
 * @attrs: the request's attributes, which dg_message_decode() accepted
 * @extack: where to say what is wrong
 *
 * Return: the files, not charged yet; NULL if there are none; or ERR_PTR:
 * -EBADF, -EINVAL, -EMSGSIZE, -ENOMEM.
 */
struct dg_fds *dg_fds_from_request(struct dg_user *user, struct nlattr **attrs,
				   struct netlink_ext_ack *extack)
{
	const struct nlattr *body = attrs[DBUS_GENL_MSG_A_BODY_FD];
	const struct nlattr *array = attrs[DBUS_GENL_MSG_A_FDS];
	unsigned int n = array ? nla_len(array) / sizeof(s32) : 0;
	struct dg_fds *fds;
	int err;

	if (!array && !body)
		return NULL;

	fds = kzalloc(struct_size(fds, file, n), GFP_KERNEL_ACCOUNT);
	if (!fds)
		return ERR_PTR(-ENOMEM);
	refcount_set(&fds->refs, 1);
	fds->user = dg_user_ref(user);

	for (; fds->n < n; fds->n++) {
		const s32 *fd = nla_data(array);

		/* O_PATH too, as SCM_RIGHTS does. */
		fds->file[fds->n] = fget_raw(fd[fds->n]);
		if (!fds->file[fds->n]) {
			NL_SET_ERR_MSG_ATTR(extack, array,
					    "FDS has what is not an open fd");
			err = -EBADF;
			goto err_put;
		}
	}
	if (body) {
		err = dg_fds_take_body(fds, body, extack);
		if (err)
			goto err_put;
	}
	return fds;

err_put:
	dg_fds_put(fds);
	return ERR_PTR(err);
}

static struct file *dg_memfd_make(const void *bytes, u32 len)
{
	struct address_space *pages;
	struct file *file;
	loff_t pos = 0;
	ssize_t written;

	file = dg_compat_shmem_file("dbus-body", len);
	if (IS_ERR(file))
		return file;
	pages = file->f_mapping;
	mapping_set_gfp_mask(pages, mapping_gfp_mask(pages) | __GFP_NOMEMALLOC);
	/* What opening it would have done. */
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	file->f_flags |= O_LARGEFILE;

	written = kernel_write(file, bytes, len, &pos);
	if (written != len) {
		fput(file);
		return ERR_PTR(written < 0 ? written : -ENOMEM);
	}
	dg_compat_seal(file, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
				     F_SEAL_WRITE);
	return file;
}

/*
 * A sealed memfd of these bytes, as a sender in user space makes one.  Its pages
 * are charged to the running task's cgroup, whatever is asked of it: so it is
 * told not to wait for that, as alloc.h says.
 */
static struct file *dg_memfd_of(const void *bytes, u32 len)
{
	bool once = dg_alloc_once();
	unsigned int flags = memalloc_noreclaim_save();
	struct file *file = dg_memfd_make(bytes, len);

	memalloc_noreclaim_restore(flags);
	return IS_ERR(file) && !once ? dg_memfd_make(bytes, len) : file;
}

/**
 * dg_fds_of_driver() - the files of a message of the driver
 * @user: the user whom it is for, and who is charged
 * @file: one that it comes with; or NULL, and none yet
 *
 * Return: the files, not charged yet; or NULL if memory is short.
 */
struct dg_fds *dg_fds_of_driver(struct dg_user *user, struct file *file)
{
	struct dg_fds *fds;

	fds = dg_kzalloc(struct_size(fds, file, !!file));
	if (!fds)
		return NULL;

	refcount_set(&fds->refs, 1);
	fds->user = dg_user_ref(user);
	if (file)
		fds->file[fds->n++] = get_file(file);
	return fds;
}

/**
 * dg_fds_put_body() - make a body that the driver has written one of the files
 * @fds: from dg_fds_of_driver()
 * @body: the body
 * @len: its length; at most DG_BODY_FD_SIZE_MAX
 *
 * Return: 0 or -ENOMEM.
 */
int dg_fds_put_body(struct dg_fds *fds, const void *body, u32 len)
{
	struct file *file = dg_memfd_of(body, len);

	if (IS_ERR(file))
		return -ENOMEM;
	fds->body = file;
	fds->body_len = len;
	return 0;
}

struct dg_fds *dg_fds_ref(struct dg_fds *fds)
{
	refcount_inc(&fds->refs);
	return fds;
}

/* Files and charge go with the last reference.  NULL is nothing. */
void dg_fds_put(struct dg_fds *fds)
{
	unsigned int i;

	if (!fds || !refcount_dec_and_test(&fds->refs))
		return;

	if (fds->charged)
		dg_user_uncharge_fds(fds->user, dg_fds_count(fds),
				     fds->body_len);
	for (i = 0; i < fds->n; i++)
		fput(fds->file[i]);
	if (fds->body)
		fput(fds->body);
	dg_user_put(fds->user);
	kfree(fds);
}

/*
 * Charges them to who sends them, if that has not been done: once, however many
 * receivers there will be.  By the running SEND, before anybody else knows of
 * them.  False: it has too many on their way.
 */
bool dg_fds_charge(struct dg_fds *fds)
{
	if (!fds || fds->charged)
		return true;

	fds->charged = dg_user_charge_fds(fds->user, dg_fds_count(fds),
					  fds->body_len);
	return fds->charged;
}

/**
 * dg_fds_read_args() - the first arguments of a body that is a file
 * @msg: the message; its body is set to them
 *
 * For match rules.  They look at a copy: who sent it can write to the file if
 * it is not sealed, which is for receivers to find out.  Ends with
 * dg_fds_free_args().
 *
 * Return: 0, or -ENOMEM.  What cannot be read has no arguments.
 */
int dg_fds_read_args(struct dg_msg *msg)
{
	struct dg_fds *fds = msg->fds;
	loff_t pos = 0;
	u32 end = 0;
	size_t size;
	ssize_t len;
	char *args;
	void *copy;

	size = min_t(size_t, fds->body_len, DG_BODY_FD_ARGS_MAX);
	copy = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	args = kstrdup(msg->signature, GFP_KERNEL_ACCOUNT);
	if (!args) {
		kvfree(copy);
		return -ENOMEM;
	}

	len = kernel_read(fds->body, copy, size, &pos);
	args[dg_body_valid_args(args, copy, max_t(ssize_t, len, 0), fds->n,
				&end)] = '\0';
	msg->args = args;
	msg->body = copy;
	msg->body_len = end;
	return 0;
}

void dg_fds_free_args(struct dg_msg *msg)
{
	if (!msg->fds || !msg->fds->body || !msg->body)
		return;

	kfree(msg->args);
	kvfree(msg->body);
	msg->args = "";
	msg->body = NULL;
	msg->body_len = 0;
}

static void dg_fds_uninstall(const struct dg_installed *installed)
{
	unsigned int i;

	for (i = 0; i < installed->n; i++)
		dg_compat_uninstall_fd(installed->fd[i]);
}

/**
 * dg_fds_install() - give the running task fds of the files
 * @fds: the files
 * @installed: set to the fds' numbers
 *
 * Return: 0; or -EMFILE, -ENOMEM, or a security module's refusal, and the task
 * has none of them.
 */
int dg_fds_install(const struct dg_fds *fds, struct dg_installed *installed)
{
	int fd;

	installed->body = -1;
	for (installed->n = 0; installed->n < fds->n; installed->n++) {
		fd = dg_compat_receive_fd(fds->file[installed->n]);
		if (fd < 0)
			goto err_uninstall;
		installed->fd[installed->n] = fd;
	}
	if (fds->body) {
		fd = dg_compat_receive_fd(fds->body);
		if (fd < 0)
			goto err_uninstall;
		installed->body = fd;
	}
	return 0;

err_uninstall:
	dg_fds_uninstall(installed);
	installed->n = 0;
	return fd;
}
