// SPDX-License-Identifier: GPL-2.0-only
/*
 * message.c - from the attributes of a SEND to a message that is valid
 *
 * The netlink policy has seen to types and lengths, netlink.c to attributes
 * that are repeated; here is what the specification says of a message's header
 * and body.  There is no other parser of headers in the kernel.
 */
#include <linux/dbus_genl.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "body.h"
#include "compat/compat.h"
#include "limits.h"
#include "message.h"
#include "names.h"
#include "signature.h"

/* "Message Format" reserves both: no message comes over a bus with them. */
#define DG_LOCAL_PATH		"/org/freedesktop/DBus/Local"
#define DG_LOCAL_INTERFACE	"org.freedesktop.DBus.Local"

/* A macro: NL_SET_ERR_MSG_ATTR() wants its text to be a literal. */
#define dg_refuse(extack, attr, err, text) ({				\
	NL_SET_ERR_MSG_ATTR(extack, attr, text);			\
	err;								\
})

/* Reads a string: NULL if it is absent or @valid refuses it; then *@err. */
static const char *dg_string(const struct nlattr *attr,
			     bool (*valid)(const char *s, size_t n), int *err)
{
	const char *s;
	size_t len;

	if (!attr)
		return NULL;

	/* The policy wants a NUL at the end; there must be none before it. */
	s = nla_data(attr);
	len = nla_len(attr) - 1;
	if (strnlen(s, len) == len && valid(s, len))
		return s;

	*err = -EINVAL;
	return NULL;
}

static int dg_decode_strings(struct dg_msg *msg, struct nlattr **attrs,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	int err = 0;

#define DG_DECODE_STRING(type, field, valid, text) do {			\
	attr = attrs[DBUS_GENL_MSG_A_##type];				\
	msg->field = dg_string(attr, valid, &err);			\
	if (err)							\
		return dg_refuse(extack, attr, err, text);		\
} while (0)

	DG_DECODE_STRING(PATH, path, dg_path_valid,
			 "PATH is not an object path");
	DG_DECODE_STRING(INTERFACE, interface, dg_interface_valid,
			 "INTERFACE is not an interface name");
	DG_DECODE_STRING(MEMBER, member, dg_member_valid,
			 "MEMBER is not a member name");
	DG_DECODE_STRING(ERROR_NAME, error_name, dg_error_name_valid,
			 "ERROR_NAME is not an error name");
	DG_DECODE_STRING(DESTINATION, destination, dg_bus_name_valid,
			 "DESTINATION is not a bus name");
	DG_DECODE_STRING(SIGNATURE, signature, dg_signature_valid,
			 "SIGNATURE is not a signature");
#undef DG_DECODE_STRING

	if (!msg->signature)
		msg->signature = "";
	return 0;
}

