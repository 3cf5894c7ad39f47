#include "runtime/files/host_files.hpp"

#include "runtime/files/host_file.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/support/text.hpp"

namespace enclavisor::runtime {

using C = abi::ForwardedCall;

std::string whole_path(const Place& place) {
    if (place.directory == AT_FDCWD || place.path.starts_with('/')) return place.path;
    return join("/proc/self/fd/", place.directory, "/") + place.path;
}

Opened HostFiles::open(const Place& place, int flags, mode_t mode) {
    const std::int64_t fd = forward(C::kOpenat, place.directory, place.path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return failed(fd);
    return Ref<OpenFile>{new HostFile(static_cast<int>(fd), flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC),
                                      place.enclave_path, place.path[0] == '/' ? place.path : "")};
}

std::int64_t HostFiles::stat(const Place& place, int flags, struct stat& info) {
    const std::int64_t result = forward(C::kFstatat, place.directory, place.path.c_str(), &info, flags);
    return result == 0 && !stat_valid(info) ? -EIO : result;
}

std::int64_t HostFiles::access(const Place& place, int mode, int flags) {
    return forward(C::kFaccessat, place.directory, place.path.c_str(), mode, flags);
}

std::int64_t HostFiles::read_link(const Place& place, std::string& target) {
    target.resize(abi::kMaxPath);
    const std::int64_t size =
        forward(C::kReadlinkat, place.directory, place.path.c_str(), target.data(), target.size());
    target.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    if (size >= 0 && !link_target_valid(target)) return -EIO;
    return size < 0 ? size : 0;
}

std::int64_t HostFiles::stat_file_system(const Place& place, struct statfs& info) {
    const std::int64_t result = forward(C::kStatfs, whole_path(place).c_str(), &info);
    return result == 0 && !file_system_valid(info) ? -EIO : result;
}

std::int64_t HostFiles::make_directory(const Place& place, mode_t mode) {
    return forward(C::kMkdirat, place.directory, place.path.c_str(), mode);
}
std::int64_t HostFiles::unlink(const Place& place, int flags) {
    return forward(C::kUnlinkat, place.directory, place.path.c_str(), flags);
}
std::int64_t HostFiles::rename(const Place& from, const Place& to, unsigned flags) {
    return forward(C::kRenameat, from.directory, from.path.c_str(), to.directory, to.path.c_str(), flags);
}
std::int64_t HostFiles::link(const Place& from, const Place& to, int flags) {
    return forward(C::kLinkat, from.directory, from.path.c_str(), to.directory, to.path.c_str(), flags);
}
std::int64_t HostFiles::make_link(std::string_view target, const Place& place) {
    const std::string text{target};
    return forward(C::kSymlinkat, text.c_str(), place.directory, place.path.c_str());
}
std::int64_t HostFiles::make_node(const Place& place, mode_t mode, std::uint64_t device) {
    return forward(C::kMknodat, place.directory, place.path.c_str(), mode, device);
}
std::int64_t HostFiles::change_mode(const Place& place, mode_t mode, int) {
    return forward(C::kFchmodat, place.directory, place.path.c_str(), mode);
}
std::int64_t HostFiles::change_owner(const Place& place, uid_t uid, gid_t gid, int flags) {
    return forward(C::kFchownat, place.directory, place.path.c_str(), uid, gid, flags);
}
std::int64_t HostFiles::set_times(const Place& place, const timespec* times, int flags) {
    return forward(C::kUtimensat, place.directory, place.path.c_str(), times, flags);
}
std::int64_t HostFiles::truncate(const Place& place, std::uint64_t size) {
    return forward(C::kTruncate, whole_path(place).c_str(), size);
}

}  // namespace enclavisor::runtime
