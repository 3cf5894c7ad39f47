#include "host/lib/application.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "abi/platform/layout.hpp"
#include "host/lib/elf.hpp"
#include "host/lib/file.hpp"
#include "host/lib/libraries.hpp"
#include "host/lib/loader.hpp"
#include "host/lib/manifest.hpp"
#include "host/lib/paths.hpp"
#include "host/lib/text.hpp"
#include "host/lib/trusted_files.hpp"

namespace enclavisor::host {
namespace {

namespace fs = std::filesystem;

struct Program {
    std::string name;
    std::vector<std::byte> bytes;
    std::string interpreter;  // as the program names it; empty: a static program
};

Result<Program> read_program(const fs::path& path) {
    Program program{path.string(), TRY(read_file(path)), {}};
    program.interpreter = TRY(parse_elf(program.bytes, program.name)).interpreter;
    return program;
}

// `interpreter`: where the host has it.
Result<EnclaveImage> load(const Program& program, const std::string& interpreter,
                          const Configuration& configuration) {
    const fs::path runtime_path = TRY(find_runtime());
    const auto runtime = TRY(read_file(runtime_path));
    const std::string runtime_name = runtime_path.string();
    const ElfInput program_input{program.bytes, program.name}, runtime_input{runtime, runtime_name};
    if (interpreter.empty()) return load_process(program_input, std::nullopt, runtime_input, configuration);
    const auto bytes = read_file(interpreter);
    if (!bytes) {
        return fail(fmt::format("{}: its interpreter cannot be read: {}", program.name, bytes.error().cause),
                    "install the C library that the program was built for", kExitNotFound);
    }
    return load_process(program_input, ElfInput{bytes.value(), interpreter}, runtime_input, configuration);
}

// The host's file that the enclave will see at `path`; without a mount, the host's own.
std::string host_path(const Configuration& configuration, const std::string& path) {
    const Mount* best = nullptr;
    for (const Mount& mount : configuration.mounts) {
        const bool covers = mount.path == "/" || path == mount.path || path.starts_with(mount.path + "/");
        if (covers && !mount.uri.empty() && (best == nullptr || mount.path.size() > best->path.size()))
            best = &mount;
    }
    if (best == nullptr) return path;
    return best->uri + path.substr(best->path == "/" ? 0 : best->path.size());
}

// Host paths are made absolute: the program may change its working directory.
fs::path resolve(const fs::path& folder, const std::string& path) {
    std::string text = (folder / path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

}  // namespace

bool is_manifest(const std::string& path) {
    return path.ends_with(".toml");
}

Result<Application> describe_program(const fs::path& program, std::uint64_t memory_limit) {
    Configuration configuration;
    configuration.options.flags = abi::kHostArguments | abi::kHostEnvironment | abi::kHostIdentity;
    configuration.options.stack_size = kDefaultStackSize;
    configuration.options.memory_limit = memory_limit;
    configuration.options.threads = kDefaultThreads;
    std::error_code error;
    const fs::path real = fs::canonical(program, error);
    configuration.executable = error ? program.string() : real.string();
    configuration.mounts.push_back({abi::MountType::kPassthrough, "/", "/"});
    const Program read = TRY(read_program(program));
    if (!read.interpreter.empty()) {
        // The libraries it begins with are measured and then believed to nobody.
        for (const std::string& path :
             needed_libraries(read.bytes, configuration.executable, read.interpreter)) {
            configuration.trusted_files.push_back(TRY(hash_trusted_file(path, path)));
        }
        if (!configuration.trusted_files.empty())
            configuration.mounts.push_back({abi::MountType::kTrusted, "/", "/"});
    }
    Application application;
    application.name = program.string();
    application.image = TRY(load(read, read.interpreter, configuration));
    application.arguments_from_host = true;
    application.insecure = {"program", "arguments", "environment", "all files"};
    return application;
}

Result<Application> describe_manifest(const fs::path& path) {
    const auto bytes = TRY(read_file(path));
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const Manifest manifest = TRY(parse_manifest(text, path.string()));
    const fs::path folder = fs::absolute(path).parent_path();

    Application application;
    if (!manifest.group_members.empty()) {
        application.name = path.string();
        for (const std::string& member : manifest.group_members) {
            const fs::path at = resolve(folder, member);
            application.members.push_back(TRY(describe_manifest(at)));
            if (!application.members.back().members.empty()) {
                return fail(fmt::format("{}: a member of a group is a group", at.string()),
                            "name its members instead");
            }
        }
        return application;
    }
    Configuration configuration;
    auto& options = configuration.options;
    const auto believe = [&](bool believed, std::uint64_t flag, const char* what) {
        if (!believed) return;
        options.flags |= flag;
        application.insecure.emplace_back(what);
    };
    believe(manifest.host_arguments, abi::kHostArguments, "arguments");
    believe(manifest.host_environment, abi::kHostEnvironment, "environment");
    believe(manifest.host_identity, abi::kHostIdentity, "identity and working directory");
    for (const std::string& name : manifest.environment_from_host) {
        application.insecure.push_back("environment variable " + name);
    }
    if (manifest.freeze_at_input) options.flags |= abi::kFreezeAtInput;
    options.stack_size = manifest.stack_size;
    options.memory_limit = manifest.memory_limit;
    options.threads = manifest.threads;
    options.uid = manifest.uid;
    options.gid = manifest.gid;
    configuration.executable = (fs::path{"/"} / manifest.entrypoint).lexically_normal().string();
    if (!manifest.host_arguments) configuration.arguments = manifest.argv;
    if (!manifest.host_arguments && manifest.argv.empty()) {
        configuration.arguments = {configuration.executable};
    }
    configuration.environment = manifest.environment;
    configuration.environment_from_host = manifest.environment_from_host;
    for (const ManifestMount& mount : manifest.mounts) {
        const std::string uri = mount.uri.empty() ? "" : resolve(folder, mount.uri).string();
        configuration.mounts.push_back({mount.type, mount.path, uri});
        if (mount.type == abi::MountType::kPassthrough)
            application.insecure.push_back("files below " + mount.path);
        if (mount.type != abi::MountType::kTrusted) continue;
        TrustedTree tree = TRY(hash_trusted_tree(uri, mount.path));
        std::move(tree.files.begin(), tree.files.end(), std::back_inserter(configuration.trusted_files));
        std::move(tree.links.begin(), tree.links.end(), std::back_inserter(configuration.trusted_links));
    }
    const Program program = TRY(read_program(resolve(folder, manifest.entrypoint)));
    application.name = program.name;
    const std::string interpreter =
        program.interpreter.empty() ? "" : host_path(configuration, program.interpreter);
    application.image = TRY(load(program, interpreter, configuration));
    application.arguments_from_host = manifest.host_arguments;
    return application;
}

Result<Application> describe_application(const std::string& name, const std::string& limit) {
    if (is_manifest(name)) {
        if (!limit.empty()) {
            return fail("--limit does not go with a manifest", "set enclave.memory_limit in the manifest");
        }
        return describe_manifest(name);
    }
    std::uint64_t bytes = kDefaultMemoryLimit;
    if (!limit.empty()) {
        const auto size = parse_size(limit);
        if (!size || *size < abi::kPageSize) {
            return fail(fmt::format("--limit {} is not a size", limit), "write it like 256M or 1G");
        }
        bytes = *size / abi::kPageSize * abi::kPageSize;
    }
    return describe_program(TRY(find_program(name)), bytes);
}

Result<std::vector<std::string>> arguments_for(const Application& application, const std::string& name,
                                               const std::vector<std::string>& arguments) {
    if (!arguments.empty() && !application.arguments_from_host) {
        return fail("the manifest fixes the arguments of the program",
                    "put them into argv, or set insecure__use_host_argv = true");
    }
    std::vector<std::string> all{name};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

}  // namespace enclavisor::host
