#include "runtime/files/special.hpp"

#include <dirent.h>
#include <sys/sysmacros.h>

#include "runtime/files/devices.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/memory_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/instances/instances.hpp"
#include "runtime/proc/proc_files.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/support/text.hpp"
#include "runtime/system.hpp"
#include "runtime/terminals/terminal_names.hpp"

namespace enclavisor::runtime {
namespace {

struct Device {
    std::string_view path;
    DeviceKind kind;
    unsigned minor;

    struct stat describe() const {
        return runtime::describe(path, S_IFCHR | 0666, Credentials{}, makedev(1, minor));
    }
};
constexpr std::string_view kTerminals = "/dev/pts";
constexpr Device kDevices[] = {
    {"/dev/null", DeviceKind::kNull, 3},      {"/dev/zero", DeviceKind::kZero, 5},
    {"/dev/full", DeviceKind::kFull, 7},      {"/dev/random", DeviceKind::kRandom, 8},
    {"/dev/urandom", DeviceKind::kRandom, 9},
};

const Device* device_at(std::string_view path) {
    for (const Device& device : kDevices) {
        if (device.path == path) return &device;
    }
    return nullptr;
}

// The descriptors' names in /dev are links to those in /proc; others stay as they are.
std::string without_alias(std::string_view path) {
    if (path == "/dev/stdin") return "/proc/self/fd/0";
    if (path == "/dev/stdout") return "/proc/self/fd/1";
    if (path == "/dev/stderr") return "/proc/self/fd/2";
    constexpr std::string_view kDescriptors = "/dev/fd";
    if (path_within(path, kDescriptors)) return join("/proc/self/fd", path.substr(kDescriptors.size()));
    return std::string{path};
}

bool is_alias(std::string_view path) {
    return path.starts_with("/dev/std") || path == "/dev/fd";
}

class TerminalFolder final : public DirectoryFile {
public:
    using DirectoryFile::DirectoryFile;
    std::int64_t stat(struct stat& info) override {
        info = describe(path(), S_IFDIR | 0755, Credentials{});
        return 0;
    }

protected:
    std::vector<Entry> collect() override { return terminal_entries(); }
};

std::int64_t stat_without_slash(const std::string& written, int flags, struct stat& info) {
    const std::string path = without_alias(written);
    if (const Device* device = device_at(path)) {
        // Before a host's root its own answer is as good, and complete.
        if (system().names.host_only()) {
            const std::int64_t result =
                forward(abi::ForwardedCall::kFstatat, AT_FDCWD, path.c_str(), &info, flags);
            return result == 0 && !stat_valid(info) ? -EIO : result;
        }
        info = device->describe();
        return 0;
    }
    if (has_terminal_name(path)) return stat_terminal(path, info);
    if (is_alias(written) && (flags & AT_SYMLINK_NOFOLLOW)) {
        info = describe(written, S_IFLNK | 0777, Credentials{});
    } else if (path == kTerminals) {
        info = describe(path, S_IFDIR | 0755, Credentials{});
    } else if (path == kReadyPath) {
        info = describe(path, S_IFREG | 0444, process());
    } else {
        return stat_proc(path, flags, info);
    }
    return 0;
}

}  // namespace

bool SpecialFiles::has(std::string_view path) const {
    return device_at(path) != nullptr || path == kReadyPath || path == kTerminals ||
           has_terminal_name(path) || has_proc_name(without_alias(path));
}

Opened SpecialFiles::open(const Place& place, int flags, mode_t) {
    const std::string path = without_alias(place.path);
    if (place.names_directory) flags |= O_DIRECTORY;
    if (path == kReadyPath) return open_ready(flags);
    if (has_terminal_name(path)) return open_terminal(path, flags);
    if (const Device* device = device_at(path)) {
        const struct stat info = device->describe();
        return Ref<OpenFile>{new DeviceFile(device->path, device->kind, flags, info)};
    }
    if (path == kTerminals) {
        if ((flags & O_ACCMODE) != O_RDONLY) return failed(-EISDIR);
        return Ref<OpenFile>{new TerminalFolder(flags, path)};
    }
    return open_proc(path, flags);
}

std::int64_t SpecialFiles::stat(const Place& place, int flags, struct stat& info) {
    // A slash at the end means what the link leads to, and that must be a directory.
    if (place.names_directory) flags &= ~AT_SYMLINK_NOFOLLOW;
    if (const std::int64_t error = stat_without_slash(place.path, flags, info); error != 0) return error;
    return place.names_directory && !S_ISDIR(info.st_mode) ? -ENOTDIR : 0;
}

std::int64_t SpecialFiles::access(const Place& place, int mode, int) {
    struct stat info;
    if (const std::int64_t error = stat(place, 0, info); error != 0) return error;
    if ((mode & W_OK) && !(info.st_mode & 0222)) return -EACCES;
    if ((mode & X_OK) && !(info.st_mode & 0111)) return -EACCES;
    return 0;
}

std::int64_t SpecialFiles::read_link(const Place& place, std::string& target) {
    if (is_alias(place.path)) {
        target = without_alias(place.path);
        return 0;
    }
    return has_proc_name(without_alias(place.path)) ? read_proc_link(without_alias(place.path), target)
                                                    : -EINVAL;
}

}  // namespace enclavisor::runtime
