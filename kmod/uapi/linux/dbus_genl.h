/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * dbus_genl.h - the contract between the D-Bus bus in the kernel and its users
 * Size: a contract is one document, and programs include one file.
 *
 * A message bus of the D-Bus specification (dbus.freedesktop.org, version
 * 0.38; "spec" below) as the Generic Netlink family "dbus".  A client opens a
 * NETLINK_GENERIC socket, sends CONNECT with the name of a bus, and is from
 * then on a *peer* of that bus, until the socket is closed or DISCONNECT comes.
 * One socket is one peer at a time.  After CONNECT the peer does what it would
 * do on any other transport: it calls Hello of org.freedesktop.DBus, and so on;
 * the driver is a peer that lives in the kernel, and it is called with SEND like
 * any other.
 *
 * Errors of the contract (malformed requests, no such bus, no permission) are
 * netlink errors: NLMSG_ERROR with a negative errno and, if the socket has
 * NETLINK_EXT_ACK, a text.  Errors of D-Bus (no such name, quota exceeded,
 * policy) are D-Bus error messages, delivered with MESSAGE, as from a daemon.
 *
 * Integers are in native byte order.  Strings are NUL-terminated UTF-8 without
 * NUL inside (spec, "Basic types").  Every request is validated strictly: an
 * unknown, missing, repeated or malformed attribute is -EINVAL (-ERANGE where
 * the netlink policy finds a value or length out of range) and nothing else
 * happens.  Of the requests of one sendmsg() those that come after a signal
 * which kills the task are not done: -EINTR, which nobody is there to read.
 * Generic netlink itself says, without a text, -EOPNOTSUPP to commands
 * that there are not, to MESSAGE and DISCONNECT from a client, to NLM_F_DUMP where
 * there is no dump and to BUS_GET without it; and -EBUSY to a dump on a socket
 * that has another one going on.
 */
#ifndef _UAPI_LINUX_DBUS_GENL_H
#define _UAPI_LINUX_DBUS_GENL_H

#define DBUS_GENL_NAME		"dbus"
#define DBUS_GENL_VERSION	1

/*
 * Longest value of one attribute: the netlink attribute's 16-bit length less
 * its header.  Bounds inline bodies and every string of a message header.
 */
#define DBUS_GENL_ATTR_MAX	65531

/* Longest name of a bus; it is made of A-Z a-z 0-9 '-' '_'. */
#define DBUS_GENL_BUS_NAME_MAX	64

/* A bus's GUID in text: 32 hexadecimal digits (spec, "UUIDs"). */
#define DBUS_GENL_GUID_LEN	32

/*
 * MSG_A_SENDER of a message that a monitor sees and whose sender has no unique
 * name yet: dbus-daemon calls it ":not.active.yet".
 */
#define DBUS_GENL_SENDER_NOT_ACTIVE	0xffffffffffffffffULL

