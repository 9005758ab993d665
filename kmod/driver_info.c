// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_info.c - what the driver says of itself and of the machine
 */
#include <linux/kernel.h>
#include <linux/slab.h>

#include "bus.h"
#include "driver.h"
#include "names.h"
#include "peer.h"
#include "signature.h"

#define DG_INTROSPECT_SIZE	8192

int dg_driver_get_id(struct dg_call *call)
{
	dg_body_put_string(&call->out, call->bus->guid);
	return 0;
}

/* Without a destination, libdbus answers whatever the arguments. */
int dg_driver_ping(struct dg_call *call)
{
	return 0;
}

int dg_driver_get_machine_id(struct dg_call *call)
{
	if (!*call->bus->machine_id)
		return dg_call_error(call, DG_ERROR("FileNotFound"),
				     "Who made this bus did not tell it the machine's id");
	dg_body_put_string(&call->out, call->bus->machine_id);
	return 0;
}

/* A text that grows in a buffer; what does not fit is an error at the end. */
struct dg_text {
	char *buf;
	size_t size;
	size_t len;
};

static __printf(2, 3) void dg_text_add(struct dg_text *text, const char *fmt,
				       ...)
{
	va_list args;

	va_start(args, fmt);
	text->len += vsnprintf(text->buf + min(text->len, text->size),
			       text->size - min(text->len, text->size), fmt,
			       args);
	va_end(args);
}

static void dg_introspect_args(struct dg_text *text, const char *direction,
			       const char *sig)
{
	const char *next;

	for (; *sig; sig = next) {
		next = dg_signature_skip(sig);
		dg_text_add(text,
			    "      <arg direction=\"%s\" type=\"%.*s\"/>\n",
			    direction, (int)(next - sig), sig);
	}
}

static void dg_introspect_interface(struct dg_text *text,
				    const struct dg_driver_interface *interface)
{
	const struct dg_method *method;

	dg_text_add(text, "  <interface name=\"%s\">\n", interface->name);
	for (method = interface->methods; method->name; method++) {
		dg_text_add(text, "    <method name=\"%s\">\n", method->name);
		dg_introspect_args(text, "in", method->in);
		dg_introspect_args(text, "out", method->out);
		dg_text_add(text, "    </method>\n");
	}
	if (interface->extra)
		dg_text_add(text, "%s", interface->extra);
	dg_text_add(text, "  </interface>\n");
}

/* Where the driver is, seen from an object above it; NULL from any other. */
static const char *dg_driver_path_below(const char *path)
{
	size_t len = strcmp(path, "/") ? strlen(path) : 0;

	if (strncmp(path, DG_DRIVER_PATH, len) || DG_DRIVER_PATH[len] != '/')
		return NULL;
	return &DG_DRIVER_PATH[len + 1];
}

static void dg_introspect_driver(struct dg_text *text, const char *path)
{
	bool canonical = !strcmp(path, DG_DRIVER_PATH);
	const struct dg_driver_interface *interface;
	const char *below = dg_driver_path_below(path);

	for (interface = dg_driver_interfaces; interface->name; interface++)
		if (canonical || !interface->canonical)
			dg_introspect_interface(text, interface);
	if (below)
		dg_text_add(text, "  <node name=\"%s\"/>\n", below);
}

/* Without a destination it asks the connection's other end, which has none. */
int dg_driver_introspect(struct dg_call *call)
{
	struct dg_text text = { .size = DG_INTROSPECT_SIZE };

	text.buf = kmalloc(text.size, GFP_KERNEL);
	if (!text.buf)
		return -ENOMEM;

	dg_text_add(&text,
		    "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
		    "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
		    "<node>\n");
	if (call->msg->destination)
		dg_introspect_driver(&text, call->msg->path);
	dg_text_add(&text, "</node>\n");

	if (!WARN_ON_ONCE(text.len >= text.size))
		dg_body_put_string(&call->out, text.buf);
	kfree(text.buf);
	return 0;
}

/* Properties: both are arrays of strings that never change. */
static const char *const dg_features[] = {
	"ActivatableServicesChanged",
	/* What a header has is what the kernel knows: attributes. */
	"HeaderFiltering",
	NULL
};

static const char *const dg_optional_interfaces[] = {
	DG_DRIVER_NAME ".Monitoring",
	DG_DRIVER_NAME ".Debug.Stats",
	NULL
};

static const struct {
	const char *name;
	const char *const *value;
} dg_properties[] = {
	{ "Features", dg_features },
	{ "Interfaces", dg_optional_interfaces },
};

static void dg_put_property(struct dg_body_writer *out,
			    const char *const *value)
{
	dg_body_open_variant(out, "as");
	dg_body_open_array(out, 's');
	for (; *value; value++)
		dg_body_put_string(out, *value);
	dg_body_close_array(out);
	dg_body_close_variant(out);
}

/*
 * Reads which interface a call of Properties is about: its name, and whether
 * it has properties; or NULL, and *@err is what the method returns.
 */
static const char *dg_call_interface(struct dg_call *call, bool *has, int *err)
{
	const struct dg_driver_interface *interface;
	const char *name = dg_call_string(call);

	for (interface = dg_driver_interfaces; interface->name; interface++) {
		if (!strcmp(name, interface->name)) {
			*has = interface == dg_driver_interfaces;
			return name;
		}
	}
	*err = dg_call_error(call, DG_ERROR("UnknownInterface"),
			     "Interface \"%s\" not found", name);
	return NULL;
}

/* Finds the property that Get and Set name: its index, or -1 and *@err. */
static int dg_call_property(struct dg_call *call, int *err)
{
	const char *interface, *name;
	bool has;
	int i;

	interface = dg_call_interface(call, &has, err);
	if (!interface)
		return -1;

	name = dg_call_string(call);
	for (i = 0; has && i < ARRAY_SIZE(dg_properties); i++)
		if (!strcmp(name, dg_properties[i].name))
			return i;

	*err = dg_call_error(call, DG_ERROR("UnknownProperty"),
			     "Property \"%s.%s\" not found", interface, name);
	return -1;
}

int dg_driver_property_get(struct dg_call *call)
{
	int err, i = dg_call_property(call, &err);

	if (i < 0)
		return err;
	dg_put_property(&call->out, dg_properties[i].value);
	return 0;
}

int dg_driver_property_get_all(struct dg_call *call)
{
	bool has;
	int err, i;

	if (!dg_call_interface(call, &has, &err))
		return err;

	dg_body_open_array(&call->out, '{');
	for (i = 0; has && i < ARRAY_SIZE(dg_properties); i++) {
		dg_body_open_struct(&call->out);
		dg_body_put_string(&call->out, dg_properties[i].name);
		dg_put_property(&call->out, dg_properties[i].value);
		dg_body_close_struct(&call->out);
	}
	dg_body_close_array(&call->out);
	return 0;
}

int dg_driver_property_set(struct dg_call *call)
{
	int err, i = dg_call_property(call, &err);

	if (i < 0)
		return err;
	return dg_call_error(call, DG_ERROR("PropertyReadOnly"),
			     "Property '%s.%s' cannot be set", DG_DRIVER_NAME,
			     dg_properties[i].name);
}