static int dg_check_required(const struct dg_msg *msg,
			     struct netlink_ext_ack *extack)
{
#define DG_REQUIRE(field, type) do {					\
	if (!msg->field) {						\
		NL_SET_ERR_MSG(extack, #type " is missing");		\
		NL_SET_ERR_ATTR_MISS(extack, NULL,			\
				     DBUS_GENL_MSG_A_##type);		\
		return -EINVAL;						\
	}								\
} while (0)

	switch (msg->type) {
	case DG_MSG_SIGNAL:
		DG_REQUIRE(interface, INTERFACE);
		fallthrough;
	case DG_MSG_CALL:
		DG_REQUIRE(path, PATH);
		DG_REQUIRE(member, MEMBER);
		break;
	case DG_MSG_ERROR:
		DG_REQUIRE(error_name, ERROR_NAME);
		fallthrough;
	case DG_MSG_RETURN:
		DG_REQUIRE(reply_serial, REPLY_SERIAL);
		break;
	}
#undef DG_REQUIRE
	return 0;
}

/* The body is a file: it is the receivers' to check. */
static int dg_decode_body_fd(struct dg_msg *msg, struct nlattr **attrs,
			     struct netlink_ext_ack *extack)
{
	if (attrs[DBUS_GENL_MSG_A_BODY])
		return dg_refuse(extack, attrs[DBUS_GENL_MSG_A_BODY_FD],
				 -EINVAL, "BODY and BODY_FD");
	if (!*msg->signature)
		return dg_refuse(extack, attrs[DBUS_GENL_MSG_A_BODY_FD],
				 -EINVAL, "BODY_FD without SIGNATURE");
	msg->args = "";
	return 0;
}

static int dg_decode_body(struct dg_msg *msg, const struct nlmsghdr *nlh,
			  const struct nlattr *attr, u32 nfds,
			  struct netlink_ext_ack *extack)
{
	if (attr) {
		msg->body = nla_data(attr);
		msg->body_len = nla_len(attr);
	}
	if (msg->body_len && !IS_ALIGNED((u8 *)msg->body - (u8 *)nlh, 8))
		return dg_refuse(extack, attr, -EINVAL,
				 "BODY is not aligned to 8 bytes");
	if (dg_body_validate(msg->signature, msg->body, msg->body_len,
			     nfds))
		return dg_refuse(extack, attr, -EINVAL,
				 "BODY is not what SIGNATURE says");
	return 0;
}

/**
 * dg_message_decode() - read and check the message of a SEND
 * @msg: what to fill in; points into @attrs afterwards
 * @nlh: the request
 * @attrs: its attributes
 * @extack: where to say what is wrong; may be NULL
 *
 * The fds are not looked up: dg_fds_from_request() does.
 *
 * Return: 0 and the message is valid; -EINVAL, -EMSGSIZE.
 */
int dg_message_decode(struct dg_msg *msg, const struct nlmsghdr *nlh,
		      struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	u32 nfds = 0;
	int err;

	memset(msg, 0, sizeof(*msg));
	msg->nlh = nlh;

	if (nlmsg_attrlen(nlh, GENL_HDRLEN) > DG_MESSAGE_SIZE_MAX)
		return dg_refuse(extack, NULL, -EMSGSIZE,
				 "message is larger than MAX_MESSAGE_SIZE");

	attr = attrs[DBUS_GENL_MSG_A_FDS];
	if (attr && nla_len(attr) % sizeof(s32))
		return dg_refuse(extack, attr, -EINVAL,
				 "FDS is not an array of s32");
	if (attr)
		nfds = nla_len(attr) / sizeof(s32);

	/* In front, so that SEND can become MESSAGE where it is. */
	attr = attrs[DBUS_GENL_MSG_A_SENDER];
	if (!attr || attr != nlmsg_attrdata(nlh, GENL_HDRLEN))
		return dg_refuse(extack, attr, -EINVAL,
				 "SENDER is not the first attribute");
	if (nla_get_u64(attr))
		return dg_refuse(extack, attr, -EINVAL, "SENDER is not 0");

	attr = attrs[DBUS_GENL_MSG_A_TYPE];
	if (!attr)
		return dg_refuse(extack, attr, -EINVAL, "TYPE is missing");
	msg->type = nla_get_u8(attr);

	attr = attrs[DBUS_GENL_MSG_A_FLAGS];
	if (attr)
		msg->flags = nla_get_u8(attr);

	attr = attrs[DBUS_GENL_MSG_A_SERIAL];
	if (!attr || !nla_get_u32(attr))
		return dg_refuse(extack, attr, -EINVAL,
				 "SERIAL is missing or 0");
	msg->serial = nla_get_u32(attr);

	attr = attrs[DBUS_GENL_MSG_A_REPLY_SERIAL];
	if (attr && !nla_get_u32(attr))
		return dg_refuse(extack, attr, -EINVAL, "REPLY_SERIAL is 0");
	if (attr)
		msg->reply_serial = nla_get_u32(attr);

	err = dg_decode_strings(msg, attrs, extack);
	if (err)
		return err;
	err = dg_check_required(msg, extack);
	if (err)
		return err;

	if (msg->path && !strcmp(msg->path, DG_LOCAL_PATH))
		return dg_refuse(extack, attrs[DBUS_GENL_MSG_A_PATH], -EINVAL,
				 "PATH is reserved for local messages");
	if (msg->interface && !strcmp(msg->interface, DG_LOCAL_INTERFACE))
		return dg_refuse(extack, attrs[DBUS_GENL_MSG_A_INTERFACE],
				 -EINVAL,
				 "INTERFACE is reserved for local messages");

	if (attrs[DBUS_GENL_MSG_A_BODY_FD])
		return dg_decode_body_fd(msg, attrs, extack);
	return dg_decode_body(msg, nlh, attrs[DBUS_GENL_MSG_A_BODY], nfds,
			      extack);
}
