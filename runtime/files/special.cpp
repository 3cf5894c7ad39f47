#include "runtime/files/special.hpp"

#include <dirent.h>
#include <sys/sysmacros.h>

#include "runtime/files/devices.hpp"
#include "runtime/files/host_file.hpp"
#include "runtime/files/memory_file.hpp"
#include "runtime/files/proc_text.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/instances/instances.hpp"
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
};
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

// The process by its number, and its only thread, are /proc/self too.
std::string canonical(std::string_view path) {
    for (const std::string& self : {join("/proc/", process().pid), std::string{"/proc/thread-self"},
                                    join("/proc/self/task/", process().pid)}) {
        if (path == self) return "/proc/self";
        if (path.starts_with(self + "/")) return "/proc/self" + std::string{path.substr(self.size())};
    }
    return std::string{path};
}

// The descriptor that names like /dev/stdin and /proc/self/fd/3 stand for, or -1.
std::int64_t descriptor_at(std::string_view path) {
    if (path == "/dev/stdin") return 0;
    if (path == "/dev/stdout") return 1;
    if (path == "/dev/stderr") return 2;
    for (const std::string_view prefix : {"/dev/fd/", "/proc/self/fd/"}) {
        if (!path.starts_with(prefix)) continue;
        const std::string_view digits = path.substr(prefix.size());
        std::uint32_t number;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error == std::errc{} && end == digits.data() + digits.size() &&
            number < process().files->limit()) {
            return number;
        }
    }
    return -1;
}

bool is_link(std::string_view path) {
    return path == "/proc/self/exe" || path == "/proc/self/cwd" || path == "/proc/self/root" ||
           descriptor_at(path) >= 0;
}

struct stat describe(mode_t mode, dev_t device = 0) {
    struct stat info {};
    info.st_dev = 0x7eff;
    info.st_ino = 1;
    info.st_mode = mode;
    info.st_nlink = 1;
    info.st_rdev = device;
    info.st_blksize = 4096;
    info.st_uid = process().uid;
    info.st_gid = process().gid;
    info.st_atim = info.st_mtim = info.st_ctim = system().clock.now(ClockKind::kWall);
    return info;
}

// /proc/self and /proc/self/fd.
class ProcDirectory final : public DirectoryFile {
public:
    using DirectoryFile::DirectoryFile;
    std::int64_t stat(struct stat& info) override {
        info = describe(S_IFDIR | 0555);
        return 0;
    }

protected:
    std::vector<Entry> collect() override {
        if (path() == "/dev/pts") return terminal_entries();
        std::vector<Entry> entries{{".", 1, DT_DIR}, {"..", 1, DT_DIR}};
        if (path().ends_with("/fd")) {
            for (std::uint64_t fd = 0; fd < process().files->size(); fd++) {
                if (process().files->find(fd) != nullptr) entries.push_back({join(fd), fd + 2, DT_LNK});
            }
            return entries;
        }
        for (const char* name : {"cmdline", "comm", "environ", "maps", "stat", "statm", "status"}) {
            entries.push_back({name, entries.size(), DT_REG});
        }
        for (const char* name : {"cwd", "exe", "root"}) entries.push_back({name, entries.size(), DT_LNK});
        entries.push_back({"fd", entries.size(), DT_DIR});
        return entries;
    }
};

bool is_directory(std::string_view path) {
    return path == "/proc/self" || path == "/proc/self/fd" || path == "/dev/fd" || path == "/dev/pts";
}

}  // namespace

bool SpecialFiles::has(std::string_view path) const {
    if (device_at(path) != nullptr || path == kReadyPath || path == "/dev/pts" ||
        path.starts_with("/dev/fd") || has_terminal_name(path) || descriptor_at(path) >= 0)
        return true;
    const std::string name = canonical(path);
    // Nothing of the proxy's own /proc/self may stand for the enclave's.
    return name == "/proc/self" || name.starts_with("/proc/self/") || has_proc_text(name);
}

