#include "runtime/files/trusted.hpp"

#include <dirent.h>

#include <algorithm>
#include <cstring>

#include "runtime/files/path.hpp"
#include "runtime/support/sha256.hpp"

namespace enclavisor::runtime {
namespace {

constexpr dev_t kDevice = 0x7e01;

ino_t inode_of(std::string_view path) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash | 1;
}

class VerifiedFile final : public PositionedFile {
public:
    VerifiedFile(int flags, const struct stat& info, std::vector<std::byte> contents)
        : PositionedFile{flags}, info_{info}, contents_{std::move(contents)} {}
    std::int64_t stat(struct stat& to) override {
        to = info_;
        return 0;
    }

protected:
    std::uint64_t size() const override { return contents_.size(); }
    std::int64_t read_at(const Buffers& to, std::uint64_t offset) override {
        if (offset >= contents_.size()) return 0;
        const std::uint64_t count = std::min<std::uint64_t>(to.size(), contents_.size() - offset);
        return to.write(0, contents_.data() + offset, count) ? static_cast<std::int64_t>(count) : -EFAULT;
    }

private:
    struct stat info_;
    std::vector<std::byte> contents_;
};

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

TrustedFiles::TrustedFiles(Mount mount, const std::vector<TrustedFile>& files, Reader reader, uid_t uid,
                           gid_t gid)
    : mount_{mount}, reader_{reader}, uid_{uid}, gid_{gid} {
    for (const TrustedFile& file : files) {
        if (path_within(file.path, mount.path)) files_.push_back(file);
    }
    std::sort(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
}

const TrustedFile* TrustedFiles::find(std::string_view path) const {
    const auto found =
        std::partition_point(files_.begin(), files_.end(), [&](const auto& f) { return f.path < path; });
    return found != files_.end() && found->path == path ? &*found : nullptr;
}

bool TrustedFiles::is_directory(std::string_view path) const {
    return std::any_of(files_.begin(), files_.end(),
                       [&](const auto& f) { return f.path != path && path_within(f.path, path); });
}

std::vector<Entry> TrustedFiles::list(std::string_view path) const {
    std::vector<Entry> entries{{".", inode_of(path), DT_DIR}, {"..", inode_of(parent_path(path)), DT_DIR}};
    for (const TrustedFile& file : files_) {
        if (file.path == path || !path_within(file.path, path)) continue;
        const std::string_view below = path_below(file.path, path).substr(1);
        const std::string_view name = below.substr(0, below.find('/'));
        if (entries.back().name == name) continue;  // sorted: the same directory again
        const std::uint8_t type = name.size() == below.size() ? DT_REG : DT_DIR;
        const std::size_t end = file.path.size() - below.size() + name.size();
        entries.push_back({std::string{name}, inode_of(file.path.substr(0, end)), type});
    }
    return entries;
}

struct stat TrustedFiles::describe(const TrustedFile* file, std::string_view path) const {
    struct stat info {};
    info.st_dev = kDevice;
    info.st_ino = inode_of(path);
    info.st_uid = uid_;
    info.st_gid = gid_;
    info.st_blksize = 4096;
    info.st_nlink = file != nullptr ? 1 : 2;
    info.st_mode = file != nullptr ? S_IFREG | (file->info.mode & 0555) : S_IFDIR | 0555;
    if (file != nullptr) {
        info.st_size = static_cast<off_t>(file->info.size);
        info.st_blocks = static_cast<blkcnt_t>((file->info.size + 511) / 512);
    }
    return info;
}

Opened TrustedFiles::open(const Place& place, int flags, mode_t) {
    const std::string& path = place.enclave_path;
    const TrustedFile* file = find(path);
    const bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    if (file == nullptr) {
        if (!is_directory(path)) return failed(flags & O_CREAT ? -EROFS : -ENOENT);
        if (changes) return failed(-EISDIR);
        return Ref<OpenFile>{new TrustedDirectory(*this, flags, path)};
    }
    if ((flags & O_CREAT) && (flags & O_EXCL)) return failed(-EEXIST);
    if (changes) return failed(-EROFS);
    if ((flags & O_DIRECTORY) || place.names_directory) return failed(-ENOTDIR);
    std::string host_path{mount_.uri};
    if (path != mount_.path) host_path += path_below(path, mount_.path);
    std::vector<std::byte> contents;
    if (const std::int64_t error = reader_(host_path, contents, file->info.size); error < 0)
        return failed(error);
    const auto digest = sha256(contents);
    if (std::memcmp(digest.data(), file->info.sha256, digest.size()) != 0) return failed(-EACCES);
    return Ref<OpenFile>{new VerifiedFile(flags, describe(file, path), std::move(contents))};
}

std::int64_t TrustedFiles::stat(const Place& place, int, struct stat& info) {
    const TrustedFile* file = find(place.enclave_path);
    if (file == nullptr && !is_directory(place.enclave_path)) return -ENOENT;
    if (file != nullptr && place.names_directory) return -ENOTDIR;
    info = describe(file, place.enclave_path);
    return 0;
}

std::int64_t TrustedFiles::access(const Place& place, int mode, int) {
    struct stat info;
    if (const std::int64_t error = stat(place, 0, info); error != 0) return error;
    if (mode & W_OK) return -EROFS;
    if ((mode & X_OK) && !(info.st_mode & 0111)) return -EACCES;
    return 0;
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
