// Files that the runtime itself is: devices without hardware, and the process's
// own view of itself under /proc. The host is never asked about these.
#pragma once

#include "runtime/files/file_system.hpp"

namespace enclavisor::runtime {

class SpecialFiles final : public FileSystem {
public:
    // Whether the enclave answers for this normalised path. With a host file
    // system below /dev, attributes of devices remain the host's (see Names).
    bool has(std::string_view path) const;
    static bool is_device(std::string_view path) { return path.substr(0, 5) == "/dev/"; }

    Opened open(const Place&, int flags, mode_t) override;
    std::int64_t stat(const Place&, int flags, struct stat&) override;
    std::int64_t access(const Place&, int mode, int flags) override;
    std::int64_t read_link(const Place&, std::string&) override;
};

}  // namespace enclavisor::runtime