/**
 * enum dbus_genl_cmd - commands of the family
 *
 * @DBUS_GENL_CMD_CONNECT: client → kernel.  Makes the sending socket a peer
 *	of the bus named by BUS_A_NAME (and BUS_A_UID for another user's bus).
 *	Credentials are those of the caller, fixed now and for good; they must
 *	be the very ones that opened the socket: the same process, which has
 *	not changed its own since.  Answered by a CONNECT
 *	message with BUS_A_GUID, BUS_A_MAX_MESSAGE_SIZE, BUS_A_MAX_FDS,
 *	BUS_A_MAX_BODY_FD_SIZE.  BUS_A_FLAGS, optional, are &enum
 *	dbus_genl_peer_flags: what the peer can do.  BUS_A_PIDFD, optional,
 *	is the caller's process, for others to hold on to.
 *	Errors: -ENOENT no such bus; -EACCES the bus does not admit this user;
 *	-EPERM it was opened by another process, or with other credentials;
 *	-EISCONN the socket is a peer or a controller already; -EUSERS too many
 *	of this user's peers have not said Hello; -ENOBUFS no room for the answer; -EINVAL
 *	NAME is none, UID is not mapped here; -EBADF, -EINVAL see BUS_A_PIDFD;
 *	-ENODEV the module is being removed; -ENOMEM.
 * @DBUS_GENL_CMD_SEND: client → kernel.  One D-Bus message, in MSG_A_*
 *	attributes.  Nothing is answered when it is accepted (unless NLM_F_ACK
 *	asks).  Set nlmsg_seq to the message's serial: a netlink error carries
 *	it back.  No netlink flags but NLM_F_REQUEST and NLM_F_ACK: they are
 *	handed on as they are.  Errors: -ENOTCONN the socket is not a peer (or
 *	its bus is gone); -EINVAL the message is malformed (see &enum
 *	dbus_genl_msg_attr) or has other flags; -EMSGSIZE it is larger than the
 *	bus allows; -ERANGE it has more fds than that; -ENOBUFS the sender has
 *	so much unread from the driver that it must read before it sends; -EBADF
 *	what FDS or BODY_FD has is not an open fd; -EPERM they are those of a
 *	process that the peer (who called CONNECT) could not take them from, by
 *	the rules of pidfd_getfd(2); -ENOMEM.  Files beyond what a user may have
 *	on its way, or one receiver may have unclaimed, are an error message,
 *	LimitsExceeded.
 * @DBUS_GENL_CMD_MESSAGE: kernel → client.  A D-Bus message for this peer, in
 *	the same layout as SEND; MSG_A_SENDER is set by the kernel.  nlmsg_seq,
 *	nlmsg_flags mean nothing in it, nlmsg_pid is 0.  A monitor, as
 *	BecomeMonitor of org.freedesktop.DBus.Monitoring makes it, gets those
 *	for others, too, with their own MSG_A_DESTINATION: replies and signals
 *	of the driver, and messages that the bus goes on to refuse, included.
 * @DBUS_GENL_CMD_PULL: kernel → client: the doorbell.  (Of a controller: see
 *	"Starting services".)  The socket's receive
 *	buffer was full, and what came after it waits in the kernel, in order;
 *	nothing more is put into the socket until it is pulled.  client →
 *	kernel: moves as many of the waiting messages into the socket as fit,
 *	followed by another doorbell if some remain.  No attributes.  Errors:
 *	-ENOTCONN; -ENOBUFS the socket is more than full: read first; -ENOMEM.
 * @DBUS_GENL_CMD_DISCONNECT: kernel → client.  The peer has been removed from
 *	the bus; BUS_A_REASON says why.  It is the last message.  The socket
 *	stays open, SEND gives -ENOTCONN, and the socket may CONNECT again.
 * @DBUS_GENL_CMD_FD_CLAIM: client → kernel.  Installs the files of a MESSAGE
 *	that has FDS or BODY_FD in the calling task, close-on-exec, all or none:
 *	those of the oldest message to this peer, not claimed yet, that has
 *	MSG_A_SENDER and MSG_A_SERIAL, both required.  Each message's can be
 *	claimed once.  Answered by an FD_CLAIM message, *in front of* all that
 *	is in the socket, so that the next recvmsg() returns it: MSG_A_SENDER
 *	and MSG_A_SERIAL as in the request, nlmsg_seq likewise, MSG_A_FDS and
 *	MSG_A_BODY_FD the new fds as far as the message had such; or
 *	MSG_A_ERRNO: ENOENT there is no such message, or it was claimed, or its
 *	fds expired (after pending_fd_timeout milliseconds, a parameter of the
 *	module; a body without other fds does not expire); EMFILE, ENOMEM, or
 *	what a security module says, and then it can be claimed again.  Errors
 *	(netlink errors, in their place in the socket, where there is no
 *	answer): -ENOTCONN, -EINVAL; -EPERM as SEND; -ENOBUFS too many answers
 *	are unread; -ENOMEM.
 * @DBUS_GENL_CMD_BUS_CREATE: client → kernel.  Makes a bus of BUS_A_NAME, and
 *	the sending socket its *controller*.  The name "system" needs
 *	CAP_NET_ADMIN over the net namespace; any other makes a bus of the
 *	caller's own user.  Until there is POLICY_SET, each admits the user that
 *	made it and nobody else.  Unless BUS_A_FLAGS has
 *	%DBUS_GENL_BUS_PERSISTENT the bus goes when its controller's socket is
 *	closed; BUS_DESTROY ends the controller too, which is not told: its
 *	socket is nobody's then, and may CREATE or CONNECT.  BUS_A_MACHINE_ID,
 *	if given, is what the bus answers to GetMachineId of
 *	org.freedesktop.DBus.Peer.  A controller is no peer; it uses a second
 *	socket to CONNECT.  Answered by a BUS_CREATE message with BUS_A_NAME,
 *	BUS_A_UID, BUS_A_GUID.  Errors, and then there is no bus: -EEXIST;
 *	-EPERM; -EINVAL NAME or MACHINE_ID is none, UID is not mapped here;
 *	-EUSERS too many buses of this user; -EBUSY the socket is a controller
 *	or peer already; -ENOBUFS no room for the answer; -ENODEV the module is
 *	being removed; -ENOMEM.
 * @DBUS_GENL_CMD_BUS_DESTROY: client → kernel.  Removes the bus of BUS_A_NAME
 *	(BUS_A_UID); each peer gets DISCONNECT.  For the bus's user, or
 *	CAP_NET_ADMIN.  Errors: -ENOENT, -EPERM, -EINVAL.
 * @DBUS_GENL_CMD_POLICY_SET: client → kernel, from the socket that made the bus
 *	with BUS_CREATE.  Replaces the bus's policy by that of BUS_A_POLICY, or
 *	of the file BUS_A_POLICY_FD, one of which there must be: see "A policy"
 *	below.  It is in force, as a whole, when the request is acknowledged:
 *	for each message, name and CONNECT from then on, and for who is on the
 *	bus.  Nobody is removed.  A persistent bus keeps its last one.  Errors:
 *	-EPERM the socket was opened by another user, or is no controller, which
 *	it isn't any more once its bus is gone; -ENOENT its bus is just going;
 *	-EBADF not an open fd; -EINVAL not one of a memfd, nor of a file of a
 *	tmpfs, that can be read: the kernel reads nothing that may have to wait
 *	for somebody; -EMSGSIZE the policy is larger than %DBUS_GENL_POLICY_MAX;
 *	-EINVAL it is not valid: the text says why, and the cookie
 *	(NLMSGERR_ATTR_COOKIE) where: two u32, the section and the rule in it,
 *	counted from 1, 0 if it is none of them; -ENOMEM; -EINTR the caller has
 *	been killed meanwhile.  After an error the bus's policy is what it was.
 * @DBUS_GENL_CMD_ACTIVATE: kernel → controller: start the service of
 *	ACTIVATE_A_NAME.  controller → kernel, with the request's ACTIVATE_A_ID,
 *	ERROR_NAME and ERROR_TEXT, all required: it can't be, and all who wait
 *	for it get that error.  That it has been started is nothing to tell:
 *	when the name gets an owner, whoever that is, it has.  Errors: -EPERM as
 *	POLICY_SET; -ENOENT nobody waits for ID any more (the name has an owner,
 *	or it took too long: no fault of the controller's); -EINVAL.
 * @DBUS_GENL_CMD_BUS_GET: dump.  One message for each bus of the net
 *	namespace: BUS_A_NAME, BUS_A_UID, BUS_A_GUID, BUS_A_FLAGS, BUS_A_STATS,
 *	BUS_A_LIMITS.
 *	Anyone may read it.
 * @DBUS_GENL_CMD_PEER_GET: dump of the bus of BUS_A_NAME (and BUS_A_UID): one
 *	message of PEER_A_* for each peer, in the order in which they joined,
 *	those that have not said Hello included.  For the bus's user, or
 *	CAP_NET_ADMIN, as are the next two: what programs listen for is nobody
 *	else's business.  Errors, with a text, come with NLMSG_DONE: -ENOENT no
 *	such bus; -EPERM; -EINVAL no NAME, or what is no name, UID is not mapped
 *	here, an attribute is repeated.  With NLMSG_ERROR, since there is no
 *	dump yet: -EINVAL, -ERANGE another attribute is wrong; -EBUSY; without
 *	NLM_F_DUMP -EOPNOTSUPP.  Each call of recvmsg() shows the bus as it is
 *	then.  Whatever is there from the first to the last is told of exactly
 *	once, what comes meanwhile is not, and if something came or went,
 *	messages have NLM_F_DUMP_INTR.
 * @DBUS_GENL_CMD_NAME_GET: dump, as PEER_GET: one message of NAME_A_* for each
 *	place in the queue of a well-known name, owners' included, peer by peer.
 * @DBUS_GENL_CMD_MATCH_GET: dump, as PEER_GET: one message of MATCH_A_* for
 *	each match rule, peer by peer, a peer's newest first; one that was added
 *	twice is there twice.
 * @DBUS_GENL_CMD_STATS_GET: client → kernel.  Answered by STATS_GET with the
 *	STATS_A_* of the caller's net namespace.  Anyone may read it.  Errors:
 *	-ENOBUFS no room for the answer; -ENOMEM.
 * @DBUS_GENL_CMD_LIMITS_SET: client → kernel.  Changes those limits of the bus
 *	of BUS_A_NAME (BUS_A_UID) that BUS_A_LIMITS has.  For the bus's user, or
 *	CAP_NET_ADMIN.  They hold for what comes; what exceeds them already
 *	stays.  A value above what the module can bear becomes that: answered by
 *	a LIMITS_SET message with BUS_A_NAME, BUS_A_UID, BUS_A_GUID and all of
 *	BUS_A_LIMITS as it is now.  Errors, and then nothing is changed: -ENOENT,
 *	-EPERM, -EINVAL, -ENOBUFS no room for the answer, -ENOMEM.
 * @DBUS_GENL_CMD_ACTIVATABLE_SET: client → kernel, from the socket that made the
 *	bus with BUS_CREATE.  The names of the services that it starts are those
 *	of BUS_A_ACTIVATABLE, or of the file BUS_A_ACTIVATABLE_FD, one of which
 *	there must be, and no others: see "Starting services" below.  The first
 *	one says that the controller listens.  Each sends ActivatableServicesChanged,
 *	as each reload of dbus-daemon does.  What is being started goes on, listed
 *	or not.  Errors: -EPERM, -ENOENT as POLICY_SET; -EBADF, -EINVAL, -EMSGSIZE
 *	likewise; -EINVAL the list is not valid: the text says why, and the cookie
 *	which name, a u32, counted from 1; -ENOMEM.  After an error the list is
 *	what it was.
 * @DBUS_GENL_CMD_RELOAD: kernel → controller, with ACTIVATE_A_ID: somebody has
 *	called ReloadConfig.  controller → kernel, with that ID: it has been
 *	done, and the caller gets its reply; or, with ERROR_NAME and ERROR_TEXT,
 *	that error.  Errors: as ACTIVATE.
 * @DBUS_GENL_CMD_ENVIRONMENT: kernel → controller, with ACTIVATE_A_ID and
 *	ACTIVATE_A_ENVIRONMENT: root or the bus's user has called
 *	UpdateActivationEnvironment: what is started from now on has these
 *	variables.  controller → kernel: as RELOAD.
 */
