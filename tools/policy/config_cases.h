// SPDX-License-Identifier: LGPL-2.1-or-later
// Configurations, and whether a bus starts with them: what dbus-daemon 1.14 says, which
// config_daemon_test.cpp asks anew, and what we must say (bus_config_test.cpp).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace dg {

struct ConfigCase {
  const char* text;  // what is inside <busconfig>; or the whole file, if it begins with that or <?
  bool taken;
};

// As rules of one <policy>.
#define DG_RULES(rules) "<policy context='default'>" rules "</policy>"
#define DG_LIMIT(name, value) "<limit name='" name "'>" value "</limit>"

inline constexpr ConfigCase kConfigCases[] = {
    {"", true},
    {"<?xml version='1.0'?>", false},
    {"<?xml version='1.0'?><policy context='default'/>", false},
    {"<?xml version='1.0'?><busconfig>", false},
    {"<busconfig foo='x'><listen>unix:path=DIR/socket</listen></busconfig>", false},
    {"<busconfig xmlns='x'><listen>unix:path=DIR/socket</listen></busconfig>", false},

    // Text where there is none.
    {"text", false},
    {"&#32;&#9;&#10;&#13;", true},
    {"&amp;", false},
    {"<type>session</type>text", false},
    {"<policy context='default'>text</policy>", false},
    {"<policy context='default'>&#160;</policy>", false},
    {"<policy context='default'><![CDATA[x]]></policy>", false},
    {"<policy context='default'><!-- text --></policy>", true},
    {DG_RULES("<allow own='*'/>text"), false},
    {DG_RULES("<allow own='*'>text</allow>"), false},
    {DG_RULES("<deny own='*'> \n\t</deny>"), true},
    {"<syslog>text</syslog>", false},
    {"<syslog/>", true},
    {"<syslog> </syslog>", true},
    {"<fork>x</fork>", false},
    {"<keep_umask>x</keep_umask>", false},
    {"<allow_anonymous>x</allow_anonymous>", false},
    {"<standard_session_servicedirs>x</standard_session_servicedirs>", false},
    {"<standard_system_servicedirs>x</standard_system_servicedirs>", false},
    {"<apparmor>x</apparmor>", false},
    {"<selinux>x</selinux>", false},
    {"<selinux><associate own='a.b' context='c'>x</associate></selinux>", false},

    // None where there is some.
    {"<type/>", false},
    {"<type></type>", false},
    {"<type> </type>", true},
    {"<type>x</type>", true},
    {"<pidfile/>", false},
    {"<user/>", false},
    {"<listen/>", false},
    {"<auth/>", false},
    {"<servicedir/>", false},
    {"<servicehelper/>", false},
    {"<include/>", false},
    {"<include if_selinux_enabled='yes'/>", false},
    {"<includedir/>", false},
    {"<limit/>", false},
    {DG_LIMIT("max_message_size", ""), false},

    // Attributes that an element hasn't.
    {"<type foo='x'>session</type>", false},
    {"<include foo='x'>plain.conf</include>", false},
    {"<includedir foo='x'>right</includedir>", false},
    {"<limit name='max_message_size' foo='x'>1</limit>", false},
    {"<fork foo='x'/>", false},
    {"<syslog foo='x'/>", false},
    {"<keep_umask foo='x'/>", false},
    {"<allow_anonymous foo='x'/>", false},
    {"<standard_session_servicedirs foo='x'/>", false},
    {"<standard_system_servicedirs foo='x'/>", false},
    {"<user foo='x'>root</user>", false},
    {"<listen foo='x'>unix:path=DIR/other</listen>", false},
    {"<auth foo='x'>EXTERNAL</auth>", false},
    {"<pidfile foo='x'>DIR/pid</pidfile>", false},
    {"<servicedir foo='x'>DIR</servicedir>", false},
    {"<servicehelper foo='x'>DIR/helper</servicehelper>", false},
    {"<policy context='default' foo='x'/>", false},
    {DG_RULES("<allow foo='x'/>"), false},
    {"<selinux foo='x'/>", false},
    {"<selinux><associate own='a.b' context='c'/></selinux>", true},
    {"<selinux><associate own='' context=''/></selinux>", true},
    {"<selinux><associate own='a.b' context='c' foo='x'/></selinux>", false},
    {"<selinux><associate own='a.b'/></selinux>", false},
    {"<selinux><associate context='c'/></selinux>", false},
    {"<selinux><associate/></selinux>", false},
    {"<apparmor/>", true},
    {"<apparmor mode='required'/>", true},
    {"<apparmor mode='enabled'/>", true},
    {"<apparmor mode='disabled'/>", true},
    {"<apparmor mode='foo'/>", false},
    {"<apparmor mode=''/>", false},
    {"<apparmor mode='enabled' foo='x'/>", false},

    // Places.
    {"<foo/>", false},
    {"<allow own='*'/>", false},
    {"<associate own='a.b' context='c'/>", false},
    {"<policy context='default'><policy context='default'/></policy>", false},
    {DG_RULES("<allow own='*'><deny own='*'/></allow>"), false},
    {"<selinux><allow own='*'/></selinux>", false},
    {"<fork><syslog/></fork>", false},
    {"<type>session<fork/></type>", false},
    {"<busconfig/>", false},

    // Mechanisms: of all files, but those that are left out.
    {"<auth>EXTERNAL</auth>", true},
    {"<auth>DBUS_COOKIE_SHA1</auth><auth>ANONYMOUS</auth>", true},
    {"<auth>FOO</auth>", false},
    {"<auth>EXTERNAL</auth><auth>FOO</auth>", false},
    {"<auth>external</auth>", false},
    {"<auth> EXTERNAL</auth>", false},
    {"<includedir>auth</includedir>", false},
    {"<includedir>wrong-auth</includedir>", true},

    // Includes.
    {"<include>plain.conf</include>", true},
    {"<include> plain.conf </include>", false},
    {"<include>DIR/plain.conf</include>", true},
    {"<include>nosuch</include>", false},
    {"<include ignore_missing='yes'>nosuch</include>", true},
    {"<include ignore_missing='no'>nosuch</include>", false},
    {"<include ignore_missing='true'>plain.conf</include>", false},
    {"<include ignore_missing='yes'>plain.conf/x</include>", false},
    {"<include>right</include>", false},
    {"<include ignore_missing='yes'>right</include>", false},
    {"<include>wrong/self.conf</include>", false},
    {"<include ignore_missing='yes'>wrong/self.conf</include>", false},
    {"<include ignore_missing='yes'>wrong/dangling.conf</include>", true},
    {"<include>main.conf</include>", false},
    {"<include if_selinux_enabled='yes'>nosuch</include>", true},
    {"<include if_selinux_enabled='no'>plain.conf</include>", true},
    {"<include if_selinux_enabled='x'>plain.conf</include>", false},
    {"<include if_selinux_enabled='yes' selinux_root_relative='yes'>x</include>", true},
    {"<include if_selinux_enabled='yes' selinux_root_relative='x'>x</include>", false},
    {"<include selinux_root_relative='no'>plain.conf</include>", true},
    {"<include selinux_root_relative='yes'>plain.conf</include>", false},
    {"<include ignore_missing='yes' selinux_root_relative='yes'>x</include>", true},
    {"<includedir>right</includedir>", true},
    {"<includedir>nosuch</includedir>", true},
    {"<includedir>plain.conf</includedir>", false},
    // One wrong file in it, of whatever kind, doesn't matter.
    {"<includedir>wrong</includedir>", true},

    // Numbers: what strtol() takes with base 0, whatever comes behind.
    {DG_RULES("<allow send_type='*' min_fds='1'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='0x10'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='0xg'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='08'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds=' 1'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='1 '/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='+1'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='-0'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds='1k'/>"), true},
    {DG_RULES("<allow send_type='*' min_fds=''/>"), false},
    {DG_RULES("<allow send_type='*' min_fds='x'/>"), false},
    {DG_RULES("<allow send_type='*' min_fds='&#160;1'/>"), false},
    {DG_RULES("<allow send_type='*' min_fds='-1'/>"), false},
    {DG_RULES("<allow send_type='*' max_fds='33554432'/>"), true},
    {DG_RULES("<allow send_type='*' max_fds='33554433'/>"), false},
    {DG_RULES("<allow send_type='*' max_fds='4294967296'/>"), false},
    {DG_RULES("<allow send_type='*' max_fds='99999999999999999999'/>"), false},
    {DG_LIMIT("max_message_size", "0x10000"), true},
    {DG_LIMIT("max_message_size", "+1000000"), true},
    {DG_LIMIT("max_message_size", "1000000k"), true},
    {DG_LIMIT("max_message_size", " 1000000 "), true},
    {DG_LIMIT("max_message_size", "-0"), true},
    {DG_LIMIT("max_message_size", "9223372036854775807"), true},
    {DG_LIMIT("max_message_size", "9223372036854775808"), false},
    {DG_LIMIT("max_message_size", " "), false},
    {DG_LIMIT("max_message_size", "x"), false},
    {DG_LIMIT("max_message_size", "-1"), false},
    {DG_LIMIT("max_message_size", "+ 1"), false},
    {DG_LIMIT("max_message_unix_fds", "2147483648"), true},
    {DG_LIMIT("max_names_per_connection", "2147483647"), true},
    {DG_LIMIT("max_names_per_connection", "2147483648"), false},
    {DG_LIMIT("reply_timeout", "2147483648"), false},
    {DG_LIMIT("reply_timeout", "-1"), false},
    {DG_LIMIT("foo", "1"), false},

    // Sections.
    {"<policy/>", false},
    {"<policy context='default' user='root'/>", false},
    {"<policy context='x'/>", false},
    {"<policy at_console='x'/>", false},
    {"<policy at_console='true'/>", true},
    {"<policy user='no such user'/>", true},
    {"<policy group=''/>", true},
    {"<policy user='root'><allow user='root'/></policy>", false},
    {"<policy user='root'><allow user='no such user'/></policy>", true},
    {"<policy at_console='false'><allow user='*'/></policy>", true},

    // Rules.
    {DG_RULES("<allow/>"), false},
    {DG_RULES("<allow log='true'/>"), false},
    {DG_RULES("<allow own='*' log='x'/>"), true},
    {DG_RULES("<allow send_type='*' log=''/>"), true},
    {DG_RULES("<allow min_fds='1'/>"), false},
    {DG_RULES("<allow own='a.b' min_fds='1'/>"), false},
    {DG_RULES("<allow eavesdrop='true' min_fds='1'/>"), true},
    {DG_RULES("<allow eavesdrop='1'/>"), false},
    {DG_RULES("<allow send_broadcast='true'/>"), true},
    {DG_RULES("<allow send_broadcast='yes'/>"), false},
    {DG_RULES("<allow send_broadcast='true' send_destination='a.b'/>"), false},
    {DG_RULES("<allow send_broadcast='true' send_destination=''/>"), false},
    {DG_RULES("<allow send_broadcast='true' send_destination='*'/>"), true},
    {DG_RULES("<allow send_broadcast='true' send_destination_prefix='a.b'/>"), true},
    {DG_RULES("<allow send_broadcast='true' send_destination_prefix=''/>"), true},
    {DG_RULES("<allow send_broadcast='false' send_destination='a.b'/>"), true},
    {DG_RULES("<allow receive_broadcast='true'/>"), false},
    {DG_RULES("<allow send_destination='*' send_destination_prefix='a.b'/>"), false},
    {DG_RULES("<allow own='*' user='*'/>"), false},
    {DG_RULES("<allow user='*' send_type='*'/>"), false},
    {DG_RULES("<allow send_type='*' receive_type='*'/>"), false},
    {DG_RULES("<allow send_type='METHOD_CALL'/>"), false},
    {DG_RULES("<allow send_member='M'/>"), false},
    {DG_RULES("<allow send_member='M' send_path='/'/>"), true},
    {DG_RULES("<allow send_error='a.b' send_interface='*'/>"), false},
    {DG_RULES("<allow receive_error='a.b' receive_path='/'/>"), true},
};

