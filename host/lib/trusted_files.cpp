#include "host/lib/trusted_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "host/lib/fd.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {

namespace fs = std::filesystem;

namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Fills `buffer` as far as the file goes; bytes read, or -1.
ssize_t read_chunk(int fd, std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const ssize_t count = ::read(fd, buffer.data() + filled, buffer.size() - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    return static_cast<ssize_t>(filled);
}

}  // namespace

Result<TrustedFile> hash_trusted_file(const fs::path& source, std::string path) {
    const auto refuse = [&source] {
        return fail(fmt::format("trusted file {}: {}", source.string(), std::strerror(errno)),
                    "make it readable or leave it out");
    };
    const Fd fd{::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) return refuse();
    if (!S_ISREG(info.st_mode)) {
        errno = EINVAL;
        return refuse();
    }
    TrustedFile file{};
    file.path = std::move(path);
    file.mode = info.st_mode & 0555u;
    file.source = source.string();
    file.modified_ns = nanoseconds(info.st_mtim);
    std::vector<std::byte> buffer(abi::kTrustedChunk);
    for (;;) {
        const ssize_t count = read_chunk(fd.get(), buffer);
        if (count < 0) return refuse();
        if (count == 0) break;
        file.size += static_cast<std::uint64_t>(count);
        Sha sha{ShaKind::kSha256};
        sha.update(std::span{buffer}.first(static_cast<std::size_t>(count)));
        sha.finish(file.chunks.emplace_back());
        if (static_cast<std::size_t>(count) < buffer.size()) break;
    }
    file.root = root_of(file);
    return file;
}

std::array<std::byte, 32> root_of(const TrustedFile& file) {
    std::array<std::byte, 32> root;
    Sha sha{ShaKind::kSha256};
    sha.update(std::as_bytes(std::span{&file.size, 1}));
    sha.update(std::as_bytes(std::span{file.chunks}));
    sha.finish(root);
    return root;
}

Result<std::vector<TrustedFile>> hash_trusted_files(
    const std::vector<std::pair<fs::path, std::string>>& wanted) {
    std::vector<std::optional<Result<TrustedFile>>> results(wanted.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i; (i = next++) < wanted.size();) {
            results[i].emplace(hash_trusted_file(wanted[i].first, wanted[i].second));
        }
    };
    {
        const std::size_t most = std::min<std::size_t>(std::thread::hardware_concurrency(), wanted.size());
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < most; i++) helpers.emplace_back(work);
        work();
    }
    std::vector<TrustedFile> files;
    for (auto& result : results) files.push_back(TRY(std::move(*result)));
    return files;
}

Result<TrustedTree> hash_trusted_tree(const fs::path& source, const std::string& mount_path) {
    TrustedTree tree;
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (!fs::exists(status)) {
        return fail(fmt::format("trusted file {} does not exist", source.string()),
                    "correct the mount's uri");
    }
    if (!fs::is_directory(status)) {
        tree.files.push_back(TRY(hash_trusted_file(source, mount_path)));
        return tree;
    }
    std::vector<fs::path> found;
    for (fs::recursive_directory_iterator walk{source, error}, end; !error && walk != end;
         walk.increment(error)) {
        if (walk->is_symlink() || walk->is_regular_file()) found.push_back(walk->path());
    }
    if (error) {
        return fail(fmt::format("cannot read all of {}: {}", source.string(), error.message()),
                    "make it readable or name its files one by one");
    }
    std::sort(found.begin(), found.end());
    const std::string prefix = mount_path == "/" ? "" : mount_path;
    std::vector<std::pair<fs::path, std::string>> files;
    for (const fs::path& path : found) {
        std::string name = prefix + "/" + path.lexically_relative(source).generic_string();
        if (fs::is_symlink(path)) {
            tree.links.push_back({std::move(name), fs::read_symlink(path).string()});
        } else {
            files.emplace_back(path, std::move(name));
        }
    }
    tree.files = TRY(hash_trusted_files(files));
    return tree;
}

}  // namespace enclavisor::host