enum dbus_genl_cmd {
	DBUS_GENL_CMD_UNSPEC,
	DBUS_GENL_CMD_CONNECT,
	DBUS_GENL_CMD_SEND,
	DBUS_GENL_CMD_MESSAGE,
	DBUS_GENL_CMD_PULL,
	DBUS_GENL_CMD_DISCONNECT,
	DBUS_GENL_CMD_FD_CLAIM,
	DBUS_GENL_CMD_BUS_CREATE,
	DBUS_GENL_CMD_BUS_DESTROY,
	DBUS_GENL_CMD_POLICY_SET,
	DBUS_GENL_CMD_ACTIVATE,
	DBUS_GENL_CMD_BUS_GET,
	DBUS_GENL_CMD_PEER_GET,
	DBUS_GENL_CMD_NAME_GET,
	DBUS_GENL_CMD_MATCH_GET,
	DBUS_GENL_CMD_STATS_GET,
	DBUS_GENL_CMD_LIMITS_SET,
	DBUS_GENL_CMD_ACTIVATABLE_SET,
	DBUS_GENL_CMD_RELOAD,
	DBUS_GENL_CMD_ENVIRONMENT,

	__DBUS_GENL_CMD_MAX,
	DBUS_GENL_CMD_MAX = __DBUS_GENL_CMD_MAX - 1
};

/**
 * enum dbus_genl_msg_attr - attributes of SEND and MESSAGE
 *
 * The header of the D-Bus message (spec, "Message Protocol") field by field,
 * and its body.  SEND and MESSAGE have the same layout, so that the kernel
 * stamps a received buffer in place and hands on references to it.
 *
 * @DBUS_GENL_MSG_A_PAD: no payload; aligns what follows.  Allowed once, right
 *	before BODY, and to be used where BODY would not be aligned otherwise.
 * @DBUS_GENL_MSG_A_SENDER: u64, required and the *first* attribute.  In SEND
 *	it is room and must be 0.  In MESSAGE: the sender's id; id N is the
 *	unique name ":1.(N-1)"; 0 is the driver, "org.freedesktop.DBus";
 *	or %DBUS_GENL_SENDER_NOT_ACTIVE.
 * @DBUS_GENL_MSG_A_TYPE: u8, required.  1 method call, 2 method return,
 *	3 error, 4 signal.  0 is refused in SEND.  What has another value needs
 *	none of the fields that these do, and nobody but monitors gets it:
 *	AccessDenied if it is addressed to a peer, the driver, or a service.
 * @DBUS_GENL_MSG_A_FLAGS: u8, optional, 0 if absent.  As in the spec:
 *	1 NO_REPLY_EXPECTED, 2 NO_AUTO_START, 4 ALLOW_INTERACTIVE_AUTHORIZATION;
 *	other bits are handed on.
 * @DBUS_GENL_MSG_A_SERIAL: u32, required, not 0.
 * @DBUS_GENL_MSG_A_REPLY_SERIAL: u32, not 0; required in returns and errors.
 *	A call or signal that has it replies as much as they do.
 * @DBUS_GENL_MSG_A_PATH: string, an object path; required in calls and signals.
 * @DBUS_GENL_MSG_A_INTERFACE: string; required in signals.
 * @DBUS_GENL_MSG_A_MEMBER: string; required in calls and signals.
 * @DBUS_GENL_MSG_A_ERROR_NAME: string; required in errors.
 * @DBUS_GENL_MSG_A_DESTINATION: string, a unique or well-known bus name.
 *	A message without one is a broadcast if a signal; else it is for the
 *	bus, as dbus-daemon has it, and so is all that has the interface
 *	org.freedesktop.DBus.Peer: nobody else sees it, and it may be sent
 *	before Hello, and by a monitor.
 * @DBUS_GENL_MSG_A_SIGNATURE: string, the body's signature, ≤ 255 bytes.
 *	Absent means "".
 * @DBUS_GENL_MSG_A_BODY: binary, the body marshalled as the spec says, native
 *	byte order, its first byte at a multiple of 8 from the nlmsghdr's (put
 *	PAD before it if need be).  Absent means empty.  The kernel checks it
 *	against the signature (-EINVAL).
 * @DBUS_GENL_MSG_A_FDS: array of s32, 1 to BUS_A_MAX_FDS: in SEND fds of the
 *	calling task, of any type of file; an fd may be there more than once.
 *	Values of type 'h' in the body are indices into it.  In MESSAGE its
 *	length alone means something: the receiver has the files once it has
 *	called FD_CLAIM.  A peer that did not set %DBUS_GENL_PEER_FDS gets no
 *	such message: a sender to it gets NotSupported, broadcasts pass it by.
 *	The driver takes messages with fds and has no use for them.
 * @DBUS_GENL_MSG_A_BODY_FD: s32, a memfd whose content is the body, in place of
 *	BODY; to be claimed as FDS is (one that did not set %DBUS_GENL_PEER_FDS
 *	gets LimitsExceeded for its sender).  In SEND an fd of the calling task:
 *	-EINVAL if it is no memfd, empty, or SIGNATURE is absent; -EMSGSIZE if
 *	it is larger than BUS_A_MAX_BODY_FD_SIZE.  The sender must have sealed
 *	it with F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_SEAL, and
 *	the *receiver* must check that, its size, and the body against the
 *	signature: the kernel does not.  Match rules see those arguments that
 *	are whole within its first 64 KiB.  Not for the driver: LimitsExceeded.
 *	Replies of the driver that are longer than an attribute come so, too,
 *	sealed.
 * @DBUS_GENL_MSG_A_ERRNO: s32, positive, in the answer to FD_CLAIM alone.
 */
enum dbus_genl_msg_attr {
	DBUS_GENL_MSG_A_UNSPEC,
	DBUS_GENL_MSG_A_PAD,
	DBUS_GENL_MSG_A_SENDER,
	DBUS_GENL_MSG_A_TYPE,
	DBUS_GENL_MSG_A_FLAGS,
	DBUS_GENL_MSG_A_SERIAL,
	DBUS_GENL_MSG_A_REPLY_SERIAL,
	DBUS_GENL_MSG_A_PATH,
	DBUS_GENL_MSG_A_INTERFACE,
	DBUS_GENL_MSG_A_MEMBER,
	DBUS_GENL_MSG_A_ERROR_NAME,
	DBUS_GENL_MSG_A_DESTINATION,
	DBUS_GENL_MSG_A_SIGNATURE,
	DBUS_GENL_MSG_A_BODY,
	DBUS_GENL_MSG_A_FDS,
	DBUS_GENL_MSG_A_BODY_FD,
	DBUS_GENL_MSG_A_ERRNO,

	__DBUS_GENL_MSG_A_MAX,
	DBUS_GENL_MSG_A_MAX = __DBUS_GENL_MSG_A_MAX - 1
};

