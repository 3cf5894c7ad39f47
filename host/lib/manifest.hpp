// The manifest: what an application may take from its host, in TOML with keys
// in the manner of Gramine's. The manifest becomes part of the enclave's
// measurement through the configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "abi/enclave/config.hpp"
#include "host/lib/config.hpp"
#include "host/lib/error.hpp"
#include "host/lib/toml_guard.hpp"

namespace enclavisor::host {

struct ManifestMount {
    abi::MountType type = abi::MountType::kTmpfs;
    std::string path;  // inside the enclave; absolute, normal
    std::string uri;   // as written, without "file:"; relative to the manifest's folder
    TextPosition at{};
};

struct Manifest {
    std::string entrypoint;  // as written, without "file:"
    std::vector<std::string> argv;
    std::vector<std::string> environment;            // NAME=value, sorted by name
    std::vector<std::string> environment_from_host;  // NAME, sorted
    bool host_arguments = false;
    bool host_environment = false;
    bool host_identity = false;
    std::uint64_t memory_limit = kDefaultMemoryLimit;
    std::uint64_t stack_size = kDefaultStackSize;
    std::uint64_t threads = kDefaultThreads;  // that can be in calls to the host at once
    std::uint64_t uid = 0, gid = 0;
    bool freeze_at_input = false;  // becomes a template when it first reads its standard input
    std::vector<ManifestMount> mounts;
    std::vector<MayExecute> may_execute;
    // A group: the manifests of its members, as written; all else is empty then.
    std::vector<std::string> group_members;
    // Where keys stand, by their last part: "argv", "env", "env.LANG".
    std::map<std::string, TextPosition, std::less<>> places;
};

struct ManifestMistake {
    TextPosition at;  // line 0: nowhere in particular
    std::string cause, cure;
};

// What can be understood, and all mistakes in the order of the file; one of syntax hides the others.
Manifest read_manifest(std::string_view text, std::vector<ManifestMistake>& mistakes);

// Only a manifest without mistakes. `name` is the file's name in messages: "NAME:LINE:COLUMN: cause".
Result<Manifest> parse_manifest(std::string_view text, const std::string& name);

}  // namespace enclavisor::host
