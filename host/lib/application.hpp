// An application ready to be measured or run: from a bare program, or from a
// manifest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/config.hpp"
#include "host/lib/error.hpp"
#include "host/lib/image.hpp"

namespace enclavisor::host {

struct Application {
    std::string name;  // for messages
    EnclaveImage image;
    bool arguments_from_host = false;
    std::vector<Application> members;  // of a group, which has no image of its own
    // What the enclave believes its host, in words; empty: nothing beyond the call results.
    std::vector<std::string> insecure;
};

// Everything that is not the program itself comes from the host.
Result<Application> describe_program(const std::filesystem::path& program, std::uint64_t memory_limit);
Result<Application> describe_manifest(const std::filesystem::path& manifest);

// A manifest, or a program by its name, the way a shell looks. `limit` is what is said of a
// program's memory; empty: kDefaultMemoryLimit.
Result<Application> describe_application(const std::string& name, const std::string& limit);

// The arguments of a run, `name` first; an error if the manifest fixes them and there are some.
Result<std::vector<std::string>> arguments_for(const Application& application, const std::string& name,
                                               const std::vector<std::string>& arguments);

// Whether `path` is meant as a manifest: NAME.toml.
bool is_manifest(const std::string& path);

}  // namespace enclavisor::host
