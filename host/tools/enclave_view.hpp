// Names as a program in the enclave will see them: which file of the host one leads to.
#pragma once

#include <string>
#include <vector>

#include "host/lib/config.hpp"

namespace enclavisor::host {

class EnclaveView {
public:
    explicit EnclaveView(const std::vector<Mount>& mounts) : mounts_{mounts} {}

    struct Seen {
        const Mount* mount = nullptr;
        std::string source;  // on the host
    };
    // Links in trusted mounts are followed inside, all others by the host. Without a mount:
    // there is no such file, or it is a tmpfs's.
    Seen find(const std::string& path) const;

private:
    const std::vector<Mount>& mounts_;
};

}  // namespace enclavisor::host
