#include "runtime/files/trusted.hpp"

#include <dirent.h>

#include <algorithm>

#include "runtime/files/path.hpp"

namespace enclavisor::runtime {
namespace {

constexpr dev_t kDevice = 0x7e01;
constexpr std::int64_t kSecond = 1'000'000'000;

ino_t inode_of(std::string_view path) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash | 1;
}

}  // namespace

class TrustedDirectory final : public DirectoryFile {
public:
    TrustedDirectory(const TrustedFiles& files, int flags, std::string path)
        : DirectoryFile{flags, std::move(path)}, files_{&files} {}
    std::int64_t stat(struct stat& to) override {
        to = files_->describe(nullptr, path());
        return 0;
    }

protected:
    std::vector<Entry> collect() override { return files_->list(path()); }

private:
    const TrustedFiles* files_;
};

TrustedFiles::TrustedFiles(const Mount& mount, const Config& config, TrustedSource& source, uid_t uid,
                           gid_t gid)
    : mount_{mount}, config_{config}, source_{source}, uid_{uid}, gid_{gid} {
    for (const TrustedFile& file : config.trusted_files) {
        if (path_within(file.path, mount.path)) names_.push_back({file.path, &file, {}});
    }
    for (const TrustedLink& link : config.trusted_links) {
        if (path_within(link.path, mount.path)) names_.push_back({link.path, nullptr, link.target});
    }
    std::sort(names_.begin(), names_.end(), [](const Name& a, const Name& b) { return a.path < b.path; });
}

TrustedFiles::Name* TrustedFiles::find(std::string_view path) {
    const auto found =
        std::partition_point(names_.begin(), names_.end(), [&](const Name& n) { return n.path < path; });
    return found != names_.end() && found->path == path ? &*found : nullptr;
}

std::size_t TrustedFiles::first_below(std::string_view directory) const {
    std::string prefix{directory};
    if (directory != "/") prefix += '/';
    const auto found =
        std::partition_point(names_.begin(), names_.end(), [&](const Name& n) { return n.path < prefix; });
    return static_cast<std::size_t>(found - names_.begin());
}

bool TrustedFiles::is_below(std::size_t index, std::string_view directory) const {
    return index < names_.size() && names_[index].path != directory &&
           path_within(names_[index].path, directory);
}

std::int64_t TrustedFiles::absence(std::string_view path) const {
    while (path != mount_.path && path != "/") {
        path = parent_path(path);
        if (has(path)) return -ENOTDIR;
    }
    return -ENOENT;
}

std::vector<Entry> TrustedFiles::list(std::string_view path) const {
    std::vector<Entry> entries{{".", inode_of(path), DT_DIR}, {"..", inode_of(parent_path(path)), DT_DIR}};
    for (std::size_t i = first_below(path); is_below(i, path); i++) {
        const Name& named = names_[i];
        const std::string_view below = path_below(named.path, path).substr(1);
        const std::string_view name = below.substr(0, below.find('/'));
        if (entries.back().name == name) continue;  // sorted: the same directory again
        const std::uint8_t type = name.size() != below.size() ? DT_DIR : named.file ? DT_REG : DT_LNK;
        const std::size_t end = named.path.size() - below.size() + name.size();
        entries.push_back({std::string{name}, inode_of(named.path.substr(0, end)), type});
    }
    return entries;
}

// For those who compare times, as Python does with its caches; 0 where the host has none.
void TrustedFiles::load_times() {
    if (!times_.empty() || config_.trusted_files.empty()) return;
    std::vector<std::int64_t> times(config_.trusted_files.size());
    const TrustedFile& last = config_.trusted_files.back();
    const std::uint64_t begin =
        last.hashes_offset + abi::trusted_chunks(last.info.size) * sizeof(last.info.root);
    const auto bytes = std::as_writable_bytes(std::span{times});
    (void)read_exactly(bytes.data(), bytes.size(), begin,
                       [&](std::byte* to, std::uint64_t size, std::uint64_t at) {
                           return source_.read_hashes(to, size, at);
                       });
    for (std::int64_t& time : times) time = std::max<std::int64_t>(time, 0);
    times_ = std::move(times);
}

