# SPDX-License-Identifier: LGPL-2.1-or-later
# activation.sh - sourced by the system tests `driver` and `differential`: services that a bus starts
#
# Writes into $1 the configuration of a bus, bus.conf, and its services, the same for dbus-daemon
# and for the kernel's bus. $2… is the command of t.Serve, which must be `conformance --serve …`.

# One that is started and does nothing: an actor of the scenarios takes its name.
prepare_activation() {
	directory=$1/services
	rm -rf "$directory"
	mkdir "$directory"
	shift
	for name in t.Wait t.Wait2 t.Denied t.Secret t.Never t.P1 t.P2 t.P3 t.P4 t.P5 t.P6 t.P7 t.P8 t.P9; do
		service_file $name "/bin/sleep 1000"
	done
	service_file t.False /bin/false
	service_file t.True /bin/true
	service_file t.Killed "/bin/sh -c 'kill -9 \$\$'"
	service_file t.NoProgram /nonexistent/program
	service_file t.NoExec /etc/hostname
	service_file t.Serve "$*"
	cat >"$directory/../bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <servicedir>$directory</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <deny send_requested_reply="false" send_type="method_return"/>
    <deny send_requested_reply="false" send_type="error"/>
    <deny send_destination="t.Denied"/>
    <deny send_destination="t.Secret" send_interface="t.I"/>
    <deny send_destination="t.Wait" send_interface="t.I" send_member="Forbidden"/>
    <deny receive_interface="t.I" receive_member="Unwelcome"/>
  </policy>
  <limit name="service_start_timeout">20000</limit>
  <limit name="max_pending_service_starts">12</limit>
</busconfig>
END
	CONFORMANCE_SERVICES=$directory
	export CONFORMANCE_SERVICES
}

# service_file NAME COMMAND
service_file() {
	printf '[D-BUS Service]\nName=%s\nExec=%s\n' "$1" "$2" >"$directory/$1.service"
}
