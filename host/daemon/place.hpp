// Where a VM with a daemon is found: DIRECTORY/NAME/ with the daemon's socket, the lock
// that it holds while it lives, and the output of detached enclaves.
#pragma once

#include <sys/un.h>

#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/error.hpp"
#include "host/lib/fd.hpp"

namespace enclavisor::host {

inline constexpr const char* kDefaultVm = "default";

struct VmPlace {
    std::string name;
    std::filesystem::path directory;

    std::filesystem::path socket() const { return directory / "socket"; }
    sockaddr_un address() const;  // the socket's, for bind and connect
    std::filesystem::path lock() const { return directory / "lock"; }
    std::filesystem::path log(std::uint64_t id) const { return directory / (std::to_string(id) + ".log"); }
};

// $ENCLAVISOR_RUN_DIR, else $XDG_RUNTIME_DIR/enclavisor, else /run/enclavisor for root and
// /tmp/enclavisor-UID for others.
std::filesystem::path run_directory();

// Letters, digits, '-' and '_'.
Result<VmPlace> find_place(const std::string& name);
// The same, made if it is missing; only its owner may look into it.
Result<VmPlace> make_place(const std::string& name);

// Held by the daemon as long as it lives; an error if another one holds it.
Result<Fd> take_lock(const VmPlace& place);
// Whether a daemon holds it.
bool is_locked(const VmPlace& place);
// Of all VMs that have a daemon now.
std::vector<VmPlace> living_places();

}  // namespace enclavisor::host