/**
 * enum dbus_genl_peer_flags - BUS_A_FLAGS of CONNECT, PEER_A_FLAGS
 * @DBUS_GENL_PEER_FDS: the peer calls FD_CLAIM for messages with FDS or BODY_FD.
 * @DBUS_GENL_PEER_MONITOR: it has called BecomeMonitor.  In PEER_GET alone:
 *	CONNECT refuses it.
 */
enum dbus_genl_peer_flags {
	DBUS_GENL_PEER_FDS = 1 << 0,
	DBUS_GENL_PEER_MONITOR = 1 << 1,
};

/**
 * enum dbus_genl_bus_flags - BUS_A_FLAGS of a bus
 * @DBUS_GENL_BUS_PERSISTENT: the bus outlives its controller's socket and
 *	goes with BUS_DESTROY, its net namespace, or the module.
 */
enum dbus_genl_bus_flags {
	DBUS_GENL_BUS_PERSISTENT = 1 << 0,
};

/**
 * enum dbus_genl_reason - BUS_A_REASON, why a peer was removed
 * @DBUS_GENL_REASON_BUS_GONE: the bus was destroyed.
 * @DBUS_GENL_REASON_PROTOCOL: the peer broke the protocol where dbus-daemon
 *	hangs up (its first message wasn't Hello; or it is a monitor and sent).
 * @DBUS_GENL_REASON_TIMEOUT: the peer has not said Hello in time.
 * @DBUS_GENL_REASON_CROWDED_OUT: the peer has not said Hello, and of those the
 *	bus has MAX_INCOMPLETE_CONNECTIONS: the oldest makes room for a new one.
 */
enum dbus_genl_reason {
	DBUS_GENL_REASON_UNSPEC,
	DBUS_GENL_REASON_BUS_GONE,
	DBUS_GENL_REASON_PROTOCOL,
	DBUS_GENL_REASON_TIMEOUT,
	DBUS_GENL_REASON_CROWDED_OUT,
};

/**
 * enum dbus_genl_bus_attr - attributes of CONNECT, DISCONNECT and BUS_*
 *
 * @DBUS_GENL_BUS_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_BUS_A_NAME: string, 1 to %DBUS_GENL_BUS_NAME_MAX bytes.
 * @DBUS_GENL_BUS_A_UID: u32, the bus's user, in the caller's user namespace.
 *	In requests optional: the caller's own by default.  Always ignored
 *	for "system", which is one for each net namespace.
 * @DBUS_GENL_BUS_A_GUID: string of %DBUS_GENL_GUID_LEN hexadecimal digits.
 * @DBUS_GENL_BUS_A_FLAGS: u32, &enum dbus_genl_bus_flags; in CONNECT &enum
 *	dbus_genl_peer_flags.  0 if absent.
 * @DBUS_GENL_BUS_A_REASON: u32, &enum dbus_genl_reason.
 * @DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE: u32, bytes: largest SEND accepted,
 *	measured as the sum of the attributes' lengths.
 * @DBUS_GENL_BUS_A_MAX_FDS: u32, most fds in one message (0: none).
 * @DBUS_GENL_BUS_A_STATS: nested STATS_A_*, for this bus alone.
 * @DBUS_GENL_BUS_A_MACHINE_ID: string of %DBUS_GENL_GUID_LEN hexadecimal digits,
 *	the machine's id (what dbus-uuidgen prints): the kernel reads no files.
 * @DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE: u32, bytes: largest BODY_FD (absent: none).
 * @DBUS_GENL_BUS_A_LIMITS: nested LIMIT_A_*.
 * @DBUS_GENL_BUS_A_POLICY: binary, a policy, in POLICY_SET.
 * @DBUS_GENL_BUS_A_POLICY_FD: s32, a memfd, or a file of a tmpfs, that has a
 *	policy from its start to its end; it is copied before it is looked at.
 * @DBUS_GENL_BUS_A_ACTIVATABLE: binary, in ACTIVATABLE_SET: well-known names, each
 *	with its NUL, one after the other; none twice, nor the driver's.  May be
 *	empty.
 * @DBUS_GENL_BUS_A_ACTIVATABLE_FD: s32, such a file that has them; at most
 *	%DBUS_GENL_ACTIVATABLE_MAX bytes.
 * @DBUS_GENL_BUS_A_PIDFD: s32, in CONNECT, optional: an fd of the calling task
 *	that is a pidfd of the calling process, as pidfd_open(getpid(), 0)
 *	makes one.  It is not kept open, the caller closes it; who asks
 *	GetConnectionCredentials gets it as ProcessFD.  -EBADF it is not open;
 *	-EINVAL it is no pidfd, or of another process or a thread.
 */
enum dbus_genl_bus_attr {
	DBUS_GENL_BUS_A_UNSPEC,
	DBUS_GENL_BUS_A_PAD,
	DBUS_GENL_BUS_A_NAME,
	DBUS_GENL_BUS_A_UID,
	DBUS_GENL_BUS_A_GUID,
	DBUS_GENL_BUS_A_FLAGS,
	DBUS_GENL_BUS_A_REASON,
	DBUS_GENL_BUS_A_MAX_MESSAGE_SIZE,
	DBUS_GENL_BUS_A_MAX_FDS,
	DBUS_GENL_BUS_A_STATS,
	DBUS_GENL_BUS_A_MACHINE_ID,
	DBUS_GENL_BUS_A_MAX_BODY_FD_SIZE,
	DBUS_GENL_BUS_A_LIMITS,
	DBUS_GENL_BUS_A_POLICY,
	DBUS_GENL_BUS_A_POLICY_FD,
	DBUS_GENL_BUS_A_ACTIVATABLE,
	DBUS_GENL_BUS_A_ACTIVATABLE_FD,
	DBUS_GENL_BUS_A_PIDFD,

	__DBUS_GENL_BUS_A_MAX,
	DBUS_GENL_BUS_A_MAX = __DBUS_GENL_BUS_A_MAX - 1
};

/*
 * A policy
 *
 * What <policy> elements are in dbus-daemon's configuration (dbus-daemon(1)),
 * as netlink attributes one after the other: POLICY_A_SECTION for each of
 * them, in their order, and POLICY_A_CONSOLE if need be.  No attribute that is
 * not told of here, and none twice but SECTION and RULE.
 *
 * A rule is a nest of RULE_A_*.  Which rules are for a peer is decided by who it
 * was at CONNECT (effective user, effective and supplementary groups), in this
 * order: sections of context default, of its groups (lower numbers first), of
 * its user, at_console true, false, context mandatory; within these in the
 * order of the policy.  The last one that matches decides, and without one it
 * is denied; but where no rule says who may join the bus's user may, and nobody
 * else, root not either.  As in dbus-daemon, a rule of SEND or RECEIVE that
 * has none of TYPE, NAME, INTERFACE, MEMBER, PATH and ERROR makes those before it
 * void, even where its other attributes keep it from matching.
 *
 * SEND is asked of the sender for each receiver, be it addressed, eavesdropping
 * or one that a broadcast goes to; RECEIVE of that receiver; OWN of who calls
 * RequestName; CONNECT_* of who CONNECTs.  The driver sends what it wants, and
 * receives everything.  Hello is not asked about; its reply is.
 */

/* Longest policy. */
#define DBUS_GENL_POLICY_MAX		(1 << 20)

