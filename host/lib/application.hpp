// An application ready to be measured or run: from a bare program, from a manifest, or
// from a package.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/lib/config.hpp"
#include "host/lib/description.hpp"
#include "host/lib/error.hpp"
#include "host/lib/image.hpp"
#include "host/lib/manifest.hpp"

namespace enclavisor::host {

struct Application {
    std::string name;  // for messages
    EnclaveImage image;
    Description description;           // its measurement is package_of()'s to compute
    std::vector<Application> members;  // of a group, which has neither of its own
    // What the enclave believes its host, in words; empty: nothing beyond the call results.
    std::vector<std::string> insecure;
};

// A host path of a manifest in `folder`, absolute: the program may change its working directory.
std::filesystem::path resolve_path(const std::filesystem::path& folder, const std::string& path);
// What the manifest in `folder` says, without hashes of trusted files.
Configuration configuration_of(const Manifest& manifest, const std::filesystem::path& folder);

// Everything that is not the program itself comes from the host.
Result<Application> describe_program(const std::filesystem::path& program, std::uint64_t memory_limit,
                                     bool host_executes = false);
Result<Application> describe_manifest(const std::filesystem::path& manifest);
// Refused, with its name, if a file is not as it was when the package was built.
Result<Application> describe_package(const std::filesystem::path& package);

// A manifest, a package, or a program by its name, the way a shell looks. `limit` is what is
// said of a program's memory; empty: kDefaultMemoryLimit.
Result<Application> describe_application(const std::string& name, const std::string& limit,
                                         bool host_executes = false);

// The arguments of a run, `name` first; an error if the manifest fixes them and there are some.
Result<std::vector<std::string>> arguments_for(const Application& application, const std::string& name,
                                               const std::vector<std::string>& arguments);

Package package_of(const Application& application);
Measurement measure(const Application& application);

// Whether `path` is meant as a manifest: NAME.toml, or a package: NAME.enclave.
bool is_manifest(const std::string& path);
bool is_package(const std::string& path);

}  // namespace enclavisor::host
