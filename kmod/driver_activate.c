// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_activate.c - methods of org.freedesktop.DBus about starting services
 *
 * Their replies come when the bus's controller has done it: see activate.c.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "activate.h"
#include "bus.h"
#include "driver.h"
#include "names.h"
#include "service_names.h"

/* Spec, "StartServiceByName": the name has an owner already. */
#define DG_ALREADY_RUNNING 2

int dg_driver_start_service(struct dg_call *call)
{
	struct dg_ask ask = {
		.cmd = DBUS_GENL_CMD_ACTIVATE,
		.name = dg_call_string(call),
	};

	if (!dg_can_start(call->bus, ask.name))
		return dg_call_error(call, DG_ERROR("ServiceUnknown"),
				     "The name %s was not provided by any .service files",
				     ask.name);
	if (dg_bus_resolve(call->bus, ask.name)) {
		dg_body_put_u32(&call->out, DG_ALREADY_RUNNING);
		return 0;
	}
	return dg_start_for_call(call, &ask);
}

int dg_driver_list_activatable_names(struct dg_call *call)
{
	const struct dg_service_names *names = call->bus->activation.names;
	u32 i;

	dg_body_open_array(&call->out, 's');
	dg_body_put_string(&call->out, DG_DRIVER_NAME);
	for (i = 0; names && i < names->n; i++)
		dg_body_put_string(&call->out, names->name[i]);
	dg_body_close_array(&call->out);
	return 0;
}

/* A string of a body that is valid, as it is in memory: with its NUL. */
static size_t dg_copy_string(char *to, const u8 *body, u32 *pos)
{
	u32 len;

	*pos = ALIGN(*pos, 4);
	memcpy(&len, body + *pos, sizeof(len));
	*pos += sizeof(len);
	memcpy(to, body + *pos, len + 1);
	*pos += len + 1;
	return len + 1;
}

/* Names and values of an "a{ss}"; not longer than it is. */
static size_t dg_copy_environment(char *to, const struct dg_msg *msg)
{
	u32 pos = sizeof(u32) + sizeof(u32);
	size_t len = 0;

	while (pos < msg->body_len) {
		pos = ALIGN(pos, 8);
		len += dg_copy_string(to + len, msg->body, &pos);
		len += dg_copy_string(to + len, msg->body, &pos);
	}
	return len;
}

/*
 * With a controller that does not listen there is no environment to change;
 * programs call it at log-in and expect it to succeed.
 */
int dg_driver_update_environment(struct dg_call *call)
{
	struct dg_ask ask = { .cmd = DBUS_GENL_CMD_ENVIRONMENT, .name = "" };
	char *environment;
	int err;

	if (!call->bus->activation.controller)
		return 0;

	environment = kvmalloc(call->msg->body_len, GFP_KERNEL);
	if (!environment)
		return -ENOMEM;
	ask.environment = environment;
	ask.len = dg_copy_environment(environment, call->msg);
	err = dg_start_for_call(call, &ask);
	kvfree(environment);
	return err;
}

int dg_driver_reload_config(struct dg_call *call)
{
	struct dg_ask ask = { .cmd = DBUS_GENL_CMD_RELOAD, .name = "" };

	if (!call->bus->activation.controller)
		return 0;
	return dg_start_for_call(call, &ask);
}