Opened SpecialFiles::open(const Place& place, int flags, mode_t) {
    const std::string path = canonical(place.path);
    if (path == kReadyPath) return open_ready(flags);
    if (has_terminal_name(path)) return open_terminal(path, flags);
    if (const Device* device = device_at(path)) {
        const struct stat info = describe(S_IFCHR | 0666, makedev(1, device->minor));
        return Ref<OpenFile>{new DeviceFile(device->kind, flags, info)};
    }
    if (const std::int64_t fd = descriptor_at(path); fd >= 0) {
        Ref<OpenFile> file = process().files->hold(static_cast<std::uint64_t>(fd));
        if (!file) return failed(-ENOENT);
        return file;
    }
    if (is_directory(path)) {
        if ((flags & O_ACCMODE) != O_RDONLY) return failed(-EISDIR);
        return Ref<OpenFile>{new ProcDirectory(flags, path == "/dev/fd" ? "/proc/self/fd" : path)};
    }
    if (is_link(path)) {
        std::string target;
        Place next;
        if (const std::int64_t error = read_link(place, target); error != 0) return failed(error);
        if (const std::int64_t error = system().names.resolve(nullptr, target, true, next); error != 0) {
            return failed(error);
        }
        return next.files->open(next, flags, 0);
    }
    if (!has_proc_text(path)) return failed(-ENOENT);
    if (flags & O_DIRECTORY) return failed(-ENOTDIR);
    if ((flags & O_ACCMODE) != O_RDONLY) return failed(-EACCES);
    return Ref<OpenFile>{new TextFile(flags, describe(S_IFREG | 0444), proc_text(path))};
}

std::int64_t SpecialFiles::stat(const Place& place, int flags, struct stat& info) {
    const std::string path = canonical(place.path);
    if (const Device* device = device_at(path)) {
        // Before a host's root its own answer is as good, and complete.
        if (system().names.host_only()) {
            const std::int64_t result =
                forward(abi::ForwardedCall::kFstatat, AT_FDCWD, place.path.c_str(), &info, flags);
            return result == 0 && !stat_valid(info) ? -EIO : result;
        }
        info = describe(S_IFCHR | 0666, makedev(1, device->minor));
        return 0;
    }
    if (has_terminal_name(path)) return stat_terminal(path, info);
    if (is_link(path)) {
        if (flags & AT_SYMLINK_NOFOLLOW) {
            info = describe(S_IFLNK | 0777);
            return 0;
        }
        const auto file = open(place, O_RDONLY | O_PATH, 0);
        return file.ok() ? file.value()->stat(info) : file.error();
    }
    if (!is_directory(path) && !has_proc_text(path) && path != kReadyPath) return -ENOENT;
    info = describe(is_directory(path) ? S_IFDIR | 0555 : S_IFREG | 0444);
    return 0;
}

std::int64_t SpecialFiles::access(const Place& place, int mode, int) {
    struct stat info;
    if (const std::int64_t error = stat(place, 0, info); error != 0) return error;
    if ((mode & W_OK) && !(info.st_mode & 0222)) return -EACCES;
    if ((mode & X_OK) && !(info.st_mode & 0111)) return -EACCES;
    return 0;
}

std::int64_t SpecialFiles::read_link(const Place& place, std::string& target) {
    const std::string path = canonical(place.path);
    if (path == "/proc/self/exe") {
        target = process().executable;
        return 0;
    }
    if (path == "/proc/self/cwd") return system().names.working_directory(target);
    if (path == "/proc/self/root") {
        target = "/";
        return 0;
    }
    if (path == "/proc/self" || path == "/dev/fd") {
        target = path == "/dev/fd" ? "/proc/self/fd" : join(process().pid);
        return 0;
    }
    const std::int64_t fd = descriptor_at(path);
    if (fd < 0) return -EINVAL;
    const Ref<OpenFile> file = process().files->hold(static_cast<std::uint64_t>(fd));
    if (!file) return -ENOENT;
    if (file->host_fd() >= 0) return host_path_of(*file, target);
    target = file->name().empty() ? "anon_inode:[enclave]" : file->name();
    return 0;
}

}  // namespace enclavisor::runtime