#undef DG_RULES
#undef DG_LIMIT

// A directory with the files that cases include, and the case as main.conf.
class ConfigFiles {
 public:
  ConfigFiles() {
    std::string name = std::filesystem::temp_directory_path() / "config-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    directory_ = name;
    for (const char* each : {"right", "wrong", "auth", "wrong-auth", "wrong/directory.conf"}) {
      std::filesystem::create_directory(directory_ / each);
    }
    const std::string section =
        "<policy user='65000'><allow own='a.b'/></policy><type>from an include</type>";
    write("plain.conf", section);
    write("right/a.conf", section);
    write("right/not-a-conf", "text");
    write("wrong/a.conf", section);
    write("wrong/text.conf", section + "text");
    write("wrong/nested.conf", section + "<include>text.conf</include>");
    write("wrong/z.conf", section);
    write("auth/a.conf", "<auth>FOO</auth>");
    write("wrong-auth/a.conf", "<auth>FOO</auth>text");
    std::filesystem::create_symlink("self.conf", directory_ / "wrong/self.conf");
    std::filesystem::create_symlink("../main.conf", directory_ / "wrong/main.conf");
    std::filesystem::create_symlink("nosuch", directory_ / "wrong/dangling.conf");
  }
  ~ConfigFiles() {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
  }
  ConfigFiles(const ConfigFiles&) = delete;
  ConfigFiles& operator=(const ConfigFiles&) = delete;

  // The main file of a case.
  std::string main_file(std::string text) const {
    const bool whole = text.starts_with("<?") || text.starts_with("<busconfig");
    if (!whole) text = "<busconfig><listen>unix:path=DIR/socket</listen>" + text + "</busconfig>";
    for (std::size_t at = 0; (at = text.find("DIR", at)) != text.npos;) {
      text.replace(at, 3, directory_);
    }
    std::ofstream(directory_ / "main.conf") << text;
    return directory_ / "main.conf";
  }
  std::filesystem::path directory() const { return directory_; }

 private:
  void write(const char* name, const std::string& text) const {
    std::ofstream(directory_ / name) << "<busconfig>" << text << "</busconfig>";
  }

  std::filesystem::path directory_;
};

}  // namespace dg