// `name`: null for a directory.
struct stat TrustedFiles::describe(const Name* name, std::string_view path) const {
    struct stat info {};
    info.st_dev = kDevice;
    info.st_ino = inode_of(path);
    info.st_uid = uid_;
    info.st_gid = gid_;
    info.st_blksize = 4096;
    info.st_nlink = name != nullptr ? 1 : 2;
    if (name == nullptr) {
        info.st_mode = S_IFDIR | 0555;
    } else if (name->file == nullptr) {
        info.st_mode = S_IFLNK | 0777;
        info.st_size = static_cast<off_t>(name->target.size());
    } else {
        info.st_mode = S_IFREG | (name->file->info.mode & 0555);
        info.st_size = static_cast<off_t>(name->file->info.size);
        info.st_blocks = static_cast<blkcnt_t>((name->file->info.size + 511) / 512);
        const auto index = static_cast<std::size_t>(name->file - config_.trusted_files.data());
        if (index < times_.size()) {
            info.st_mtim = {times_[index] / kSecond, times_[index] % kSecond};
            info.st_atim = info.st_ctim = info.st_mtim;
        }
    }
    return info;
}

Opened TrustedFiles::open(const Place& place, int flags, mode_t) {
    const std::string& path = place.enclave_path;
    Name* name = find(path);
    const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (name == nullptr) {
        if (!is_directory(path)) {
            const std::int64_t why = absence(path);
            return failed((flags & O_CREAT) && why == -ENOENT ? -EROFS : why);
        }
        if (changes) return failed(-EISDIR);
        return Ref<OpenFile>{new TrustedDirectory(*this, flags, path)};
    }
    if ((flags & O_CREAT) && (flags & O_EXCL)) return failed(-EEXIST);
    if (name->file == nullptr) return failed(-ELOOP);
    if (changes) return failed(-EROFS);
    if ((flags & O_DIRECTORY) || place.names_directory) return failed(-ENOTDIR);
    std::string host_path{mount_.uri};
    if (path != mount_.path) {
        if (host_path == "/") host_path.clear();
        host_path += path_below(path, mount_.path);
    }
    load_times();
    const std::int64_t descriptor = source_.open(host_path);
    if (descriptor < 0) return failed(descriptor);
    Ref<OpenFile> file{
        new VerifiedFile(flags, describe(name, path), source_, descriptor, *name->file, name->hashes)};
    if (const std::int64_t error = name->hashes.load(source_, *name->file); error != 0) return failed(error);
    return file;
}

std::int64_t TrustedFiles::stat(const Place& place, int, struct stat& info) {
    const Name* name = find(place.enclave_path);
    if (name == nullptr && !is_directory(place.enclave_path)) return absence(place.enclave_path);
    if (name != nullptr && place.names_directory) return -ENOTDIR;
    if (name != nullptr) load_times();
    info = describe(name, place.enclave_path);
    return 0;
}

std::int64_t TrustedFiles::access(const Place& place, int mode, int) {
    struct stat info;
    if (const std::int64_t error = stat(place, 0, info); error != 0) return error;
    if (mode & W_OK) return -EROFS;
    if ((mode & X_OK) && !(info.st_mode & 0111)) return -EACCES;
    return 0;
}

std::int64_t TrustedFiles::read_link(const Place& place, std::string& target) {
    const Name* name = find(place.enclave_path);
    if (name == nullptr && !is_directory(place.enclave_path)) return absence(place.enclave_path);
    if (name != nullptr && place.names_directory) return -ENOTDIR;
    if (name == nullptr || name->file != nullptr) return -EINVAL;
    target = name->target;
    return 0;
}

std::optional<FileSystem::Followed> TrustedFiles::follow(std::string_view path, bool last_too) {
    if (path == "/") return std::nullopt;
    std::string whole{mount_.path == "/" ? "" : mount_.path};
    const std::size_t mount_size = whole.size();
    whole += path;
    for (std::size_t at = mount_size; at < whole.size();) {
        const std::size_t slash = std::min(whole.find('/', at + 1), whole.size());
        const Name* name = find(std::string_view{whole}.substr(0, slash));
        if (name != nullptr && name->file == nullptr && (last_too || slash < whole.size())) {
            return Followed{whole.substr(mount_size, at - mount_size),
                            std::string{name->target} + whole.substr(slash)};
        }
        at = slash;
    }
    return std::nullopt;
}

std::int64_t TrustedFiles::stat_file_system(const Place&, struct statfs& info) {
    info = {};
    info.f_type = 0x54525354;  // ours: "TRST"
    info.f_bsize = info.f_frsize = 4096;
    info.f_namelen = 255;
    info.f_flags = 1;  // ST_RDONLY
    return 0;
}

}  // namespace enclavisor::runtime
