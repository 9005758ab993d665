// SPDX-License-Identifier: GPL-2.0-only
/*
 * activate_cmd.c - commands of a bus's controller about starting services
 */
#include <linux/dbus_genl.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <net/genetlink.h>

#include "activate.h"
#include "activate_cmd.h"
#include "bus.h"
#include "names.h"
#include "request.h"
#include "service_names.h"

const struct nla_policy dg_activatable_attrs[DBUS_GENL_BUS_A_MAX + 1] = {
	[DBUS_GENL_BUS_A_ACTIVATABLE] = { .type = NLA_BINARY },
	[DBUS_GENL_BUS_A_ACTIVATABLE_FD] = { .type = NLA_S32 },
};

const struct nla_policy dg_activate_attrs[DBUS_GENL_ACTIVATE_A_MAX + 1] = {
	[DBUS_GENL_ACTIVATE_A_ID] = { .type = NLA_U64 },
	[DBUS_GENL_ACTIVATE_A_ERROR_NAME] = { .type = NLA_NUL_STRING,
					      .len = DG_NAME_MAX },
	[DBUS_GENL_ACTIVATE_A_ERROR_TEXT] = { .type = NLA_NUL_STRING,
					      .len = DBUS_GENL_ERROR_TEXT_MAX },
};

int dg_cmd_activatable_set(struct sk_buff *skb, struct genl_info *info)
{
	const struct dg_blob_attrs attrs = {
		.inlined = info->attrs[DBUS_GENL_BUS_A_ACTIVATABLE],
		.fd = info->attrs[DBUS_GENL_BUS_A_ACTIVATABLE_FD],
		.max = DBUS_GENL_ACTIVATABLE_MAX,
	};
	struct dg_service_names *names;
	struct dg_bus *bus;
	const char *why;
	size_t len = 0;
	void *blob;
	u32 which;
	int err;

	bus = dg_get_controlled(skb, info);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	blob = dg_get_blob(&attrs, &len, info->extack);
	err = PTR_ERR_OR_ZERO(blob);
	if (err)
		goto out;

	names = dg_service_names_load(blob, len, &why, &which);
	err = PTR_ERR_OR_ZERO(names);
	if (err) {
		kvfree(blob);
		if (why)
			dg_complain(info->extack, attrs.inlined ?: attrs.fd,
				    why, &which, sizeof(which));
		goto out;
	}

	down_write(&bus->lock);
	err = dg_activation_declare(bus, NETLINK_CB(skb).sk, names);
	up_write(&bus->lock);
	if (err)
		dg_service_names_free(names);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "the bus is gone");
out:
	dg_bus_put(bus);
	return err;
}

/* The error of an answer, or NULL. */
static int dg_get_error(struct genl_info *info, const char **name,
			const char **text)
{
	struct nlattr *name_attr = info->attrs[DBUS_GENL_ACTIVATE_A_ERROR_NAME];
	struct nlattr *text_attr = info->attrs[DBUS_GENL_ACTIVATE_A_ERROR_TEXT];
	size_t len;

	if (!name_attr != !text_attr) {
		NL_SET_ERR_MSG(info->extack,
			       "ERROR_NAME and ERROR_TEXT go together");
		return -EINVAL;
	}
	if (!name_attr)
		return 0;

	*name = nla_data(name_attr);
	len = nla_len(name_attr) - 1;
	if (strnlen(*name, len) != len || !dg_error_name_valid(*name, len)) {
		NL_SET_ERR_MSG_ATTR(info->extack, name_attr,
				    "ERROR_NAME is not an error's name");
		return -EINVAL;
	}
	*text = nla_data(text_attr);
	len = nla_len(text_attr) - 1;
	if (strnlen(*text, len) != len || !dg_utf8_valid(*text, len)) {
		NL_SET_ERR_MSG_ATTR(info->extack, text_attr,
				    "ERROR_TEXT is not UTF-8");
		return -EINVAL;
	}
	return 0;
}

/* ACTIVATE, RELOAD, ENVIRONMENT: the controller answers. */
int dg_cmd_activate(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[DBUS_GENL_ACTIVATE_A_ID];
	const char *error = NULL, *text = NULL;
	u8 cmd = info->genlhdr->cmd;
	struct dg_bus *bus;
	int err;

	if (!id) {
		NL_SET_ERR_MSG(info->extack, "ID is missing");
		return -EINVAL;
	}
	err = dg_get_error(info, &error, &text);
	if (err)
		return err;
	if (cmd == DBUS_GENL_CMD_ACTIVATE && !error) {
		NL_SET_ERR_MSG(info->extack,
			       "no error: a service has been started when its name has an owner");
		return -EINVAL;
	}

	bus = dg_get_controlled(skb, info);
	if (IS_ERR(bus))
		return PTR_ERR(bus);

	down_write(&bus->lock);
	err = dg_start_finish(bus, cmd, nla_get_u64(id), error, text);
	up_write(&bus->lock);
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, id,
				    "nobody waits for that request");
	dg_bus_put(bus);
	return err;
}

/* PULL, from a socket that is no peer. */
int dg_cmd_pull_requests(struct sk_buff *skb, struct genl_info *info)
{
	struct dg_bus *bus = dg_bus_controlled(NETLINK_CB(skb).sk,
					       info->snd_portid);
	int err;

	if (!bus)
		return -ENOTCONN;

	down_write(&bus->lock);
	err = dg_activation_pull(bus);
	up_write(&bus->lock);
	dg_bus_put(bus);
	return err;
}
