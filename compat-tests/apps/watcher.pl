#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# watcher.pl - a client of clock.pl with Net::DBus: calls, errors, signals on its reactor
use strict;
use warnings;
use Net::DBus;
use Net::DBus::Reactor;

$| = 1;
my $bus = Net::DBus->session;
my $clock = $bus->get_service("org.example.Clock")->get_object("/org/example/Clock", "org.example.Clock");
print "Add: ", $clock->Add(40, 2), "\n";
print "Join: ", $clock->Join(["a", "b", "c"], "-"), "\n";
print "Count: ", $clock->Count({ x => 3, y => 4 }), "\n";
eval { $clock->Die };
print "Die: ", ref $@ ? $@->name . ": " . $@->message : $@, "\n";
eval { $bus->get_service("org.example.Nobody") ->get_object("/x", "x.Y")->Z };
print "nobody: ", ref $@ ? $@->name : $@, "\n";
my $reactor = Net::DBus::Reactor->main;
$clock->connect_to_signal("Tick", sub {
    my ($n) = @_;
    print "Tick $n\n";
    $reactor->shutdown if $n == 3;
});
$clock->Ticks(3);
$reactor->add_timeout(60000, sub { print "no ticks\n"; $reactor->shutdown });
$reactor->run;
