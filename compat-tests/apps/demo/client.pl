#!/usr/bin/perl
# SPDX-License-Identifier: LGPL-2.1-or-later
# client.pl - a client of service.py in Perl, with Net::DBus
use strict;
use warnings;
use Net::DBus;
use Net::DBus::Error;

my $bus = Net::DBus->session;
my $service = $bus->get_service("org.example.Inventory");
my $inventory = $service->get_object("/org/example/Inventory", "org.example.Inventory");

my $reply = $inventory->Add({ pears => 2 }, ["from", "perl"], "a note");
print "Add: total $reply->{total}, pears $reply->{items}{pears}, tags @{$reply->{tags}}, note $reply->{note}\n";
print "Count of pears: ", $inventory->Count("pears"), "\n";
eval { $inventory->Count("diamonds") };
print "Count of diamonds: ", ref $@ ? $@->name . ": " . $@->message : $@, "\n";
