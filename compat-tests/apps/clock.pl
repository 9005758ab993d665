#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# clock.pl - a service in Perl on Net::DBus's own main loop: org.example.Clock
use strict;
use warnings;

package Clock;
use Net::DBus::Exporter qw(org.example.Clock);
use base qw(Net::DBus::Object);

dbus_method("Add", ["int32", "int32"], ["int32"]);
dbus_method("Join", [["array", "string"], "string"], ["string"]);
dbus_method("Count", [["dict", "string", "uint32"]], ["uint32"]);
dbus_method("Die", [], []);
dbus_signal("Tick", ["uint32"]);
dbus_method("Ticks", ["uint32"], []);

sub Add { my ($self, $a, $b) = @_; return $a + $b }
sub Join { my ($self, $list, $by) = @_; return join $by, @$list }
sub Count { my ($self, $dict) = @_; my $n = 0; $n += $_ for values %$dict; return $n }
sub Die { die Net::DBus::Error->new(name => "org.example.Clock.Error", message => "out of time") }
sub Ticks { my ($self, $n) = @_; $self->emit_signal("Tick", $_) for 1 .. $n }

package main;
use Net::DBus;
use Net::DBus::Reactor;

$| = 1;
my $service = Net::DBus->session->export_service("org.example.Clock");
my $clock = Clock->new($service, "/org/example/Clock");
print "ready\n";
Net::DBus::Reactor->main->run;
