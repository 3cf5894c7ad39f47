// Where relative names begin, and what is masked from the modes of new files: what
// CLONE_FS shares.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/files/open_file.hpp"

namespace enclavisor::runtime {

struct Directory : Counted {
    Directory(std::string its_path, std::uint32_t its_umask) : path{std::move(its_path)}, umask{its_umask} {}
    Directory(const Directory& other)
        : Counted{}, path{other.path}, at_host{other.at_host}, umask{other.umask} {}

    std::string path;       // absolute, in the enclave; not used before a host's root
    Ref<OpenFile> at_host;  // before a host's root; null: the proxy's own
    std::uint32_t umask;
};

}  // namespace enclavisor::runtime