/* Most sections of a policy, rules of a policy, users of CONSOLE. */
#define DBUS_GENL_POLICY_SECTIONS_MAX	4096
#define DBUS_GENL_POLICY_RULES_MAX	16384
#define DBUS_GENL_POLICY_CONSOLE_MAX	4096

/**
 * enum dbus_genl_policy_attr - the outermost attributes of a policy
 * @DBUS_GENL_POLICY_A_SECTION: nested SECTION_A_*.  An attribute has no room for
 *	more than %DBUS_GENL_ATTR_MAX bytes: a <policy> may be several of them.
 * @DBUS_GENL_POLICY_A_CONSOLE: array of u32: users at the console now.
 */
enum dbus_genl_policy_attr {
	DBUS_GENL_POLICY_A_UNSPEC,
	DBUS_GENL_POLICY_A_SECTION,
	DBUS_GENL_POLICY_A_CONSOLE,
};

/**
 * enum dbus_genl_section_attr - whose rules they are, one of the first four;
 * and the rules
 * @DBUS_GENL_SECTION_A_CONTEXT: u8, &enum dbus_genl_context.
 * @DBUS_GENL_SECTION_A_USER: u32, in the controller's user namespace; one that
 *	is not mapped there is nobody.
 * @DBUS_GENL_SECTION_A_GROUP: u32, likewise.
 * @DBUS_GENL_SECTION_A_AT_CONSOLE: u8, 1: for users of CONSOLE, 0: for others.
 * @DBUS_GENL_SECTION_A_RULE: nested RULE_A_*.
 */
enum dbus_genl_section_attr {
	DBUS_GENL_SECTION_A_UNSPEC,
	DBUS_GENL_SECTION_A_CONTEXT,
	DBUS_GENL_SECTION_A_USER,
	DBUS_GENL_SECTION_A_GROUP,
	DBUS_GENL_SECTION_A_AT_CONSOLE,
	DBUS_GENL_SECTION_A_RULE,
};

enum dbus_genl_context {
	DBUS_GENL_CONTEXT_DEFAULT,
	DBUS_GENL_CONTEXT_MANDATORY,
};

/**
 * enum dbus_genl_rule_kind - what a rule is about
 * @DBUS_GENL_RULE_OWN: owning a well-known name, or queueing for it.
 * @DBUS_GENL_RULE_SEND: sending a message.
 * @DBUS_GENL_RULE_RECEIVE: receiving one.
 * @DBUS_GENL_RULE_CONNECT_USER: joining the bus, by user; in a section with
 *	CONTEXT only, as CONNECT_GROUP.
 * @DBUS_GENL_RULE_CONNECT_GROUP: joining the bus, by group.
 */
enum dbus_genl_rule_kind {
	DBUS_GENL_RULE_OWN,
	DBUS_GENL_RULE_SEND,
	DBUS_GENL_RULE_RECEIVE,
	DBUS_GENL_RULE_CONNECT_USER,
	DBUS_GENL_RULE_CONNECT_GROUP,
};

/**
 * enum dbus_genl_rule_attr - a rule
 *
 * What is absent, or "*" in dbus-daemon's configuration, matches everything.
 * Strings end with a NUL.  A message that has no interface meets INTERFACE of
 * rules that deny, but not of rules that allow; one without member, path or
 * error name meets MEMBER, PATH or ERROR of both.
 *
 * @DBUS_GENL_RULE_A_KIND: u8, &enum dbus_genl_rule_kind; required.
 * @DBUS_GENL_RULE_A_ALLOW: u8, 1: allow, 0: deny; required.
 * @DBUS_GENL_RULE_A_ID: u32, of CONNECT_USER and CONNECT_GROUP.
 * @DBUS_GENL_RULE_A_NAME: string.  OWN: the name.  SEND: a name, unique or
 *	well-known, that the receiver owns or queues for; RECEIVE: the sender.
 * @DBUS_GENL_RULE_A_PREFIX: flag, of OWN and SEND with NAME: that name, and all
 *	that begin with it and a '.'.
 * @DBUS_GENL_RULE_A_TYPE: u8, a message's type: 1 to 4.
 * @DBUS_GENL_RULE_A_INTERFACE: string.
 * @DBUS_GENL_RULE_A_MEMBER: string.
 * @DBUS_GENL_RULE_A_PATH: string.
 * @DBUS_GENL_RULE_A_ERROR: string, an error's name.
 * @DBUS_GENL_RULE_A_BROADCAST: u8, of SEND.  1: signals without a destination
 *	only; 0: everything else only.
 * @DBUS_GENL_RULE_A_REQUESTED_REPLY: u8.  Of what has MSG_A_REPLY_SERIAL only,
 *	whatever its type.  Rules that allow, 1 (default): not those that nobody waits for, unless with EAVESDROP;
 *	0: all.  Rules that deny, 0 (default): only those that nobody waits for
 *	(an eavesdropper waits for none); 1: all.
 * @DBUS_GENL_RULE_A_EAVESDROP: u8, 0 if absent; in SEND for REQUESTED_REPLY's
 *	sake only.  RECEIVE that allows, 0: not when eavesdropping.  RECEIVE
 *	that denies, 1: only when eavesdropping.
 * @DBUS_GENL_RULE_A_MIN_FDS: u32, fds that the message has at least.
 * @DBUS_GENL_RULE_A_MAX_FDS: u32, and at most.
 */
enum dbus_genl_rule_attr {
	DBUS_GENL_RULE_A_UNSPEC,
	DBUS_GENL_RULE_A_KIND,
	DBUS_GENL_RULE_A_ALLOW,
	DBUS_GENL_RULE_A_ID,
	DBUS_GENL_RULE_A_NAME,
	DBUS_GENL_RULE_A_PREFIX,
	DBUS_GENL_RULE_A_TYPE,
	DBUS_GENL_RULE_A_INTERFACE,
	DBUS_GENL_RULE_A_MEMBER,
	DBUS_GENL_RULE_A_PATH,
	DBUS_GENL_RULE_A_ERROR,
	DBUS_GENL_RULE_A_BROADCAST,
	DBUS_GENL_RULE_A_REQUESTED_REPLY,
	DBUS_GENL_RULE_A_EAVESDROP,
	DBUS_GENL_RULE_A_MIN_FDS,
	DBUS_GENL_RULE_A_MAX_FDS,

	__DBUS_GENL_RULE_A_MAX,
	DBUS_GENL_RULE_A_MAX = __DBUS_GENL_RULE_A_MAX - 1
};

/*
 * Starting services
 *
 * The kernel starts nothing: the bus's controller does, if it has said with
 * ACTIVATABLE_SET which names it can start.  A message that is addressed to one
 * of them, that nobody owns, without NO_AUTO_START, and a call of
 * StartServiceByName, wait in the kernel, in order, until
 *
 *  - the name gets an owner: then calls of StartServiceByName are answered, and
 *    messages delivered, with the rules of the policy asked again;
 *  - the controller answers with an error, or service_start_timeout is over, or
 *    the controller's socket is closed: then all get an error;
 *  - who sent it leaves the bus.
 *
 * The controller is told once for each name, by ACTIVATE, until one of the first
 * two has happened, even if nobody waits any more.  RELOAD and ENVIRONMENT, too,
 * must be answered before service_start_timeout is over.
 *
 * These requests come on the controller's socket, in order, behind what is in
 * it.  When it is full they wait in the kernel, at most as many as
 * max_pending_service_starts allows, and a doorbell comes, PULL: it answers with
 * PULL to get as many as fit, until no other doorbell comes.  PULL errors:
 * -ENOTCONN the socket is nobody's, or a controller that does not listen;
 * -ENOBUFS it is more than full: read first.  A controller that does not read
 * costs no more than that.
 *
 * With a controller that does not listen, or that has gone from a persistent
 * bus, no name can be started, and ReloadConfig and UpdateActivationEnvironment
 * succeed and do nothing.
 */

