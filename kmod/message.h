/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * message.h - a D-Bus message as the rest of the module sees it
 *
 * A struct dg_msg is a view: its pointers lead into the netlink attributes of
 * the skb that it was decoded from (or into a driver function's own strings)
 * and live as long as that does.  Who holds a struct dg_msg holds a message
 * whose header obeys the specification; the body too, once it went through
 * dg_body_validate().
 */
#ifndef _DG_MESSAGE_H
#define _DG_MESSAGE_H

#include <linux/types.h>

struct dg_fds;
struct netlink_ext_ack;
struct nlattr;
struct nlmsghdr;

/*
 * Spec, "Message Format": the types of a message, and its flags.  What has
 * another type nobody but monitors gets: dg_is_unknown().
 */
enum dg_msg_type {
	DG_MSG_CALL	= 1,
	DG_MSG_RETURN	= 2,
	DG_MSG_ERROR	= 3,
	DG_MSG_SIGNAL	= 4,
};

#define DG_FLAG_NO_REPLY_EXPECTED	0x1
#define DG_FLAG_NO_AUTO_START		0x2

/**
 * struct dg_msg - a view of one D-Bus message
 * @sender: id of the sending peer; its unique name is ":1.(id - 1)".  0 is the
 *	driver, org.freedesktop.DBus.
 * @type: &enum dg_msg_type, or another one, which is not 0
 * @flags: header flags as in the specification
 * @serial: never 0
 * @reply_serial: 0 if absent
 * @path: NULL if absent, as are @interface, @member, @error_name, @destination
 * @interface: an interface name
 * @member: a member name
 * @error_name: an error name
 * @destination: a bus name as the sender wrote it, unique or well-known
 * @signature: the body's signature; "" (not NULL) if absent
 * @body: the body, aligned to 8 bytes; undefined if @body_len is 0
 * @body_len: bytes of @body
 * @args: types of the arguments that @body holds; NULL if it is @signature.  A
 *	body that came as a file is not here but for its first arguments, and
 *	for them only where match rules look at them: dg_fds_read_args()
 * @fds: the files that come with it, its body's among them; NULL: none
 * @nlh: what the pointers lead into, but for @args and what has been read of a
 *	file; NULL: strings of the driver's
 */
struct dg_msg {
	u64 sender;
	u8 type;
	u8 flags;
	u32 serial;
	u32 reply_serial;
	const char *path;
	const char *interface;
	const char *member;
	const char *error_name;
	const char *destination;
	const char *signature;
	const void *body;
	u32 body_len;
	const char *args;
	struct dg_fds *fds;
	const struct nlmsghdr *nlh;
};

static inline bool dg_is_reply(const struct dg_msg *msg)
{
	return msg->type == DG_MSG_RETURN || msg->type == DG_MSG_ERROR;
}

/* For all that ask for it. */
static inline bool dg_is_broadcast(const struct dg_msg *msg)
{
	return msg->type == DG_MSG_SIGNAL && !msg->destination;
}

static inline bool dg_is_unknown(const struct dg_msg *msg)
{
	return msg->type > DG_MSG_SIGNAL;
}

int dg_message_decode(struct dg_msg *msg, const struct nlmsghdr *nlh,
		      struct nlattr **attrs, struct netlink_ext_ack *extack);

#endif /* _DG_MESSAGE_H */
