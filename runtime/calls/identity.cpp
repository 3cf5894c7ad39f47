// Who the process is, and who its user.
#include <linux/capability.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstring>

#include "runtime/calls/call.hpp"
#include "runtime/support/release.hpp"

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

// --- users and groups ------------------------------------------------------------

// Threads have one identity, their process's: a libc that has each thread make the call finds
// it granted.
constexpr std::uint32_t kSame = ~0u;

std::uint32_t chosen(std::uint32_t wanted, std::uint32_t present) {
    return wanted == kSame ? present : wanted;
}

// What setuid and its relatives need of users, setgid and its of groups.
struct Ids {
    std::uint32_t real, effective, saved, file_system;
    int capability;  // with it they can be anything
    void (Credentials::*set)(std::uint32_t, std::uint32_t, std::uint32_t);

    bool free() const { return process().may(capability); }
    bool is_any(std::uint32_t id) const {
        return id == kSame || id == real || id == effective || id == saved;
    }
    std::int64_t become(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        if (b != effective) process().death_signal = 0;
        (process().*set)(a, b, c);
        return 0;
    }
};

Ids users() {
    const Process& p = process();
    return {p.uid, p.euid, p.saved_uid, p.fs_uid, CAP_SETUID, &Credentials::set_users};
}
Ids groups() {
    const Process& p = process();
    return {p.gid, p.egid, p.saved_gid, p.fs_gid, CAP_SETGID, &Credentials::set_groups};
}

std::int64_t set_one(const Ids& ids, std::uint32_t id) {
    if (id == kSame) return -EINVAL;
    if (ids.free()) return ids.become(id, id, id);
    if (id != ids.real && id != ids.saved) return -EPERM;
    return ids.become(ids.real, id, ids.saved);
}
std::int64_t set_two(const Ids& ids, std::uint32_t a, std::uint32_t b) {
    const bool granted = (a == kSame || a == ids.real || a == ids.effective) && ids.is_any(b);
    if (!granted && !ids.free()) return -EPERM;
    const std::uint32_t effective = chosen(b, ids.effective);
    const bool saves = a != kSame || (b != kSame && b != ids.real);
    return ids.become(chosen(a, ids.real), effective, saves ? effective : ids.saved);
}
std::int64_t set_three(const Ids& ids, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    if (!(ids.is_any(a) && ids.is_any(b) && ids.is_any(c)) && !ids.free()) return -EPERM;
    return ids.become(chosen(a, ids.real), chosen(b, ids.effective), chosen(c, ids.saved));
}

std::int64_t sys_setuid(std::uint32_t id) {
    return set_one(users(), id);
}
std::int64_t sys_setgid(std::uint32_t id) {
    return set_one(groups(), id);
}
std::int64_t sys_setreuid(std::uint32_t a, std::uint32_t b) {
    return set_two(users(), a, b);
}
std::int64_t sys_setregid(std::uint32_t a, std::uint32_t b) {
    return set_two(groups(), a, b);
}
std::int64_t sys_setresuid(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return set_three(users(), a, b, c);
}
std::int64_t sys_setresgid(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    return set_three(groups(), a, b, c);
}
// What it was, whether it changes or not.
std::int64_t sys_setfsuid(std::uint32_t id) {
    const Ids ids = users();
    if (id != kSame && (ids.is_any(id) || id == ids.file_system || ids.free())) {
        process().dumpable &= id == ids.file_system;
        process().fs_uid = id;
    }
    return ids.file_system;
}
std::int64_t sys_setfsgid(std::uint32_t id) {
    const Ids ids = groups();
    if (id != kSame && (ids.is_any(id) || id == ids.file_system || ids.free())) {
        process().dumpable &= id == ids.file_system;
        process().fs_gid = id;
    }
    return ids.file_system;
}

std::int64_t put_three(const Ids& ids, Address a, Address b, Address c) {
    TRY_ERRNO(put(a, ids.real));
    TRY_ERRNO(put(b, ids.effective));
    return put(c, ids.saved);
}
std::int64_t sys_getresuid(Address a, Address b, Address c) {
    return put_three(users(), a, b, c);
}
std::int64_t sys_getresgid(Address a, Address b, Address c) {
    return put_three(groups(), a, b, c);
}

std::int64_t sys_getgroups(std::int32_t count, Address to) {
    const std::vector<std::uint32_t>& own = process().groups;
    const auto size = static_cast<std::int32_t>(own.size());
    if (count < 0 || (count != 0 && count < size)) return -EINVAL;
    if (count != 0 && !copy_out(to, own.data(), own.size() * sizeof(own[0]))) return -EFAULT;
    return size;
}
std::int64_t sys_setgroups(std::uint32_t count, Address from) {
    constexpr std::uint32_t kMost = 65536;  // NGROUPS_MAX
    if (!process().may(CAP_SETGID)) return -EPERM;
    if (count > kMost) return -EINVAL;
    std::vector<std::uint32_t> wanted(count);
    if (!copy_in(wanted.data(), from, count * sizeof(wanted[0]))) return -EFAULT;
    std::sort(wanted.begin(), wanted.end());
    process().groups = std::move(wanted);
    return 0;
}

std::int64_t sys_uname(Address to) {
    utsname name{};
    const auto set = [](char* field, std::string_view text) { std::memcpy(field, text.data(), text.size()); };
    set(name.sysname, "Linux");
    set(name.nodename, system().start.host_name);
    set(name.release, kRelease);
    set(name.version, kVersion);
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
ENCLAVISOR_CALL(setuid)
ENCLAVISOR_CALL(setgid)
ENCLAVISOR_CALL(setreuid)
ENCLAVISOR_CALL(setregid)
ENCLAVISOR_CALL(setresuid)
ENCLAVISOR_CALL(setresgid)
ENCLAVISOR_CALL(setfsuid)
ENCLAVISOR_CALL(setfsgid)
ENCLAVISOR_FREE_CALL(getresuid)
ENCLAVISOR_FREE_CALL(getresgid)
ENCLAVISOR_CALL(getgroups)
ENCLAVISOR_CALL(setgroups)
ENCLAVISOR_FREE_CALL(uname)
ENCLAVISOR_FREE_CALL(personality)

}  // namespace enclavisor::runtime