/* Longest list of names, in bytes, and the most names in one. */
#define DBUS_GENL_ACTIVATABLE_MAX	(1 << 20)
#define DBUS_GENL_ACTIVATABLE_NAMES_MAX	16384

/* Longest ERROR_TEXT, its NUL not counted. */
#define DBUS_GENL_ERROR_TEXT_MAX	1023

/**
 * enum dbus_genl_activate_attr - attributes of ACTIVATE, RELOAD, ENVIRONMENT
 * @DBUS_GENL_ACTIVATE_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_ACTIVATE_A_ID: u64, of the request; grows with each of a bus.
 * @DBUS_GENL_ACTIVATE_A_NAME: string, a well-known name.
 * @DBUS_GENL_ACTIVATE_A_ERROR_NAME: string, an error's name.
 * @DBUS_GENL_ACTIVATE_A_ERROR_TEXT: string, UTF-8, at most
 *	%DBUS_GENL_ERROR_TEXT_MAX bytes.
 * @DBUS_GENL_ACTIVATE_A_ENVIRONMENT: binary: name, value, name, value…, each
 *	with its NUL.  Names may be anything, empty or with '=' in them.
 */
enum dbus_genl_activate_attr {
	DBUS_GENL_ACTIVATE_A_UNSPEC,
	DBUS_GENL_ACTIVATE_A_PAD,
	DBUS_GENL_ACTIVATE_A_ID,
	DBUS_GENL_ACTIVATE_A_NAME,
	DBUS_GENL_ACTIVATE_A_ERROR_NAME,
	DBUS_GENL_ACTIVATE_A_ERROR_TEXT,
	DBUS_GENL_ACTIVATE_A_ENVIRONMENT,

	__DBUS_GENL_ACTIVATE_A_MAX,
	DBUS_GENL_ACTIVATE_A_MAX = __DBUS_GENL_ACTIVATE_A_MAX - 1
};

/**
 * enum dbus_genl_stats_attr - attributes of STATS_GET, and of BUS_A_STATS
 *
 * All u64.  The first group are gauges (how many there are now), the second
 * counters since the namespace (or the bus) was made.  Gauges are read one after
 * another while the buses go on; each is true of its moment.
 *
 * @DBUS_GENL_STATS_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_STATS_A_BUSES: buses.
 * @DBUS_GENL_STATS_A_PEERS: peers.
 * @DBUS_GENL_STATS_A_NAMES: well-known names that have an owner.
 * @DBUS_GENL_STATS_A_NAME_OWNERS: places in the names' queues, owners included.
 * @DBUS_GENL_STATS_A_MATCHES: match rules, monitors' included.
 * @DBUS_GENL_STATS_A_REPLIES: calls that wait for their reply.
 * @DBUS_GENL_STATS_A_QUEUED_MESSAGES: messages in overflow queues.
 * @DBUS_GENL_STATS_A_QUEUED_BYTES: bytes charged for them.
 * @DBUS_GENL_STATS_A_USERS: users that something is charged to.
 * @DBUS_GENL_STATS_A_ROUTED: counter: messages accepted by SEND.
 * @DBUS_GENL_STATS_A_DELIVERED: counter: messages handed to receivers, those
 *	from the driver included; a broadcast counts once a receiver.
 * @DBUS_GENL_STATS_A_REFUSED: counter: of a bus, messages of its peers that were
 *	refused, as PEER_A_REFUSED counts them.  Of a namespace, these, and all
 *	other requests refused with an errno.  What netlink's attribute policy
 *	stops before is not counted.
 * @DBUS_GENL_STATS_A_DROPPED: counter: signals, and what monitors were to see,
 *	that a receiver lost: its queue was over quota, their sender had too many
 *	files on their way, or memory was short.  Once for each receiver.
 * @DBUS_GENL_STATS_A_OVERFLOWED: counter: messages that went through an
 *	overflow queue.
 * @DBUS_GENL_STATS_A_UNCLAIMED_FDS: gauge: files of messages, bodies included,
 *	that wait to be claimed; once each, however many receivers.
 * @DBUS_GENL_STATS_A_STARTS: gauge: what a controller has been asked for and has
 *	not done: services to be started, RELOAD, ENVIRONMENT.
 * @DBUS_GENL_STATS_A_WAITING: gauge: messages and calls of the driver that wait
 *	for these.
 * @DBUS_GENL_STATS_A_EXPIRED: counter: files of messages, bodies included, that a
 *	receiver lost: it did not claim them in time, or FD_CLAIM failed and no
 *	room was left to keep them.
 */
enum dbus_genl_stats_attr {
	DBUS_GENL_STATS_A_UNSPEC,
	DBUS_GENL_STATS_A_PAD,
	DBUS_GENL_STATS_A_BUSES,
	DBUS_GENL_STATS_A_PEERS,
	DBUS_GENL_STATS_A_NAMES,
	DBUS_GENL_STATS_A_NAME_OWNERS,
	DBUS_GENL_STATS_A_MATCHES,
	DBUS_GENL_STATS_A_REPLIES,
	DBUS_GENL_STATS_A_QUEUED_MESSAGES,
	DBUS_GENL_STATS_A_QUEUED_BYTES,
	DBUS_GENL_STATS_A_USERS,
	DBUS_GENL_STATS_A_ROUTED,
	DBUS_GENL_STATS_A_DELIVERED,
	DBUS_GENL_STATS_A_REFUSED,
	DBUS_GENL_STATS_A_DROPPED,
	DBUS_GENL_STATS_A_OVERFLOWED,
	DBUS_GENL_STATS_A_UNCLAIMED_FDS,
	DBUS_GENL_STATS_A_STARTS,
	DBUS_GENL_STATS_A_WAITING,
	DBUS_GENL_STATS_A_EXPIRED,

	__DBUS_GENL_STATS_A_MAX,
	DBUS_GENL_STATS_A_MAX = __DBUS_GENL_STATS_A_MAX - 1
};

