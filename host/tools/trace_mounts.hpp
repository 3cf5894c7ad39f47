// Which mounts give a program the names that it used: as few and as harmless as will do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "abi/enclave/config.hpp"
#include "host/tools/recording.hpp"

namespace enclavisor::host {

struct TraceMounts {
    struct Mount {
        abi::MountType type;
        std::string uri;
    };
    std::map<std::string, Mount> mounts;  // by path
    bool need_directory = false;          // some are only found from the working directory
    std::vector<std::string> kernel;      // files of the kernel's that were found
    std::vector<std::string> too_large;   // directories that were listed and are too large to trust
};

TraceMounts mounts_for(const Recording& recording);

// `path` is `folder` or below it.
bool is_below(const std::string& path, const std::string& folder);
// In /tmp or its like, which is a tmpfs in the enclave.
bool is_below_temporary(const std::string& path);

}  // namespace enclavisor::host
