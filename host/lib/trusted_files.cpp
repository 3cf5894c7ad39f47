#include "host/lib/trusted_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "host/lib/file.hpp"
#include "host/lib/sha.hpp"

namespace enclavisor::host {

namespace fs = std::filesystem;

Result<TrustedFile> hash_trusted_file(const fs::path& source, std::string path) {
    const auto bytes = TRY(read_file(source));
    struct stat info {};
    if (::stat(source.c_str(), &info) != 0) return fail(fmt::format("{}: has gone away", source.string()));
    TrustedFile file{std::move(path), bytes.size(), {}, info.st_mode & 0555u};
    Sha sha{ShaKind::kSha256};
    sha.update(bytes);
    sha.finish(file.sha256);
    return file;
}

Result<std::vector<TrustedFile>> hash_trusted_files(const fs::path& source, const std::string& mount_path) {
    std::vector<TrustedFile> files;
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (!fs::exists(status)) {
        return fail(fmt::format("trusted file {} does not exist", source.string()),
                    "correct the mount's uri");
    }
    if (!fs::is_directory(status)) {
        files.push_back(TRY(hash_trusted_file(source, mount_path)));
        return files;
    }
    std::vector<fs::path> found;
    for (fs::recursive_directory_iterator walk{source, error}, end; !error && walk != end;
         walk.increment(error)) {
        std::error_code ignored;  // a dangling link is not a file
        if (walk->is_regular_file(ignored)) found.push_back(walk->path());
    }
    if (error) {
        return fail(fmt::format("cannot read all of {}: {}", source.string(), error.message()),
                    "make it readable or name its files one by one");
    }
    std::sort(found.begin(), found.end());
    const std::string prefix = mount_path == "/" ? "" : mount_path;
    for (const fs::path& path : found) {
        files.push_back(
            TRY(hash_trusted_file(path, prefix + "/" + path.lexically_relative(source).generic_string())));
    }
    return files;
}

}  // namespace enclavisor::host
