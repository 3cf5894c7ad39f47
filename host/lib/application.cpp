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
#include "host/lib/package.hpp"
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

// Reads the rest and makes the image. `interpreter`: where the host has it.
Result<Application> load(const Program& program, const std::string& interpreter,
                         Configuration configuration) {
    const fs::path runtime_path = TRY(find_runtime());
    const auto runtime = TRY(read_file(runtime_path));
    const std::string runtime_name = runtime_path.string();
    const ElfInput program_input{program.bytes, program.name}, runtime_input{runtime, runtime_name};
    Application application;
    application.name = program.name;
    Description& description = application.description;
    description.program = hash_bytes(program.name, program.bytes);
    description.runtime = hash_bytes("", runtime);
    if (interpreter.empty()) {
        application.image = TRY(load_process(program_input, std::nullopt, runtime_input, configuration));
    } else {
        const auto bytes = read_file(interpreter);
        if (!bytes) {
            return fail(
                fmt::format("{}: its interpreter cannot be read: {}", program.name, bytes.error().cause),
                "install the C library that the program was built for", kExitNotFound);
        }
        description.interpreter = hash_bytes(interpreter, bytes.value());
        application.image = TRY(
            load_process(program_input, ElfInput{bytes.value(), interpreter}, runtime_input, configuration));
    }
    application.insecure = believed(configuration);
    description.configuration = std::move(configuration);
    return application;
}

base::Failure<Error> changed(const std::string& file, const std::string& package) {
    return fail(fmt::format("{} is not what it was when {} was built", file, package),
                "put the old one back, or build again");
}

Result<void> expect(FileHash known, const fs::path& file, const std::string& package) {
    known.path = file.string();
    const auto bytes = read_file(file);
    if (!bytes || hash_bytes(file.string(), bytes.value()) != known) return changed(file.string(), package);
    return {};
}

// Of the files of the host as `description` knows them.
Result<Application> load_again(Description description, const std::string& package) {
    const std::string interpreter = description.interpreter.path;
    TRY(expect(description.program, description.program.path, package));
    if (!interpreter.empty()) TRY(expect(description.interpreter, interpreter, package));
    const fs::path runtime = TRY(find_runtime());
    TRY(expect(description.runtime, runtime, package));
    Configuration& configuration = description.configuration;
    std::vector<std::pair<fs::path, std::string>> wanted;
    for (const TrustedFile& file : configuration.trusted_files) wanted.emplace_back(file.source, file.path);
    const auto files = hash_trusted_files(wanted);
    if (!files) return fail(files.error().cause, fmt::format("put it back, or build {} again", package));
    for (std::size_t i = 0; i < wanted.size(); i++) {
        TrustedFile& file = configuration.trusted_files[i];
        if (files.value()[i].root != file.root) return changed(file.source, package);
        file.modified_ns = files.value()[i].modified_ns;
    }
    const Program program = TRY(read_program(description.program.path));
    Application application = TRY(load(program, interpreter, std::move(configuration)));
    if (measure(application.image) != description.measurement) {
        return fail(fmt::format("{}: its contents do not give the measurement that it names", package),
                    "it was altered: build it again");
    }
    return application;
}

}  // namespace

bool is_manifest(const std::string& path) {
    return path.ends_with(".toml");
}
bool is_package(const std::string& path) {
    return path.ends_with(".enclave");
}

