// SPDX-License-Identifier: GPL-2.0-only
/*
 * driver_names.c - methods of org.freedesktop.DBus about names
 */
#include "bus.h"
#include "driver.h"
#include "names.h"
#include "peer.h"
#include "policy_bus.h"
#include "quota.h"
#include "route.h"

int dg_driver_hello(struct dg_call *call)
{
	int err;

	if (call->peer->id)
		return dg_call_error(call, DG_ERROR("Failed"),
				     "Already handled an Hello message");

	if (dg_peer_is_one_too_many(call->peer, false))
		return dg_call_error(call, DG_ERROR("LimitsExceeded"),
				     "The maximum number of active connections for UID %u has been reached",
				     from_kuid_munged(current_user_ns(),
						      call->peer->cred->euid));
	if (dg_peer_is_one_too_many(call->peer, true))
		return dg_call_error(call, DG_ERROR("LimitsExceeded"),
				     "The maximum number of active connections has been reached");

	/* Room for the reply first: joining can't be taken back. */
	dg_body_put_string(&call->out, "                       ");
	if (call->out.err)
		return call->out.err;
	call->out.len = 0;

	err = dg_peer_activate(call->peer);
	if (err)
		return err;

	call->committed = true;
	dg_body_put_string(&call->out, call->peer->unique);
	/* It has its name now, and monitors see it so. */
	dg_route_request_to_monitors(call->bus, call->peer, call->msg,
				     call->packet, NULL);
	dg_stats_note_peaks(call->peer);
	return 0;
}

void dg_driver_hello_after(struct dg_call *call)
{
	dg_driver_unique_name_changed(call->bus, call->peer, false);
	dg_driver_unique_name_acquired(call->peer);
}

/* Checks that RequestName and ReleaseName share; true if an error was set. */
static bool dg_name_refused(struct dg_call *call, const char *name, bool request,
			    int *err)
{
	const char *unique = call->peer->unique;

	if (!dg_bus_name_valid(name, strlen(name)))
		*err = dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "%s bus name \"%s\" is not valid",
				     request ? "Requested" : "Given", name);
	else if (*name == ':')
		*err = dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "Cannot %s a service starting with ':' such as \"%s\"",
				     request ? "acquire" : "release", name);
	else if (strcmp(name, DG_DRIVER_NAME))
		return false;
	else if (request)
		/* The missing blank is dbus-daemon's. */
		*err = dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "Connection \"%s\" is not allowed to own the service \"%s\"because it is reserved for D-Bus' use only",
				     unique, name);
	else
		*err = dg_call_error(call, DG_ERROR("InvalidArgs"),
				     "Cannot release the %s service because it is owned by the bus",
				     name);
	return true;
}

int dg_driver_request_name(struct dg_call *call)
{
	struct dg_owner *owner = &call->peer->owner;
	const char *name = dg_call_string(call);
	u32 max = dg_limit(&call->bus->limits,
			   DBUS_GENL_LIMIT_A_MAX_NAMES_PER_CONNECTION);
	struct dg_name_change change;
	u32 flags = 0;
	int ret;

	WARN_ON_ONCE(dg_body_iter_u32(&call->args, &flags));
	if (dg_name_refused(call, name, true, &ret))
		return ret;

	if (!dg_policy_lets_own(call->peer, name))
		return dg_call_error(call, DG_ERROR("AccessDenied"),
				     "Connection \"%s\" is not allowed to own the service \"%s\" due to security policies in the configuration file",
				     call->peer->unique, name);

	/* The unique name counts, as it does with dbus-daemon. */
	if (owner->n_places + 1 >= max)
		return dg_call_error(call, DG_ERROR("LimitsExceeded"),
				     "Connection \"%s\" is not allowed to own more services (increase limits in configuration file if required; max_names_per_connection=%u)",
				     call->peer->unique, max);
	if (dg_user_holds_too_much(call->peer->user))
		return dg_call_holds_too_much(call);

	/* Room for the reply first: owning a name can't be taken back. */
	dg_body_put_u32(&call->out, 0);
	if (call->out.err)
		return call->out.err;
	call->out.len = 0;

	ret = dg_registry_request(&call->bus->registry, owner, name, flags,
				  &change);
	if (ret < 0)
		return ret;

	call->committed = true;
	dg_stats_note_peaks(call->peer);
	dg_driver_name_changed(call->bus, &change);
	dg_body_put_u32(&call->out, ret);
	return 0;
}

int dg_driver_release_name(struct dg_call *call)
{
	const char *name = dg_call_string(call);
	struct dg_name_change change;
	int ret;

	if (dg_name_refused(call, name, false, &ret))
		return ret;

	dg_body_put_u32(&call->out, 0);
	if (call->out.err)
		return call->out.err;
	call->out.len = 0;

	ret = dg_registry_release(&call->bus->registry, &call->peer->owner,
				  name, &change);

	call->committed = true;
	dg_driver_name_changed(call->bus, &change);
	dg_body_put_u32(&call->out, ret);
	return 0;
}

int dg_driver_name_has_owner(struct dg_call *call)
{
	const char *name = dg_call_string(call);
	bool has = !strcmp(name, DG_DRIVER_NAME) ||
		   dg_bus_resolve(call->bus, name);

	dg_body_put_bool(&call->out, has);
	return 0;
}

int dg_driver_get_name_owner(struct dg_call *call)
{
	const char *name = dg_call_string(call);
	struct dg_peer *peer;

	if (!strcmp(name, DG_DRIVER_NAME)) {
		dg_body_put_string(&call->out, name);
		return 0;
	}

	peer = dg_bus_resolve(call->bus, name);
	if (!peer)
		return dg_call_error(call, DG_ERROR("NameHasNoOwner"),
				     "Could not get owner of name '%s': no such name",
				     name);
	dg_body_put_string(&call->out, peer->unique);
	return 0;
}

static int dg_list_name(void *data, const char *name, struct dg_owner *owner)
{
	dg_body_put_string(data, name);
	return 0;
}

int dg_driver_list_names(struct dg_call *call)
{
	struct dg_peer *peer;
	unsigned long id;

	dg_body_open_array(&call->out, 's');
	dg_body_put_string(&call->out, DG_DRIVER_NAME);
	dg_registry_for_each_name(&call->bus->registry, dg_list_name,
				  &call->out);
	xa_for_each(&call->bus->peers, id, peer)
		dg_body_put_string(&call->out, peer->unique);
	dg_body_close_array(&call->out);
	return 0;
}

static int dg_list_owner(void *data, struct dg_owner *owner)
{
	dg_body_put_string(data, dg_peer_of_owner(owner)->unique);
	return 0;
}

int dg_driver_list_queued_owners(struct dg_call *call)
{
	const char *name = dg_call_string(call);
	struct dg_peer *peer;
	int err = 0;

	dg_body_open_array(&call->out, 's');
	if (!strcmp(name, DG_DRIVER_NAME)) {
		dg_body_put_string(&call->out, name);
	} else if (*name == ':') {
		peer = dg_bus_resolve(call->bus, name);
		if (peer)
			dg_body_put_string(&call->out, peer->unique);
		else
			err = -ENOENT;
	} else {
		err = dg_registry_for_each_queued(&call->bus->registry, name,
						  dg_list_owner, &call->out);
	}
	dg_body_close_array(&call->out);

	if (err)
		return dg_call_error(call, DG_ERROR("NameHasNoOwner"),
				     "Could not get owners of name '%s': no such name",
				     name);
	return 0;
}
