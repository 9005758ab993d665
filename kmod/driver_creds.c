// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_creds.c - methods of org.freedesktop.DBus about who a peer is
 *
 * What is told is who called CONNECT, whatever became of that process since.
 * Ids are shown as the caller's namespaces see them: the driver runs in the
 * caller's task.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "bus.h"
#include "driver.h"
#include "fds.h"
#include "names.h"
#include "peer.h"

/* Reads the call's name; false if there is no such peer: *@err says so. */
bool dg_call_subject(struct dg_call *call, struct dg_subject *subject,
		     const char *what, int *err)
{
	subject->name = dg_call_string(call);
	subject->peer = NULL;
	if (!strcmp(subject->name, DG_DRIVER_NAME))
		return true;

	subject->peer = dg_bus_resolve(call->bus, subject->name);
	if (subject->peer)
		return true;

	*err = dg_call_error(call, DG_ERROR("NameHasNoOwner"),
			     "Could not get %s of name '%s': no such name",
			     what, subject->name);
	return false;
}

/* The driver's user is the bus's, as dbus-daemon's is. */
static u32 dg_subject_uid(struct dg_call *call, struct dg_subject *subject)
{
	return from_kuid_munged(current_user_ns(),
				subject->peer ? subject->peer->cred->euid :
						call->bus->uid);
}

/* 0 if the process is not in the caller's pid namespace, or is no process. */
static u32 dg_subject_pid(struct dg_subject *subject)
{
	return subject->peer ? pid_nr_ns(subject->peer->pid,
					 task_active_pid_ns(current)) : 0;
}

int dg_driver_get_unix_user(struct dg_call *call)
{
	struct dg_subject subject;
	int err;

	if (!dg_call_subject(call, &subject, "UID", &err))
		return err;

	dg_body_put_u32(&call->out, dg_subject_uid(call, &subject));
	return 0;
}

int dg_driver_get_process_id(struct dg_call *call)
{
	struct dg_subject subject;
	u32 pid;
	int err;

	if (!dg_call_subject(call, &subject, "PID", &err))
		return err;

	pid = dg_subject_pid(&subject);
	if (!pid)
		return dg_call_error(call, DG_ERROR("UnixProcessIdUnknown"),
				     "Could not determine PID for '%s'",
				     subject.name);
	dg_body_put_u32(&call->out, pid);
	return 0;
}

/* An entry of a{sv}. */
void dg_put_entry_u32(struct dg_body_writer *out, const char *key, u32 value)
{
	dg_body_open_struct(out);
	dg_body_put_string(out, key);
	dg_body_open_variant(out, "u");
	dg_body_put_u32(out, value);
	dg_body_close_variant(out);
	dg_body_close_struct(out);
}

/* Supplementary groups are sorted; the effective one goes where it belongs. */
static void dg_put_groups(struct dg_body_writer *out, const struct cred *cred)
{
	struct user_namespace *ns = current_user_ns();
	const struct group_info *groups = cred->group_info;
	bool egid_done = false;
	int i;

	dg_body_open_struct(out);
	dg_body_put_string(out, "UnixGroupIDs");
	dg_body_open_variant(out, "au");
	dg_body_open_array(out, 'u');
	for (i = 0; i < groups->ngroups; i++) {
		if (!egid_done && gid_lte(cred->egid, groups->gid[i])) {
			egid_done = true;
			if (!gid_eq(cred->egid, groups->gid[i]))
				dg_body_put_u32(out,
						from_kgid_munged(ns, cred->egid));
		}
		dg_body_put_u32(out, from_kgid_munged(ns, groups->gid[i]));
	}
	if (!egid_done)
		dg_body_put_u32(out, from_kgid_munged(ns, cred->egid));
	dg_body_close_array(out);
	dg_body_close_variant(out);
	dg_body_close_struct(out);
}

static void dg_put_label(struct dg_body_writer *out, const char *label)
{
	if (!label)
		return;

	dg_body_open_struct(out);
	dg_body_put_string(out, "LinuxSecurityLabel");
	dg_body_open_variant(out, "ay");
	dg_body_open_array(out, 'y');
	/* Its NUL is part of it (spec, "GetConnectionCredentials"). */
	dg_body_put_bytes(out, label, strlen(label) + 1);
	dg_body_close_array(out);
	dg_body_close_variant(out);
	dg_body_close_struct(out);
}

/*
 * The pidfd that the peer gave CONNECT, for callers that take fds.  As with the
 * process's number, only where the caller's pid namespace has the process.
 */
static int dg_put_process_fd(struct dg_call *call, const struct dg_peer *peer)
{
	struct dg_body_writer *out = &call->out;

	if (!peer->pidfd || !call->peer->takes_fds)
		return 0;

	call->fds = dg_fds_of_driver(call->peer->user, peer->pidfd);
	if (!call->fds)
		return -ENOMEM;

	dg_body_open_struct(out);
	dg_body_put_string(out, "ProcessFD");
	dg_body_open_variant(out, "h");
	dg_body_put_u32(out, 0);
	dg_body_close_variant(out);
	dg_body_close_struct(out);
	return 0;
}

int dg_driver_get_credentials(struct dg_call *call)
{
	struct dg_body_writer *out = &call->out;
	struct dg_subject subject;
	int err;
	u32 pid;

	if (!dg_call_subject(call, &subject, "credentials", &err))
		return err;

	dg_body_open_array(out, '{');
	pid = dg_subject_pid(&subject);
	if (pid) {
		dg_put_entry_u32(out, "ProcessID", pid);
		err = dg_put_process_fd(call, subject.peer);
		if (err)
			return err;
	}
	dg_put_entry_u32(out, "UnixUserID", dg_subject_uid(call, &subject));
	if (subject.peer) {
		dg_put_groups(out, subject.peer->cred);
		dg_put_label(out, subject.peer->label);
	}
	dg_body_close_array(out);
	return 0;
}

/* Solaris's; on Linux, dbus-daemon has it for nobody. */
int dg_driver_get_audit_data(struct dg_call *call)
{
	struct dg_subject subject;
	int err;

	if (!dg_call_subject(call, &subject, "audit session data", &err))
		return err;
	return dg_call_error(call, DG_ERROR("AdtAuditDataUnknown"),
			     "Could not determine audit session data for '%s'",
			     subject.name);
}

/*
 * As dbus-daemon answers where SELinux is not in use.  Where it is, the label
 * is in GetConnectionCredentials: a module can't tell whose label it is.
 */
int dg_driver_get_selinux_context(struct dg_call *call)
{
	struct dg_subject subject;
	int err;

	if (!dg_call_subject(call, &subject, "security context", &err))
		return err;
	return dg_call_error(call, DG_ERROR("SELinuxSecurityContextUnknown"),
			     "Could not determine security context for '%s'",
			     subject.name);
}