fs::path resolve_path(const fs::path& folder, const std::string& path) {
    std::string text = (folder / path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    return text;
}

Configuration configuration_of(const Manifest& manifest, const fs::path& folder) {
    Configuration configuration;
    auto& options = configuration.options;
    if (manifest.host_arguments) options.flags |= abi::kHostArguments;
    if (manifest.host_environment) options.flags |= abi::kHostEnvironment;
    if (manifest.host_identity) options.flags |= abi::kHostIdentity;
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
    configuration.may_execute = manifest.may_execute;
    configuration.environment = manifest.environment;
    configuration.environment_from_host = manifest.environment_from_host;
    for (const ManifestMount& mount : manifest.mounts) {
        const std::string uri = mount.uri.empty() ? "" : resolve_path(folder, mount.uri).string();
        configuration.mounts.push_back({mount.type, mount.path, uri});
    }
    return configuration;
}

Measurement measure(const Application& application) {
    if (application.members.empty()) return measure(application.image);
    std::vector<Measurement> members;
    for (const Application& member : application.members) members.push_back(measure(member.image));
    return measure_group(members);
}

Package package_of(const Application& application) {
    Package package;
    package.is_group = !application.members.empty();
    package.measurement = measure(application);
    const auto add = [&](const Application& one) {
        package.enclaves.push_back(one.description);
        package.enclaves.back().measurement = measure(one.image);
    };
    if (!package.is_group) add(application);
    for (const Application& member : application.members) add(member);
    return package;
}

Result<Application> describe_program(const fs::path& program, std::uint64_t memory_limit,
                                     bool host_executes) {
    Configuration configuration;
    configuration.options.flags = abi::kHostArguments | abi::kHostEnvironment | abi::kHostIdentity;
    if (host_executes) configuration.options.flags |= abi::kHostExecutes;
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
        const Libraries libraries = needed_libraries(read.bytes, configuration.executable, read.interpreter);
        for (const std::string& path : libraries.paths) {
            configuration.trusted_files.push_back(TRY(hash_trusted_file(path, path)));
        }
        if (!configuration.trusted_files.empty())
            configuration.mounts.push_back({abi::MountType::kTrusted, "/", "/"});
    }
    Application application = TRY(load(read, read.interpreter, std::move(configuration)));
    application.insecure = {"program", "arguments", "environment", "all files"};
    if (host_executes) application.insecure.emplace_back("further programs");
    return application;
}

Result<Application> describe_manifest(const fs::path& path) {
    const auto bytes = TRY(read_file(path));
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const Manifest manifest = TRY(parse_manifest(text, path.string()));
    const fs::path folder = fs::absolute(path).parent_path();

    if (!manifest.group_members.empty()) {
        Application application;
        application.name = path.string();
        for (const std::string& member : manifest.group_members) {
            const fs::path at = resolve_path(folder, member);
            application.members.push_back(TRY(describe_manifest(at)));
            if (!application.members.back().members.empty()) {
                return fail(fmt::format("{}: a member of a group is a group", at.string()),
                            "name its members instead");
            }
        }
        return application;
    }
    Configuration configuration = configuration_of(manifest, folder);
    for (const Mount& mount : configuration.mounts) {
        if (mount.type != abi::MountType::kTrusted) continue;
        TrustedTree tree = TRY(hash_trusted_tree(mount.uri, mount.path));
        std::move(tree.files.begin(), tree.files.end(), std::back_inserter(configuration.trusted_files));
        std::move(tree.links.begin(), tree.links.end(), std::back_inserter(configuration.trusted_links));
    }
    const Program program = TRY(read_program(resolve_path(folder, manifest.entrypoint)));
    const std::string interpreter =
        program.interpreter.empty() ? "" : host_path(configuration.mounts, program.interpreter);
    return load(program, interpreter, std::move(configuration));
}

Result<Application> describe_package(const fs::path& path) {
    const auto bytes = TRY(read_file(path));
    Package package =
        TRY(parse_package({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string()));
    Application group;
    group.name = path.string();
    for (Description& description : package.enclaves)
        group.members.push_back(TRY(load_again(std::move(description), path.string())));
    if (package.is_group) return group;
    return std::move(group.members.front());
}

Result<Application> describe_application(const std::string& name, const std::string& limit,
                                         bool host_executes) {
    if (is_manifest(name) || is_package(name)) {
        if (!limit.empty()) {
            return fail("--limit does not go with a manifest", "set enclave.memory_limit in the manifest");
        }
        if (host_executes)
            return fail("--allow-exec does not go with a manifest", "set exec.allow in the manifest");
        return is_package(name) ? describe_package(name) : describe_manifest(name);
    }
    std::uint64_t bytes = kDefaultMemoryLimit;
    if (!limit.empty()) {
        const auto size = parse_size(limit);
        if (!size || *size < abi::kPageSize) {
            return fail(fmt::format("--limit {} is not a size", limit), "write it like 256M or 1G");
        }
        bytes = *size / abi::kPageSize * abi::kPageSize;
    }
    return describe_program(TRY(find_program(name)), bytes, host_executes);
}

Result<std::vector<std::string>> arguments_for(const Application& application, const std::string& name,
                                               const std::vector<std::string>& arguments) {
    const std::uint64_t flags = application.description.configuration.options.flags;
    if (!arguments.empty() && (flags & abi::kHostArguments) == 0) {
        return fail("the manifest fixes the arguments of the program",
                    "put them into argv, or set insecure__use_host_argv = true");
    }
    std::vector<std::string> all{name};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

}  // namespace enclavisor::host
