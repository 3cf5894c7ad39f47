#include "runtime/files/names.hpp"

#include <algorithm>

#include "runtime/files/host_file.hpp"
#include "runtime/files/path.hpp"
#include "runtime/files/tmpfs.hpp"
#include "runtime/files/trusted.hpp"
#include "runtime/host/checks.hpp"
#include "runtime/host/host.hpp"
#include "runtime/processes/process.hpp"
#include "runtime/system.hpp"

namespace enclavisor::runtime {
namespace {

using C = abi::ForwardedCall;

constexpr int kMaxLinks = 40;
constexpr std::string_view kSharedMemory = "/dev/shm";

timespec wall_clock() {
    return system().clock.now(ClockKind::kWall);
}

class HostSource final : public TrustedSource {
public:
    std::int64_t open(const std::string& path) override {
        return forward(C::kOpenat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0);
    }
    void close(std::int64_t file) override { forward(C::kClose, file); }
    std::int64_t read(std::int64_t file, std::byte* to, std::uint64_t size, std::uint64_t offset) override {
        return forward(C::kPread, file, to, std::min(size, most_transfer()), offset);
    }
    std::int64_t read_hashes(std::byte* to, std::uint64_t size, std::uint64_t offset) override {
        return forward(C::kReadHashes, 0, to, std::min(size, most_transfer()), offset);
    }
};
HostSource host_source;

// Makes the directories that lead to a mount point, so that they can be seen.
void make_mount_point(FileSystem& root, std::string_view path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        Place place;
        place.path = path.substr(0, end);
        if (place.path != "/") root.make_directory(place, 0755);
        if (end == std::string_view::npos) return;
    }
}

}  // namespace

void Names::start(const Config& config, uid_t uid, gid_t gid) {
    for (const Mount& mount : config.mounts) {
        FileSystem* files = &host_;
        if (mount.type == abi::MountType::kTmpfs) {
            owned_.push_back(std::make_unique<Tmpfs>(0x7e00 + owned_.size(), uid, gid, wall_clock));
            files = owned_.back().get();
        } else if (mount.type == abi::MountType::kTrusted) {
            owned_.push_back(std::make_unique<TrustedFiles>(mount, config, host_source, uid, gid));
            files = owned_.back().get();
        }
        mounts_.push_back({mount, files});
    }
    const auto is_root = [](const Mounted& m) { return m.mount.path == "/" && m.mount.uri == "/"; };
    const bool has_libraries = mounts_.size() == 2 && mounts_[1].mount.type == abi::MountType::kTrusted;
    host_only_ = (mounts_.size() == 1 || has_libraries) && mounts_[0].files == &host_ &&
                 std::all_of(mounts_.begin(), mounts_.end(), is_root);
    if (host_only_ && has_libraries) libraries_ = static_cast<TrustedFiles*>(mounts_[1].files);
    const bool has_root =
        std::any_of(mounts_.begin(), mounts_.end(), [](const Mounted& m) { return m.mount.path == "/"; });
    if (!has_root) {
        owned_.push_back(std::make_unique<Tmpfs>(0x7e00 + owned_.size(), uid, gid, wall_clock));
        for (const Mounted& m : mounts_) make_mount_point(*owned_.back(), m.mount.path);
        mounts_.push_back({{abi::MountType::kTmpfs, "/", ""}, owned_.back().get()});
    }
    auto shared_memory = std::make_unique<Tmpfs>(0x7dff, uid, gid, wall_clock);
    shared_memory_ = shared_memory.get();
    owned_.push_back(std::move(shared_memory));
    const bool has_shared_memory = std::any_of(
        mounts_.begin(), mounts_.end(), [](const Mounted& m) { return m.mount.path == kSharedMemory; });
    if (!has_shared_memory) mounts_.push_back({{abi::MountType::kTmpfs, kSharedMemory, ""}, shared_memory_});
    // The longest path first: the first that fits is the one.
    std::sort(mounts_.begin(), mounts_.end(),
              [](const Mounted& a, const Mounted& b) { return a.mount.path.size() > b.mount.path.size(); });
}

const Names::Mounted* Names::mount_of(std::string_view path) const {
    const auto found = std::find_if(mounts_.begin(), mounts_.end(),
                                    [&](const Mounted& m) { return path_within(path, m.mount.path); });
    return found == mounts_.end() ? nullptr : &*found;
}

std::int64_t Names::walk(std::string& at, std::string_view path, int& links) const {
    if (path.starts_with('/')) at.clear();
    while (!path.empty()) {
        const std::string_view part = take_part(path);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (const std::int64_t error = expand(at, true, links); error != 0) return error;
            at = parent_path(at);
            if (at == "/") at.clear();
        } else {
            (at += '/') += part;
        }
    }
    return 0;
}

std::int64_t Names::expand(std::string& path, bool follow, int& links) const {
    for (;;) {
        if (path.empty()) path = "/";
        if (special_.has(path)) return 0;
        const Mounted* mounted = mount_of(path);
        if (mounted == nullptr) return -ENOENT;
        if (mounted->files == &host_) return 0;
        const auto followed = mounted->files->follow(path_below(path, mounted->mount.path), follow);
        if (!followed) return 0;
        if (++links > kMaxLinks) return -ELOOP;
        std::string at{mounted->mount.path == "/" ? "" : mounted->mount.path};
        if (followed->directory != "/") at += followed->directory;
        if (const std::int64_t error = walk(at, followed->rest, links); error != 0) return error;
        path = std::move(at);
    }
}

