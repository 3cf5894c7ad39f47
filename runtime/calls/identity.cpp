// Who the process is, and who its user.
#include <sys/utsname.h>

#include <cstring>

#include "runtime/calls/call.hpp"

namespace enclavisor::runtime {
namespace {

std::int64_t sys_getpid(Frame*) {
    return process().pid;
}
std::int64_t sys_getppid(Frame*) {
    return process().parent;
}
std::int64_t sys_getuid(Frame*) {
    return process().uid;
}
std::int64_t sys_getgid(Frame*) {
    return process().gid;
}
std::int64_t sys_geteuid(Frame*) {
    return process().euid;
}
std::int64_t sys_getegid(Frame*) {
    return process().egid;
}
// Identities cannot change; asking for what one is already is granted.
bool is_user(std::uint32_t id) {
    return id == ~0u || id == process().uid || id == process().euid;
}
bool is_group(std::uint32_t id) {
    return id == ~0u || id == process().gid || id == process().egid;
}
std::int64_t granted(bool yes) {
    return yes ? 0 : -EPERM;
}
std::int64_t sys_setuid(std::uint32_t id) {
    return granted(id != ~0u && is_user(id));
}
std::int64_t sys_setgid(std::uint32_t id) {
    return granted(id != ~0u && is_group(id));
}
std::int64_t sys_setreuid(std::uint32_t a, std::uint32_t b) {
    return granted(is_user(a) && is_user(b));
}
std::int64_t sys_setregid(std::uint32_t a, std::uint32_t b) {
    return granted(is_group(a) && is_group(b));
}
std::int64_t sys_setresuid(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return granted(is_user(a) && is_user(b) && is_user(c));
}
std::int64_t sys_setresgid(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return granted(is_group(a) && is_group(b) && is_group(c));
}
std::int64_t sys_setfsuid(Frame*) {
    return process().euid;
}
std::int64_t sys_setfsgid(Frame*) {
    return process().egid;
}

std::int64_t put_three(Address a, Address b, Address c, std::uint32_t real, std::uint32_t effective) {
    TRY_ERRNO(put(a, real));
    TRY_ERRNO(put(b, effective));
    return put(c, effective);
}
std::int64_t sys_getresuid(Address a, Address b, Address c) {
    return put_three(a, b, c, process().uid, process().euid);
}
std::int64_t sys_getresgid(Address a, Address b, Address c) {
    return put_three(a, b, c, process().gid, process().egid);
}

std::int64_t sys_getgroups(std::int32_t count, Address) {
    return count < 0 ? -EINVAL : 0;
}

std::int64_t sys_uname(Address to) {
    utsname name{};
    const auto set = [](char* field, std::string_view text) { std::memcpy(field, text.data(), text.size()); };
    set(name.sysname, "Linux");
    set(name.nodename, system().start.host_name);
    set(name.release, "6.1.0-enclavisor");
    set(name.version, "#1 SMP enclavisor");
    set(name.machine, "x86_64");
    set(name.domainname, "(none)");
    return put(to, name);
}

std::int64_t sys_personality(std::uint32_t persona) {
    return persona == ~0u || persona == 0 ? 0 : -EINVAL;
}

}  // namespace

ENCLAVISOR_FREE_CALL(getpid)
ENCLAVISOR_FREE_CALL(getppid)
ENCLAVISOR_FREE_CALL(getuid)
ENCLAVISOR_FREE_CALL(getgid)
ENCLAVISOR_FREE_CALL(geteuid)
ENCLAVISOR_FREE_CALL(getegid)
ENCLAVISOR_FREE_CALL(setuid)
ENCLAVISOR_FREE_CALL(setgid)
ENCLAVISOR_FREE_CALL(setreuid)
ENCLAVISOR_FREE_CALL(setregid)
ENCLAVISOR_FREE_CALL(setresuid)
ENCLAVISOR_FREE_CALL(setresgid)
ENCLAVISOR_FREE_CALL(setfsuid)
ENCLAVISOR_FREE_CALL(setfsgid)
ENCLAVISOR_FREE_CALL(getresuid)
ENCLAVISOR_FREE_CALL(getresgid)
ENCLAVISOR_FREE_CALL(getgroups)
ENCLAVISOR_FREE_CALL(uname)
ENCLAVISOR_FREE_CALL(personality)

}  // namespace enclavisor::runtime