/**
 * enum dbus_genl_limit_attr - attributes of BUS_A_LIMITS
 *
 * All u32.  They are dbus-daemon's <limit>s (dbus-daemon(1)) by their names,
 * here in the same order; docs/differences.md compares.  Who exceeds one gets
 * the error that dbus-daemon gives, unless something else is said.
 *
 * @DBUS_GENL_LIMIT_A_MAX_INCOMING_BYTES: what one user's messages may take in
 *	overflow queues of the bus, all receivers' together.  (The kernel holds
 *	nothing else of what came in.)
 * @DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS: the same of files that have not
 *	been claimed, each counted once.
 * @DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES: what one user's messages may take in one
 *	receiver's overflow queue.  One more is queued while a byte is left.
 *	Broadcasts may take half.
 * @DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS: files of one user's messages that wait
 *	for one receiver to claim them.
 * @DBUS_GENL_LIMIT_A_MAX_MESSAGE_SIZE: bytes; SEND of more is -EMSGSIZE.  Bounds
 *	BUS_A_MAX_MESSAGE_SIZE and BUS_A_MAX_BODY_FD_SIZE of later CONNECTs.
 * @DBUS_GENL_LIMIT_A_MAX_MESSAGE_UNIX_FDS: fds of one message; SEND of more is
 *	-ERANGE.  At most 16.  BUS_A_MAX_FDS of later CONNECTs.
 * @DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT: milliseconds that messages wait for
 *	a service to be started, and callers for the controller's answer to
 *	RELOAD and ENVIRONMENT.  At most a day, and 0 is that, too: what waits
 *	may hold files.
 * @DBUS_GENL_LIMIT_A_AUTH_TIMEOUT: milliseconds from CONNECT until Hello; who
 *	takes longer is disconnected, with %DBUS_GENL_REASON_TIMEOUT.  0: no limit.
 * @DBUS_GENL_LIMIT_A_PENDING_FD_TIMEOUT: milliseconds that files wait to be
 *	claimed; or pending_fd_timeout of the module, if that is less.  0: none,
 *	they expire at once.
 * @DBUS_GENL_LIMIT_A_MAX_COMPLETED_CONNECTIONS: peers that have said Hello.
 * @DBUS_GENL_LIMIT_A_MAX_INCOMPLETE_CONNECTIONS: peers that have not; one more
 *	takes the place of the oldest, which is disconnected with
 *	%DBUS_GENL_REASON_CROWDED_OUT (one of root or the bus's user only if there
 *	are no others).  CONNECT of another user that has half of them is -EUSERS.
 * @DBUS_GENL_LIMIT_A_MAX_CONNECTIONS_PER_USER: peers of one user that have said
 *	Hello.
 * @DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS: messages and calls that wait for
 *	services or for the controller's answer.  Root and the bus's user may
 *	have that many each, whatever others have; of these, each may have half
 *	of what others leave.  It bounds what the controller is asked for at a
 *	time likewise, as long as it has not answered.  Messages are bounded as if they
 *	waited in one receiver's queue, too: MAX_OUTGOING_BYTES,
 *	MAX_OUTGOING_UNIX_FDS, and what they are part of.
 * @DBUS_GENL_LIMIT_A_MAX_NAMES_PER_CONNECTION: a peer's places in the queues of
 *	names, and its unique name.
 * @DBUS_GENL_LIMIT_A_MAX_MATCH_RULES_PER_CONNECTION: a peer's match rules.
 * @DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION: replies that a peer waits for.
 * @DBUS_GENL_LIMIT_A_REPLY_TIMEOUT: milliseconds until the bus answers a call in
 *	the callee's place, with NoReply.  0: never.
 */
enum dbus_genl_limit_attr {
	DBUS_GENL_LIMIT_A_UNSPEC,
	DBUS_GENL_LIMIT_A_MAX_INCOMING_BYTES,
	DBUS_GENL_LIMIT_A_MAX_INCOMING_UNIX_FDS,
	DBUS_GENL_LIMIT_A_MAX_OUTGOING_BYTES,
	DBUS_GENL_LIMIT_A_MAX_OUTGOING_UNIX_FDS,
	DBUS_GENL_LIMIT_A_MAX_MESSAGE_SIZE,
	DBUS_GENL_LIMIT_A_MAX_MESSAGE_UNIX_FDS,
	DBUS_GENL_LIMIT_A_SERVICE_START_TIMEOUT,
	DBUS_GENL_LIMIT_A_AUTH_TIMEOUT,
	DBUS_GENL_LIMIT_A_PENDING_FD_TIMEOUT,
	DBUS_GENL_LIMIT_A_MAX_COMPLETED_CONNECTIONS,
	DBUS_GENL_LIMIT_A_MAX_INCOMPLETE_CONNECTIONS,
	DBUS_GENL_LIMIT_A_MAX_CONNECTIONS_PER_USER,
	DBUS_GENL_LIMIT_A_MAX_PENDING_SERVICE_STARTS,
	DBUS_GENL_LIMIT_A_MAX_NAMES_PER_CONNECTION,
	DBUS_GENL_LIMIT_A_MAX_MATCH_RULES_PER_CONNECTION,
	DBUS_GENL_LIMIT_A_MAX_REPLIES_PER_CONNECTION,
	DBUS_GENL_LIMIT_A_REPLY_TIMEOUT,

	__DBUS_GENL_LIMIT_A_MAX,
	DBUS_GENL_LIMIT_A_MAX = __DBUS_GENL_LIMIT_A_MAX - 1
};

/**
 * enum dbus_genl_peer_attr - attributes of PEER_GET
 *
 * Credentials are those of CONNECT.  The counters count since then.
 *
 * @DBUS_GENL_PEER_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_PEER_A_NUMBER: u64, the peer's place in time among all that the
 *	bus has had; what the tracepoints call peer.
 * @DBUS_GENL_PEER_A_ID: u64; absent before Hello.  A monitor keeps it, though it
 *	is nobody's name any more.
 * @DBUS_GENL_PEER_A_NAME: string, its unique name; absent before Hello, and of a
 *	monitor, which has none.
 * @DBUS_GENL_PEER_A_UID: u32, in the reader's user namespace.
 * @DBUS_GENL_PEER_A_PID: u32, of the process that called CONNECT, in the reader's
 *	pid namespace; absent if it is not there.  It stays when that process
 *	has ended, as with dbus-daemon, and may be another's then.
 * @DBUS_GENL_PEER_A_COMM: string, name of that process when it called CONNECT; a
 *	byte that isn't printable ASCII is a '?'.
 * @DBUS_GENL_PEER_A_FLAGS: u32, &enum dbus_genl_peer_flags.
 * @DBUS_GENL_PEER_A_NAMES: u32, its places in the queues of well-known names.
 * @DBUS_GENL_PEER_A_MATCHES: u32, its match rules; those of BecomeMonitor, if it
 *	is a monitor.
 * @DBUS_GENL_PEER_A_CALLS: u32, replies that it waits for.
 * @DBUS_GENL_PEER_A_OWED: u32, replies that it owes.
 * @DBUS_GENL_PEER_A_QUEUED_MESSAGES: u32, in its overflow queue.
 * @DBUS_GENL_PEER_A_QUEUED_BYTES: u64, what they are charged.
 * @DBUS_GENL_PEER_A_UNREAD_BYTES: u64, what is in its socket, which is its own
 *	memory and charged to nobody else.
 * @DBUS_GENL_PEER_A_UNCLAIMED_FDS: u32, files of messages to it, bodies
 *	included, that wait for FD_CLAIM.
 * @DBUS_GENL_PEER_A_SENT: u64, counter: messages that SEND accepted.
 * @DBUS_GENL_PEER_A_RECEIVED: u64, counter: messages delivered to it.
 * @DBUS_GENL_PEER_A_DROPPED: u64, counter: signals that it lost, and what it was to
 *	see as a monitor: see STATS_A_DROPPED.
 * @DBUS_GENL_PEER_A_REFUSED: u64, counter: messages of its that were refused with
 *	an errno, or by an error: calls that the driver answers with one,
 *	whatever is wrong, and what the bus does not deliver (no such receiver,
 *	not admitted, over a limit, its service can't be started).  NoReply to a
 *	call that was delivered is no refusal.
 * @DBUS_GENL_PEER_A_OVERFLOWED: u64, counter: those of RECEIVED that went
 *	through its overflow queue.
 * @DBUS_GENL_PEER_A_EXPIRED: u64, counter: files that it lost: see STATS_A_EXPIRED.
 * @DBUS_GENL_PEER_A_QUOTAS: nested QUOTA_A_*: what its user takes.
 */