std::int64_t Names::resolve_mounted(std::string from, std::string_view path, bool follow, Place& place) {
    int links = 0;
    if (from == "/") from.clear();
    std::string at = std::move(from);
    if (const std::int64_t error = walk(at, path, links); error != 0) return error;
    if (const std::int64_t error = expand(at, follow, links); error != 0) return error;
    if (special_.has(at)) {
        place = {&special_, AT_FDCWD, at, at, place.names_directory};
        return 0;
    }
    const Mounted* mounted = mount_of(at);
    const std::string_view below = path_below(at, mounted->mount.path);
    if (mounted->files == &host_) {
        std::string host_path{mounted->mount.uri};
        if (below != "/") host_path += host_path == "/" ? below.substr(1) : below;
        place = {&host_, AT_FDCWD, std::move(host_path), at, place.names_directory};
    } else {
        place = {mounted->files, AT_FDCWD, std::string{below}, at, place.names_directory};
    }
    return 0;
}

std::int64_t Names::resolve(const OpenFile* base, std::string_view path, bool follow, Place& place) {
    place.names_directory = path.size() > 1 && path.back() == '/';
    const bool absolute = !path.empty() && path[0] == '/';
    if (!host_only_) {
        const std::string from = absolute ? "/" : base != nullptr ? base->path() : process().directory->path;
        if (from.empty()) return -ENOTDIR;
        // A slash at the end means what the link leads to.
        return resolve_mounted(from, path, follow || place.names_directory, place);
    }
    const bool special = path.starts_with("/dev/") || path.starts_with("/proc") || path.starts_with("/sys/");
    if (absolute && (special || libraries_ != nullptr)) {
        const std::string normal = normalise("/", path);
        FileSystem* files = nullptr;
        if (path_within(normal, kSharedMemory)) {
            place = {shared_memory_, AT_FDCWD, std::string{path_below(normal, kSharedMemory)}, normal,
                     place.names_directory};
            return 0;
        }
        if (special && special_.has(normal))
            files = &special_;
        else if (libraries_ != nullptr && libraries_->has(normal))
            files = libraries_;
        if (files != nullptr) {
            place = {files, AT_FDCWD, normal, normal, place.names_directory};
            return 0;
        }
    }
    place = {&host_, AT_FDCWD, std::string{path}, {}, place.names_directory};
    if (base == nullptr && !absolute) {
        place.base = process().directory->at_host;
        if (place.base) place.directory = place.base->host_fd();
    } else if (!absolute) {
        if (base->host_fd() < 0) {
            if (base->path().empty()) return -ENOTDIR;
            return resolve(nullptr, normalise(base->path(), path), follow, place);
        }
        place.directory = base->host_fd();
    }
    return 0;
}

Ref<OpenFile> Names::unnamed_file(std::uint64_t size, mode_t mode, std::string name) {
    return shared_memory_->make_unnamed(O_RDWR, mode, size, std::move(name));
}

std::int64_t Names::working_directory(const Directory& directory, std::string& path) {
    if (!host_only_) {
        path = directory.path;
        return 0;
    }
    if (directory.at_host) {
        const Ref<OpenFile> held = directory.at_host;
        if (const std::int64_t error = host_path_of(*held, path); error != 0) return error;
        return path.starts_with('/') && !path.ends_with(" (deleted)") ? 0 : -ENOENT;
    }
    path.resize(abi::kMaxPath);
    const std::int64_t size = forward(C::kGetcwd, path.data(), path.size());
    if (size < 0) return size;
    path.resize(static_cast<std::size_t>(size));
    if (!working_directory_valid(path)) return -EIO;
    path.pop_back();
    return 0;
}

std::string Names::mount_table() const {
    std::string text;
    for (auto each = mounts_.rbegin(); each != mounts_.rend(); ++each) {
        const bool inside = each->files != &host_;
        const bool trusted = each->mount.type == abi::MountType::kTrusted;
        text += inside && !trusted ? "tmpfs " : "host ";
        (text += each->mount.path) += inside && !trusted ? " tmpfs" : " enclavisor";
        text += trusted ? " ro 0 0\n" : " rw 0 0\n";
    }
    return text + "proc /proc proc ro 0 0\ndevpts /dev/pts devpts rw 0 0\n";
}

std::int64_t Names::enter(const Place& place) {
    struct stat info;
    if (const std::int64_t error = place.files->stat(place, 0, info); error != 0) return error;
    if (!S_ISDIR(info.st_mode)) return -ENOTDIR;
    process().directory->path = place.enclave_path;
    return 0;
}

// The proxy stays where it is: each process has a descriptor of its own directory.
std::int64_t Names::enter_at_host(int directory, const std::string& path) {
    const std::int64_t fd = forward(C::kOpenat, directory, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    const auto opened = make_ref<HostFile>(static_cast<int>(fd), O_PATH | O_DIRECTORY);
    // O_PATH does not ask whether one may search it.
    struct stat info;
    if (const std::int64_t error = forward(C::kFstatat, fd, ".", &info, 0); error != 0) return error;
    process().directory->at_host = opened;
    return 0;
}

std::int64_t Names::change_directory(std::string_view path) {
    Place place;
    if (const std::int64_t error = resolve(nullptr, path, true, place); error != 0) return error;
    if (!host_only_) return enter(place);
    return place.files == &host_ ? enter_at_host(place.directory, place.path) : -EACCES;
}

std::int64_t Names::change_directory(OpenFile& directory) {
    if (host_only_) return directory.host_fd() >= 0 ? enter_at_host(directory.host_fd(), ".") : -ENOTDIR;
    struct stat info;
    if (const std::int64_t error = directory.stat(info); error != 0) return error;
    if (!S_ISDIR(info.st_mode) || directory.path().empty()) return -ENOTDIR;
    process().directory->path = directory.path();
    return 0;
}

}  // namespace enclavisor::runtime
