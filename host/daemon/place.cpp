#include "host/daemon/place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxName = 32;         // a socket's path has little room
constexpr std::size_t kMaxSocketPath = 107;  // unix(7)

// Made if it is missing. Somebody else's would let him answer in the daemon's place.
Result<void> own_directory(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(fmt::format("cannot make {}: {}", path.string(), std::strerror(errno)),
                    "set ENCLAVISOR_RUN_DIR to a folder that can be written");
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
        (info.st_mode & 0022) != 0) {
        return fail(fmt::format("{} is not a folder that only you can write to", path.string()),
                    "remove it, or set ENCLAVISOR_RUN_DIR");
    }
    return {};
}

}  // namespace

sockaddr_un VmPlace::address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof(address.sun_path) - 1);
    return address;
}

fs::path run_directory() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string{value != nullptr ? value : ""};
    };
    if (const auto chosen = variable("ENCLAVISOR_RUN_DIR"); !chosen.empty()) return fs::absolute(chosen);
    if (const auto user = variable("XDG_RUNTIME_DIR"); !user.empty()) return fs::path{user} / "enclavisor";
    if (::geteuid() == 0) return "/run/enclavisor";
    return fmt::format("/tmp/enclavisor-{}", ::geteuid());
}

Result<VmPlace> find_place(const std::string& name) {
    const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return (c < 128 && std::isalnum(c)) || c == '-' || c == '_';
    });
    if (name.empty() || name.size() > kMaxName || !plain) {
        return fail(fmt::format("'{}' is no name for a VM", name),
                    "use up to 32 letters, digits, '-' and '_'");
    }
    VmPlace place{name, run_directory() / name};
    if (place.socket().string().size() > kMaxSocketPath) {
        return fail(fmt::format("{} is too long for the path of a socket", place.socket().string()),
                    "set ENCLAVISOR_RUN_DIR to a shorter one");
    }
    return place;
}

Result<VmPlace> make_place(const std::string& name) {
    auto place = TRY(find_place(name));
    TRY(own_directory(place.directory.parent_path()));
    TRY(own_directory(place.directory));
    return place;
}

Result<Fd> take_lock(const VmPlace& place) {
    Fd lock{::open(place.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!lock) return fail(fmt::format("cannot open {}: {}", place.lock().string(), std::strerror(errno)));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(
            fmt::format("the VM '{}' has a daemon already", place.name),
            fmt::format("use it, end it with 'enclavisor vm stop {}', or give another name", place.name));
    }
    return lock;
}

bool is_locked(const VmPlace& place) {
    const Fd lock{::open(place.lock().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

std::vector<VmPlace> living_places() {
    std::vector<VmPlace> places;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{run_directory(), error}) {
        auto place = find_place(entry.path().filename().string());
        if (place.ok() && is_locked(*place)) places.push_back(place.take());
    }
    std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return places;
}

}  // namespace enclavisor::host