enum dbus_genl_peer_attr {
	DBUS_GENL_PEER_A_UNSPEC,
	DBUS_GENL_PEER_A_PAD,
	DBUS_GENL_PEER_A_NUMBER,
	DBUS_GENL_PEER_A_ID,
	DBUS_GENL_PEER_A_NAME,
	DBUS_GENL_PEER_A_UID,
	DBUS_GENL_PEER_A_PID,
	DBUS_GENL_PEER_A_COMM,
	DBUS_GENL_PEER_A_FLAGS,
	DBUS_GENL_PEER_A_NAMES,
	DBUS_GENL_PEER_A_MATCHES,
	DBUS_GENL_PEER_A_CALLS,
	DBUS_GENL_PEER_A_OWED,
	DBUS_GENL_PEER_A_QUEUED_MESSAGES,
	DBUS_GENL_PEER_A_QUEUED_BYTES,
	DBUS_GENL_PEER_A_UNREAD_BYTES,
	DBUS_GENL_PEER_A_UNCLAIMED_FDS,
	DBUS_GENL_PEER_A_SENT,
	DBUS_GENL_PEER_A_RECEIVED,
	DBUS_GENL_PEER_A_DROPPED,
	DBUS_GENL_PEER_A_REFUSED,
	DBUS_GENL_PEER_A_OVERFLOWED,
	DBUS_GENL_PEER_A_EXPIRED,
	DBUS_GENL_PEER_A_QUOTAS,

	__DBUS_GENL_PEER_A_MAX,
	DBUS_GENL_PEER_A_MAX = __DBUS_GENL_PEER_A_MAX - 1
};

/**
 * enum dbus_genl_quota_attr - attributes of PEER_A_QUOTAS
 *
 * What the peer's user is charged, all its peers together; each nested
 * CHARGE_A_*: how much it is, and the bound.
 *
 * @DBUS_GENL_QUOTA_A_CONNECTIONS: its peers on this bus that have said Hello.
 * @DBUS_GENL_QUOTA_A_WAITING: its messages and calls that wait for services to be
 *	started, or for the controller.
 * @DBUS_GENL_QUOTA_A_BYTES: of its messages in overflow queues of this bus,
 *	whosever they are, those that wait for services included.
 * @DBUS_GENL_QUOTA_A_FDS: files of its messages on this bus, bodies included, that
 *	wait to be claimed; once each, however many receivers.
 * @DBUS_GENL_QUOTA_A_BODY_BYTES: bytes of those that are bodies.
 * @DBUS_GENL_QUOTA_A_DRIVER_BYTES: of the driver's messages in overflow queues of
 *	its peers on this bus; answers may exceed the bound.
 * @DBUS_GENL_QUOTA_A_ALL_BYTES: as BYTES, on all buses of the machine; so are:
 * @DBUS_GENL_QUOTA_A_ALL_FDS: as FDS.
 * @DBUS_GENL_QUOTA_A_ALL_BODY_BYTES: as BODY_BYTES.
 * @DBUS_GENL_QUOTA_A_ALL_HELD: its match rules, places in the queues of names, and
 *	calls that wait for their reply.
 */
enum dbus_genl_quota_attr {
	DBUS_GENL_QUOTA_A_UNSPEC,
	DBUS_GENL_QUOTA_A_CONNECTIONS,
	DBUS_GENL_QUOTA_A_WAITING,
	DBUS_GENL_QUOTA_A_BYTES,
	DBUS_GENL_QUOTA_A_FDS,
	DBUS_GENL_QUOTA_A_BODY_BYTES,
	DBUS_GENL_QUOTA_A_DRIVER_BYTES,
	DBUS_GENL_QUOTA_A_ALL_BYTES,
	DBUS_GENL_QUOTA_A_ALL_FDS,
	DBUS_GENL_QUOTA_A_ALL_BODY_BYTES,
	DBUS_GENL_QUOTA_A_ALL_HELD,

	__DBUS_GENL_QUOTA_A_MAX,
	DBUS_GENL_QUOTA_A_MAX = __DBUS_GENL_QUOTA_A_MAX - 1
};

/**
 * enum dbus_genl_charge_attr - attributes of QUOTA_A_*
 * @DBUS_GENL_CHARGE_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_CHARGE_A_USED: u64, how much there is.
 * @DBUS_GENL_CHARGE_A_LIMIT: u64, how much there may be.
 */
enum dbus_genl_charge_attr {
	DBUS_GENL_CHARGE_A_UNSPEC,
	DBUS_GENL_CHARGE_A_PAD,
	DBUS_GENL_CHARGE_A_USED,
	DBUS_GENL_CHARGE_A_LIMIT,

	__DBUS_GENL_CHARGE_A_MAX,
	DBUS_GENL_CHARGE_A_MAX = __DBUS_GENL_CHARGE_A_MAX - 1
};

/**
 * enum dbus_genl_name_attr - attributes of NAME_GET
 * @DBUS_GENL_NAME_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_NAME_A_NAME: string, a well-known name.
 * @DBUS_GENL_NAME_A_OWNER: u64, id of the peer that has this place.
 * @DBUS_GENL_NAME_A_POSITION: u32, how many are before it in the name's queue; 0
 *	is who owns the name.
 * @DBUS_GENL_NAME_A_FLAGS: u32, what it last gave RequestName, as in the spec:
 *	1 ALLOW_REPLACEMENT, 2 REPLACE_EXISTING, 4 DO_NOT_QUEUE; other bits as
 *	they came.
 */
enum dbus_genl_name_attr {
	DBUS_GENL_NAME_A_UNSPEC,
	DBUS_GENL_NAME_A_PAD,
	DBUS_GENL_NAME_A_NAME,
	DBUS_GENL_NAME_A_OWNER,
	DBUS_GENL_NAME_A_POSITION,
	DBUS_GENL_NAME_A_FLAGS,

	__DBUS_GENL_NAME_A_MAX,
	DBUS_GENL_NAME_A_MAX = __DBUS_GENL_NAME_A_MAX - 1
};

/**
 * enum dbus_genl_match_attr - attributes of MATCH_GET
 * @DBUS_GENL_MATCH_A_PAD: padding for 64-bit alignment.
 * @DBUS_GENL_MATCH_A_OWNER: u64, id of the peer whose rule it is, monitors'
 *	included: PEER_A_ID.
 * @DBUS_GENL_MATCH_A_RULE: string, the rule; AddMatch makes an equal one of it.
 */
enum dbus_genl_match_attr {
	DBUS_GENL_MATCH_A_UNSPEC,
	DBUS_GENL_MATCH_A_PAD,
	DBUS_GENL_MATCH_A_OWNER,
	DBUS_GENL_MATCH_A_RULE,

	__DBUS_GENL_MATCH_A_MAX,
	DBUS_GENL_MATCH_A_MAX = __DBUS_GENL_MATCH_A_MAX - 1
};

#endif /* _UAPI_LINUX_DBUS_GENL_H */
